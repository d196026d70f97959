# SPDX-License-Identifier: Apache-2.0
"""One blind signature for whoever holds a grant on an anonymous event, once.

What is written is that this principal has had it, and the hash of what was signed: so an answer that got lost
can be asked for again, with the same message and no other. The message itself, the signature and the time are
not kept. Signing comes after the commit (``KeyProvider.blind_sign``): who has no answer asks again.
"""

from __future__ import annotations

import hashlib
import hmac

from vestibule.core import authority
from vestibule.core.anonymity import AnonymousEvent, check_blinded
from vestibule.core.event import AnonymousCodeIssued
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.keys import KeyRecord
from vestibule.errors import EventOverError, KeyStateError, NotFoundError, NotPermittedError
from vestibule.ports import UnitOfWork


def take_code(
    uow: UnitOfWork, actor: Actor, tenant_id: str, event_id: str, blinded: bytes, *, context: RequestContext
) -> KeyRecord:
    """*blinded* may be signed now, with this key; and nothing else for this principal.

    Raises:
        NotPermittedError: a key, a member without a grant on the event, or one who has had its signature.
        NotFoundError: no such event, or the caller does not belong to its tenant.
        TenantSuspendedError, EventOverError, KeyStateError: nobody gets a code now.
        InvalidRequestError: no blinded message for this key.
    """
    principal_id = authority.check_principal(actor).principal_id
    event = uow.anonymity.find(event_id, is_locked=True)
    if event is None or event.tenant_id != tenant_id:
        raise NotFoundError
    _check_holder(uow, event, principal_id)
    if event.state_at(uow.now()) == "closed":
        raise EventOverError("This event is over: nobody gets a code any more.")
    key = uow.keys.find(event.key_id)
    if key is None or key.public_key is None or key.compromised_at is not None:
        raise KeyStateError("This event's key was given up: nothing is signed with it any more.")
    check_blinded(key.public_key, blinded)
    signed, asked = uow.anonymity.find_issued(event_id, principal_id), hashlib.sha256(blinded).digest()
    if signed is not None:
        if not hmac.compare_digest(signed, asked):
            raise NotPermittedError("You have had your code for this event; there is one for each person.")
        return key
    uow.anonymity.issue(event_id, principal_id, asked)
    told = AnonymousCodeIssued(tenant_id=event.tenant_id, event_id=event_id)
    uow.audit.append(told, actor=actor, context=context)
    uow.commit()
    return key


def _check_holder(uow: UnitOfWork, event: AnonymousEvent, principal_id: str) -> None:
    tenant = uow.tenants.find(event.tenant_id)
    authority.check_member(tenant, uow.members.find(event.tenant_id, principal_id), uow.now())
    if tenant is None:
        raise NotFoundError
    authority.check_active(tenant)
    held = uow.resources.list_grants(event.tenant_id, principal_id)
    if not any(one.resource_id == event.resource_id for one in held):
        raise NotPermittedError("You have not been invited to this event.")

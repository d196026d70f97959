# SPDX-License-Identifier: Apache-2.0
"""Erase one person: gone from every table, while the trail stays as it was (LIF-06, CRYPTO.md 2.5).

Who is a member stays one, without name and address; `offboard` is what takes access away.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from vestibule.core import authority
from vestibule.core.email import EmailAddress
from vestibule.core.event import (
    InvitationAnonymised,
    InvitationExpired,
    InvitationRevoked,
    PersonErased,
    PersonExported,
)
from vestibule.core.identity import Actor, RequestContext
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.ports import Person, UnitOfWork

_REASON = "person_erased"


def export_person(
    uow: UnitOfWork,
    actor: Actor,
    *,
    address: EmailAddress | None,
    principal_id: str | None,
    context: RequestContext,
) -> dict[str, Any]:
    """Everything held of one person, and of nobody else. That it was asked for stands in the trail.

    Raises:
        NotPermittedError: no key with the scope ``principals`` that is bound to no tenant.
        InvalidRequestError: neither an address nor a principal is named, or both are.
    """
    authority.check_key(actor, "principals")
    held = uow.people.describe(_find(uow, address, principal_id))
    uow.audit.append(PersonExported(), actor=actor, context=context)
    uow.commit()
    return held


def erase_person(
    uow: UnitOfWork,
    actor: Actor,
    *,
    address: EmailAddress | None,
    principal_id: str | None,
    context: RequestContext,
) -> Mapping[str, int]:
    """What was pending for the person is revoked, and what is held of it overwritten; how many, of what.

    Raises:
        NotPermittedError: no key with the scope ``principals`` that is bound to no tenant.
        InvalidRequestError: neither an address nor a principal is named, or both are.
    """
    authority.check_key(actor, "principals")
    person = _find(uow, address, principal_id)
    for tenant_id, one in uow.invitations.revoke_of_addresses(person.addresses, _REASON):
        revoked = InvitationRevoked(tenant_id=tenant_id, invitation_id=one, reason=_REASON)
        uow.audit.append(revoked, actor=actor, context=context)
    for tenant_id, one in uow.invitations.expire_of_addresses(person.addresses):
        expired = InvitationExpired(tenant_id=tenant_id, invitation_id=one)
        uow.audit.append(expired, actor="clock", context=context)
    counts = uow.people.erase(person)
    erased = PersonErased(
        invitations=counts["invitations"], memberships=counts["memberships"], accounts=counts["accounts"]
    )
    uow.audit.append(erased, actor=actor, context=context)
    uow.commit()
    return counts


def anonymise_final(uow: UnitOfWork, *, after: timedelta, limit: int, context: RequestContext) -> int:
    """Invitations that have been over for *after* no longer say whom they were for; at most *limit*."""
    done = uow.people.erase_final(uow.now() - after, limit)
    for tenant_id, one in done:
        event = InvitationAnonymised(tenant_id=tenant_id, invitation_id=one)
        uow.audit.append(event, actor="clock", context=context)
    uow.commit()
    return len(done)


def _find(uow: UnitOfWork, address: EmailAddress | None, principal_id: str | None) -> Person:
    if (address is None) == (principal_id is None):
        raise InvalidRequestError(FieldFault("", "Name an email or a principal_id, and not both."))
    return uow.people.find_person(address=None if address is None else address.key, principal_id=principal_id)

# SPDX-License-Identifier: Apache-2.0
"""An anonymous event comes into being, with a key that nothing else is ever signed with (CRYPTO.md 4.2).

Making an RSA key takes its time, so it is made outside of the transaction: ``check_create`` first, then
``make_event_key``, then ``create_event``. A key whose event did not come about is never used.
"""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.anonymity import (
    RULES,
    AnonymousEvent,
    AnonymousEventDraft,
    check_draft,
    purpose_of,
    thumbprint,
)
from vestibule.core.event import AnonymousEventCreated, KeyActivated, KeyCreated, ResourcePut
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.keys import Algorithm, KeyRecord, mint_key_id
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_id
from vestibule.errors import KeyMissingError, NotFoundError
from vestibule.ports import KeyProvider, UnitOfWork

_NO_RING = "Anonymous events need a key ring that makes RSA keys: set VESTIBULE_KEYRING."


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKey:
    """A fresh key of an event that is about to be."""

    event_id: str
    key_id: str
    provider: str
    reference: str
    public_key: bytes


def check_provider(provider: KeyProvider | None) -> KeyProvider:
    """There is a key ring, and it can make keys that sign blindly.

    Raises:
        KeyMissingError: there is none, or it can't.
    """
    if provider is None or Algorithm.RSABSSA not in provider.algorithms:
        raise KeyMissingError(_NO_RING)
    return provider


def make_event_key(provider: KeyProvider) -> EventKey:
    """A key for one event.

    Raises:
        KeyProviderError: the provider can't make one now.
    """
    event_id, key_id = mint_id(), mint_key_id()
    made = provider.create(key_id, purpose_of(event_id), Algorithm.RSABSSA)
    return EventKey(
        event_id=event_id,
        key_id=key_id,
        provider=provider.scheme,
        reference=made.reference,
        public_key=made.public_key or b"",
    )


def check_create(uow: UnitOfWork, actor: Actor, tenant_id: str, draft: AnonymousEventDraft) -> None:
    """*actor* may hold such an event in this tenant.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to do.
        TenantSuspendedError: nothing new is begun there now.
        InvalidRequestError: there can be no such event.
    """
    _check(uow, actor, uow.tenants.find(tenant_id), tenant_id)
    check_draft(draft, uow.now())


def create_event(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    draft: AnonymousEventDraft,
    key: EventKey,
    *,
    context: RequestContext,
) -> AnonymousEvent:
    """The event stands open for invitations; its key is published and in the trail before it signs anything.

    Raises:
        NotFoundError, NotPermittedError, TenantSuspendedError, InvalidRequestError: as ``check_create``.
    """
    _check(uow, actor, uow.tenants.find(tenant_id, lock="share"), tenant_id)
    now = uow.now()
    check_draft(draft, now)
    event = AnonymousEvent(
        event_id=key.event_id,
        tenant_id=tenant_id,
        name=draft.name,
        key_id=key.key_id,
        min_set_size=draft.min_set_size or RULES.min_set_size,
        created_at=now,
        opens_at=draft.opens_at,
        closes_at=draft.closes_at,
    )
    _publish_key(uow, actor, key, context)
    uow.anonymity.add(event)
    uow.resources.put(tenant_id, event.resource_id, event.name)
    put = ResourcePut(tenant_id=tenant_id, resource_id=event.resource_id, is_new=True)
    created = AnonymousEventCreated(
        tenant_id=tenant_id,
        event_id=event.event_id,
        key_id=key.key_id,
        public_key_hash=thumbprint(key.public_key),
        min_set_size=event.min_set_size,
    )
    for one in (put, created):
        uow.audit.append(one, actor=actor, context=context)
    uow.commit()
    return event


def _check(uow: UnitOfWork, actor: Actor, tenant: Tenant | None, tenant_id: str) -> None:
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants", tenant_id=tenant_id)
    else:
        authority.check_administrator(tenant, uow.members.find(tenant_id, actor.principal_id), uow.now())
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    authority.check_active(tenant)


def _publish_key(uow: UnitOfWork, actor: Actor, key: EventKey, context: RequestContext) -> None:
    purpose = purpose_of(key.event_id)
    record = KeyRecord(
        key_id=key.key_id,
        purpose=purpose,
        algorithm=Algorithm.RSABSSA,
        provider=key.provider,
        reference=key.reference,
        public_key=key.public_key,
        created_at=uow.now(),
    )
    uow.keys.add(record)
    created = KeyCreated(
        key_id=key.key_id,
        purpose=purpose,
        algorithm=Algorithm.RSABSSA,
        provider=key.provider,
        public_key_hash=thumbprint(key.public_key),
    )
    activated = KeyActivated(key_id=key.key_id, purpose=purpose, replaced_key_id=None)
    uow.audit.append(created, actor=actor, context=context)
    event_id = uow.audit.append(activated, actor=actor, context=context).record.event_id
    uow.keys.activate(key.key_id, event_id=event_id)

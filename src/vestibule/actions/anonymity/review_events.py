# SPDX-License-Identifier: Apache-2.0
"""Look at anonymous events: whoever holds one sees its numbers, everybody its key; nobody sees who."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.anonymity import AnonymousEvent, State, thumbprint
from vestibule.core.event import AnonymousEventClosed
from vestibule.core.identity import Actor, HostKey, RequestContext, VerifiedIdentity
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import EventOverError, KeyMissingError, NotFoundError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event as of now, with its public key."""

    event: AnonymousEvent
    state: State
    tenant_name: str
    public_key: bytes
    is_compromised: bool

    @property
    def thumbprint(self) -> str:
        return thumbprint(self.public_key)


def get_event(uow: UnitOfWork, actor: Actor, tenant_id: str, event_id: str) -> EventView:
    """One event of this tenant, for its host or its administrators.

    Raises:
        NotPermittedError, NotFoundError: not the actor's to see, or not there.
    """
    _check_reader(uow, actor, tenant_id)
    return _view(uow, _get_own(uow, tenant_id, event_id))


def list_events(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[EventView]:
    """A page of this tenant's events, the newest first.

    Raises:
        NotPermittedError, NotFoundError: not the actor's to see.
    """
    _check_reader(uow, actor, tenant_id)
    return uow.anonymity.list_of_tenant(tenant_id, request).map(lambda event: _view(uow, event))


def close_event(
    uow: UnitOfWork, actor: Actor, tenant_id: str, event_id: str, *, context: RequestContext
) -> EventView:
    """Nothing is signed or redeemed any more; the numbers stand in the trail.

    Raises:
        NotPermittedError, NotFoundError: not the actor's to do, or not there.
        EventOverError: it was closed before.
    """
    _check_reader(uow, actor, tenant_id)
    _get_own(uow, tenant_id, event_id, is_locked=True)
    if not uow.anonymity.close(event_id):
        raise EventOverError("This event was closed before.")
    closed = _get_own(uow, tenant_id, event_id)
    told = AnonymousEventClosed(
        tenant_id=tenant_id,
        event_id=event_id,
        issued_count=closed.issued_count,
        redeemed_count=closed.redeemed_count,
    )
    uow.audit.append(told, actor=actor, context=context)
    view = _view(uow, closed)
    uow.commit()
    return view


def list_held(uow: UnitOfWork, actor: Actor) -> Sequence[tuple[AnonymousEvent, bool]]:
    """The events in which the actor may take part, and whether it has had its code.

    Raises:
        NotPermittedError: a key takes part in nothing.
    """
    identity: VerifiedIdentity = authority.check_principal(actor)
    held = uow.anonymity.list_held(identity.principal_id)
    return [
        (one, uow.anonymity.find_issued(one.event_id, identity.principal_id) is not None)
        for one in held
        if _is_member(uow, one.tenant_id, identity.principal_id)
    ]


def describe_event(uow: UnitOfWork, event_id: str) -> EventView:
    """What anybody who knows the event's id may see: no numbers but the issued ones, and no people.

    Raises:
        NotFoundError: there is no such event.
    """
    event = uow.anonymity.find(event_id)
    if event is None:
        raise NotFoundError
    return _view(uow, event)


def _is_member(uow: UnitOfWork, tenant_id: str, principal_id: str) -> bool:
    member = uow.members.find(tenant_id, principal_id)
    return member is not None and member.is_in_force(uow.now())


def _view(uow: UnitOfWork, event: AnonymousEvent) -> EventView:
    tenant, key = uow.tenants.find(event.tenant_id), uow.keys.find(event.key_id)
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    if key is None or key.public_key is None:
        raise KeyMissingError
    return EventView(
        event=event,
        state=event.state_at(uow.now()),
        tenant_name=tenant.name,
        public_key=key.public_key,
        is_compromised=key.compromised_at is not None,
    )


def _get_own(uow: UnitOfWork, tenant_id: str, event_id: str, *, is_locked: bool = False) -> AnonymousEvent:
    event = uow.anonymity.find(event_id, is_locked=is_locked)
    if event is None or event.tenant_id != tenant_id:
        raise NotFoundError
    return event


def _check_reader(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants", tenant_id=tenant_id)
        tenant = uow.tenants.find(tenant_id)
        if tenant is None or tenant.deleted_at is not None:
            raise NotFoundError
        return
    standing = uow.members.find(tenant_id, actor.principal_id)
    authority.check_administrator(uow.tenants.find(tenant_id), standing, uow.now())

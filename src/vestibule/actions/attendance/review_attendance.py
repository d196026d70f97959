# SPDX-License-Identifier: Apache-2.0
"""Reading an event: who comes, and when and where it is (TEN-05)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core import authority
from vestibule.core.identity import Actor, HostKey, actor_id
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import EventWindow
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """One invited address. *name* and *is_member* are of whoever accepted, as of now."""

    email: str | None
    name: str | None
    role: str
    state: InvitationState
    invited_at: datetime
    answered_at: datetime | None
    is_member: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """The event that a tenant stands for, for one calendar. *revision* grows with every change of policy."""

    tenant_id: str
    tenant_name: str
    event: EventWindow
    revision: int
    seen_at: datetime


def list_attendance(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[Attendance]:
    """A page of who was invited and what they answered, the first invited first.

    Raises:
        NotPermittedError: a key without the scope ``members``, or a member without the right.
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    standing = uow.members.find(tenant_id, actor_id(actor))
    tenant = uow.tenants.find(tenant_id)
    authority.check_overseer(actor, "members", tenant_id, tenant, standing, uow.now())
    now, page = uow.now(), uow.invitations.list_answers(tenant_id, request)
    return page.map(lambda one: _describe(uow, one, now))


def _describe(uow: UnitOfWork, invitation: Invitation, now: datetime) -> Attendance:
    principal_id = invitation.consumed_by_principal_id
    member = None if principal_id is None else uow.members.find(invitation.tenant_id, principal_id)
    return Attendance(
        email=invitation.invited_email.shown,
        name=None if member is None else member.name,
        role=invitation.role,
        state=invitation.state_at(now),
        invited_at=invitation.created_at,
        answered_at=invitation.consumed_at or invitation.declined_at,
        is_member=member is not None and member.is_in_force(now),
    )


def get_event(uow: UnitOfWork, actor: Actor, tenant_id: str) -> EventView:
    """When and where it is, for its members and the host. Nobody else is named in it.

    Raises:
        NotPermittedError: a key without the scope ``tenants``.
        NotFoundError: no such tenant, the actor does not belong to it, or it stands for no event.
    """
    tenant = uow.tenants.find(tenant_id)
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants", tenant_id=tenant_id)
    else:
        authority.check_member(tenant, uow.members.find(tenant_id, actor.principal_id), uow.now())
    if tenant is None or tenant.deleted_at is not None or tenant.policy.event is None:
        raise NotFoundError
    return EventView(
        tenant_id=tenant_id,
        tenant_name=tenant.name,
        event=tenant.policy.event,
        revision=tenant.policy_version,
        seen_at=uow.now(),
    )

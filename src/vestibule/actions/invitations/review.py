# SPDX-License-Identifier: Apache-2.0
"""Side-effect-free reads: a tenant's invitations, and one's own (TOK-06, AUD-04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core import authority
from vestibule.core.claiming import check_addresses
from vestibule.core.identity import Actor
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import NotFoundError
from vestibule.ports import InvitationFilter, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An invitation as its tenant's administrators see it, at one moment."""

    invitation: Invitation
    state: InvitationState
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnInvitation:
    """A pending invitation as its invitee sees it in the list of one's own."""

    invitation: Invitation
    tenant_name: str
    inviter_name: str | None
    now: datetime


def list_invitations(
    uow: UnitOfWork, actor: Actor, tenant_id: str, wanted: InvitationFilter, request: PageRequest
) -> Page[InvitationView]:
    """A page of this tenant's invitations, the newest first.

    Raises:
        NotFoundError, NotPermittedError: the actor does not administer this tenant.
    """
    now = _check(uow, actor, tenant_id)
    page = uow.invitations.list_of_tenant(tenant_id, wanted, request)
    return page.map(lambda one: InvitationView(invitation=one, state=one.state_at(now), now=now))


def get_invitation(uow: UnitOfWork, actor: Actor, tenant_id: str, invitation_id: str) -> InvitationView:
    """One invitation of this tenant.

    Raises:
        NotFoundError, NotPermittedError: unknown here, another tenant's, or not the actor's to see.
    """
    now = _check(uow, actor, tenant_id)
    found = uow.invitations.find(tenant_id, invitation_id)
    if found is None:
        raise NotFoundError
    return InvitationView(invitation=found, state=found.state_at(now), now=now)


def list_own(uow: UnitOfWork, actor: Actor, request: PageRequest) -> Page[OwnInvitation]:
    """The pending invitations to any currently verified address of the session.

    Raises:
        EmailUnverifiedError: the session has no verified address.
    """
    identity = authority.check_principal(actor)
    check_addresses(identity)
    now = uow.now()
    page = uow.invitations.list_of_addresses(identity.addresses, request)
    return page.map(lambda pair: _own(uow, pair[0], pair[1].name, now))


def _own(uow: UnitOfWork, invitation: Invitation, tenant_name: str, now: datetime) -> OwnInvitation:
    inviter = uow.principals.find(invitation.inviter_principal_id)
    name = inviter.name if inviter is not None else None
    return OwnInvitation(invitation=invitation, tenant_name=tenant_name, inviter_name=name, now=now)


def _check(uow: UnitOfWork, actor: Actor, tenant_id: str) -> datetime:
    principal = authority.check_principal(actor)
    now = uow.now()
    tenant = uow.tenants.find(tenant_id)
    authority.check_administrator(tenant, uow.members.find(tenant_id, principal.principal_id), now)
    return now

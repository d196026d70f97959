# SPDX-License-Identifier: Apache-2.0
"""Ensure that an address has a role: say it as often as you like, nothing happens twice (ISS-17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vestibule.actions.invitations.promising import promise
from vestibule.core import authority, issuing
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import Invitation, InvitationDraft, InvitationState
from vestibule.core.limits import Limits
from vestibule.core.promise import Asked
from vestibule.core.tenant import Membership, Tenant
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError
from vestibule.ports import UnitOfWork

Outcome = Literal["invited", "pending", "held", "member", "reinvited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Where what is differs from what was asked for; a membership is never changed by asking."""

    field: str
    wanted: str | None
    actual: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensured:
    """What is true now of this address in this tenant. *ensured_id* is the same at every repeat."""

    ensured_id: str
    outcome: Outcome
    invitation: Invitation | None
    member: Membership | None
    drift: tuple[Drift, ...]


def ensure(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    draft: InvitationDraft,
    *,
    context: RequestContext,
    limits: Limits,
) -> Ensured:
    """The address is a member, or has a pending (or held) invitation to this role.

    A member keeps the role it has, and the drift is told. A pending invitation to another role is superseded.
    After expiry, a decline or a removal it is invited again.

    Raises:
        NotFoundError, NotPermittedError, RoleNotAssignableError, TenantSuspendedError, InvalidRequestError,
        DomainNotAllowedError, SeatLimitError, PendingLimitError, EventOverError, RateLimitedError: no.
    """
    inviter = authority.check_principal(actor)
    # Alone on the tenant: two who ensure the same at once must not both find nothing.
    tenant = uow.tenants.find(tenant_id, lock="update")
    now = uow.now()
    standing = authority.check_member(tenant, uow.members.find(tenant_id, inviter.principal_id), now)
    if tenant is None:
        raise NotFoundError
    issuing.check_roles(tenant.policy, standing.role, draft)
    authority.check_active(tenant)
    issuing.check_draft(draft)
    if draft.role is None:
        raise InvalidRequestError(FieldFault("/role", "Required."))
    draft = issuing.limit_draft(tenant.policy, draft, now)
    found = _find(uow, tenant, draft)
    if found is None:
        outcome: Outcome = "reinvited" if _was_invited(uow, tenant, draft) else "invited"
        asked = Asked(
            inviter_principal_id=inviter.principal_id, inviter_role=standing.role, now=now, context=context
        )
        issued = promise(uow, tenant, draft, asked, limits=limits)
        if issued.state is InvitationState.HELD:
            outcome = "held"
        found = _answer(tenant, draft, outcome, invitation=issued.invitation)
    uow.principals.remember(inviter)
    uow.commit()
    return found


def _find(uow: UnitOfWork, tenant: Tenant, draft: InvitationDraft) -> Ensured | None:
    now = uow.now()
    member = uow.members.find_by_address(tenant.tenant_id, draft.email, now)
    if member is not None:
        drift = () if member.role == draft.role else (
            Drift(field="role", wanted=draft.role, actual=member.role),
        )  # fmt: skip
        return _answer(tenant, draft, "member", member=member, drift=drift)
    for one in uow.invitations.list_latest(tenant.tenant_id, draft.email):
        state = one.state_at(now)
        is_same = (one.role, one.grants, one.scope) == (draft.role, draft.grants, draft.scope)
        if is_same and state in (InvitationState.PENDING, InvitationState.HELD):
            return _answer(
                tenant, draft, "pending" if state is InvitationState.PENDING else "held", invitation=one
            )
    return None


def _was_invited(uow: UnitOfWork, tenant: Tenant, draft: InvitationDraft) -> bool:
    return bool(uow.invitations.list_latest(tenant.tenant_id, draft.email))


def _answer(
    tenant: Tenant,
    draft: InvitationDraft,
    outcome: Outcome,
    *,
    invitation: Invitation | None = None,
    member: Membership | None = None,
    drift: tuple[Drift, ...] = (),
) -> Ensured:
    return Ensured(
        ensured_id=issuing.ensured_id(tenant.tenant_id, draft.email),
        outcome=outcome,
        invitation=invitation,
        member=member,
        drift=drift,
    )

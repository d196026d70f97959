# SPDX-License-Identifier: Apache-2.0
"""Approve a request to join: an ordinary invitation by who approves, with all its rules (TEN-04)."""

from __future__ import annotations

from vestibule.actions.invitations.promising import promise
from vestibule.core import authority, issuing
from vestibule.core.event import JoinApproved
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import InvitationDraft
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.joining import JoinApproval, JoinRequestState
from vestibule.core.limits import Limits
from vestibule.core.promise import Asked
from vestibule.errors import JoinDecidedError, NotFoundError
from vestibule.ports import UnitOfWork


def approve_join_request(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    request_id: str,
    approval: JoinApproval,
    *,
    context: RequestContext,
    limits: Limits,
) -> IssuedInvitation:
    """The address that asked is invited, and mailed; the person accepts as everybody does.

    An elevating role is held until others approve it, as on every road.

    Raises:
        NotFoundError, NotPermittedError: the actor does not administer this tenant; or no such request.
        RoleNotAssignableError: it may not grant that role.
        JoinDecidedError: the request was decided before.
        TenantSuspendedError, IssueRefusedError, InvalidRequestError, RateLimitedError: as ``issue``.
    """
    approver = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    standing = authority.check_administrator(tenant, uow.members.find(tenant_id, approver.principal_id), now)
    request = uow.join_requests.find(tenant_id, request_id)
    if tenant is None or request is None:
        raise NotFoundError
    draft = InvitationDraft(
        email=request.address,
        role=approval.role,
        justification=approval.justification,
        membership_expires_in=approval.membership_expires_in,
    )
    issuing.check_roles(tenant.policy, standing.role, draft)
    authority.check_active(tenant)
    issuing.check_draft(draft)
    if request.state is not JoinRequestState.OPEN:
        raise JoinDecidedError
    asked = Asked(
        inviter_principal_id=approver.principal_id, inviter_role=standing.role, now=now, context=context
    )
    issued = promise(uow, tenant, issuing.limit_draft(tenant.policy, draft, now), asked, limits=limits)
    invitation_id = issued.invitation.invitation_id
    if not uow.join_requests.decide(
        tenant_id, request_id, by_principal_id=approver.principal_id, invitation_id=invitation_id
    ):
        raise JoinDecidedError
    event = JoinApproved(tenant_id=tenant_id, invitation_id=invitation_id, request_id=request_id)
    uow.audit.append(event, actor=actor, context=context)
    uow.principals.remember(approver)
    uow.commit()
    return issued

# SPDX-License-Identifier: Apache-2.0
"""Correct a mistyped address: a new invitation supersedes, and carries everything else over (ISS-19)."""

from __future__ import annotations

from vestibule.actions.invitations.promising import promise
from vestibule.core import authority, issuing
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import SignedToken
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.promise import Asked
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError, NotPendingError
from vestibule.ports import UnitOfWork


def correct(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    invitation_id: str,
    email: EmailAddress,
    *,
    context: RequestContext,
    limits: Limits,
    token: SignedToken | None = None,
) -> IssuedInvitation:
    """The same promise is made to *email*, and the earlier one is superseded, in one act.

    Whoever corrects is the new one's inviter. What was approved for the wrong address is approved anew.

    Raises:
        NotFoundError, NotPermittedError, RoleNotAssignableError: not the actor's to promise.
        NotPendingError: the earlier one is neither pending nor held.
        InvalidRequestError: it went to that address already.
        TenantSuspendedError, DomainNotAllowedError, AlreadyMemberError, SeatLimitError, PendingLimitError,
        EventOverError, RateLimitedError: not now.
    """
    inviter = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    membership = uow.members.find(tenant_id, inviter.principal_id)
    # Nobody else decides on the earlier one before this ends; the clock is read after that.
    earlier = None if membership is None else uow.approvals.lock(tenant_id, invitation_id)
    now = uow.now()
    standing = authority.check_administrator(tenant, membership, now)
    if tenant is None or earlier is None:
        raise NotFoundError
    draft = issuing.redraft(earlier, email, now)
    issuing.check_roles(tenant.policy, standing.role, draft)
    authority.check_active(tenant)
    if earlier.state_at(now) not in (InvitationState.PENDING, InvitationState.HELD):
        raise NotPendingError
    if uow.invitations.is_to(earlier, email):
        raise InvalidRequestError(FieldFault("/email", "It went to this address already; resend it."))
    draft = issuing.limit_draft(tenant.policy, draft, now)
    asked = Asked(
        inviter_principal_id=inviter.principal_id, inviter_role=standing.role, now=now, context=context
    )
    issued = promise(uow, tenant, draft, asked, limits=limits, token=token, corrects_id=invitation_id)
    uow.principals.remember(inviter)
    uow.commit()
    return issued

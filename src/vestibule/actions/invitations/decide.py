# SPDX-License-Identifier: Apache-2.0
"""Decide on a held request: approve, reject, or wait for want of approvers (ISS-04, CRYPTO.md 10.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.core import approval, authority, issuing
from vestibule.core.approval import Approver, HeldRequest
from vestibule.core.directory import check_not_barred
from vestibule.core.domain import check_not_denied
from vestibule.core.event import InvitationApproved, InvitationRevoked, InvitationWaitedFor
from vestibule.core.identity import Actor, RequestContext, VerifiedIdentity
from vestibule.core.invitation import Invitation, InvitationState, renew_lifetime
from vestibule.core.message import DecisionNotice, InvitationMail
from vestibule.core.policy import OWNER
from vestibule.core.promise import issued_event, reserves_seat
from vestibule.core.stepup import check_session
from vestibule.core.tenant import Tenant
from vestibule.errors import DigestMismatchError, NotFoundError, NotPendingError, VestibuleError
from vestibule.ports import UnitOfWork

_SWEEP_ACTOR = "clock"
_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The request after a decision: issued, still held (*counted* of *needed*), or closed."""

    invitation: Invitation
    state: InvitationState
    digest: str
    counted: int
    needed: int


def approve(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    invitation_id: str,
    *,
    digest: str | None = None,
    context: RequestContext,
) -> Decided:
    """This principal approves exactly the request as it stands; the last approval needed issues it.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see, or it may not approve this one.
        StepUpRequiredError: its session is not fresh or strong enough.
        NotPendingError: it is not held. DigestMismatchError: *digest* is not what was shown.
        TenantSuspendedError, DomainNotAllowedError, AlreadyMemberError, SeatLimitError, EventOverError,
        RoleNotAssignableError: it can't be issued now.
    """
    identity, tenant, request, approver, now = _enter(uow, actor, tenant_id, invitation_id, digest)
    authority.check_active(tenant)
    approval.check_approver(tenant.policy, request, approver, now)
    check_session(request.demand, identity, tenant_id, now)
    uow.approvals.add(invitation_id, approval.make_approval(request, identity, now))
    counted = uow.approvals.count(tenant, request)
    approved = InvitationApproved(
        tenant_id=tenant_id,
        invitation_id=invitation_id,
        digest=request.digest,
        counted=counted,
        needed=request.needed,
        connection=identity.connection,
        amr=" ".join(identity.amr),
    )
    uow.audit.append(approved, actor=actor, context=context)
    invitation = request.invitation
    if counted >= request.needed:
        invitation = _release(uow, tenant, request, actor=identity.principal_id, now=now, context=context)
    uow.principals.remember(identity)
    uow.commit()
    return _describe(request, invitation, counted, now)


def reject(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    invitation_id: str,
    *,
    digest: str | None = None,
    context: RequestContext,
) -> Decided:
    """Any one rejection closes the request for good; its inviter may withdraw it the same way.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see, or it may not decide on this one.
        NotPendingError: it is not held. DigestMismatchError: *digest* is not what was shown.
    """
    _, tenant, request, approver, now = _enter(uow, actor, tenant_id, invitation_id, digest)
    is_own = approver.membership.principal_id == request.invitation.inviter_principal_id
    if not is_own:
        approval.check_approver(tenant.policy, request, approver, now)
    reason = "withdrawn" if is_own else "rejected"
    if not uow.invitations.revoke(tenant_id, invitation_id, reason):
        raise NotPendingError
    event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
    uow.audit.append(event, actor=actor, context=context)
    if not is_own:
        uow.outbox.put(DecisionNotice(invitation_id=invitation_id, is_approved=False))
    closed = uow.invitations.find(tenant_id, invitation_id)
    if closed is None:
        raise NotFoundError
    uow.commit()
    return _describe(request, closed, 0, now)


def list_waited(uow: UnitOfWork, *, limit: int) -> Sequence[tuple[str, str]]:
    """(tenant id, invitation id) of held requests whose waiting period is over, for ``release_waited``."""
    return uow.approvals.list_waited(limit)


def release_waited(uow: UnitOfWork, tenant_id: str, invitation_id: str, *, context: RequestContext) -> bool:
    """Issue this held request, if policy lets a waiting period stand in for approvers; whether it was issued.

    What can't be issued now is looked at again later; what somebody could approve by now waits for them.
    """
    tenant = uow.tenants.find(tenant_id, lock="share")
    invitation = uow.approvals.lock(tenant_id, invitation_id)
    now = uow.now()
    is_held = invitation is not None and invitation.state_at(now) is InvitationState.HELD
    if tenant is None or tenant.state != "active" or invitation is None or not is_held:
        return False
    request = uow.approvals.read_request(tenant, invitation)
    wait = tenant.policy.single_owner_bootstrap
    is_issued = False
    if wait is None or not _waits_instead(uow, tenant, request, wait, now):
        uow.approvals.set_release(invitation_id, None)
    else:
        try:
            _release(uow, tenant, request, actor=_SWEEP_ACTOR, now=now, context=context)
        except VestibuleError:
            uow.approvals.set_release(invitation_id, now + _AGAIN)
        else:
            is_issued = True
            waited = InvitationWaitedFor(
                tenant_id=tenant_id, invitation_id=invitation_id, digest=request.digest, waited=wait
            )
            uow.audit.append(waited, actor=_SWEEP_ACTOR, context=context)
    uow.commit()
    return is_issued


def _waits_instead(uow: UnitOfWork, tenant: Tenant, request: HeldRequest, wait: int, now: datetime) -> bool:
    roles = {OWNER, *tenant.policy.administrators}
    found = (
        uow.members.find(tenant.tenant_id, name)
        for name in uow.tenants.list_administrators(tenant.tenant_id, roles)
    )
    members = [uow.approvals.read_approver(member) for member in found if member is not None]
    held_at = request.invitation.held_at or now
    lost = uow.approvals.lost_owner_since(tenant.tenant_id, held_at - timedelta(seconds=wait))
    return approval.waits_instead(tenant.policy, request, members, now, lost_owner=lost)


def _enter(
    uow: UnitOfWork, actor: Actor, tenant_id: str, invitation_id: str, digest: str | None
) -> tuple[VerifiedIdentity, Tenant, HeldRequest, Approver, datetime]:
    identity = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    membership = uow.members.find(tenant_id, identity.principal_id)
    # Nobody else decides on it before this ends: the k-th approval and a rejection can't both win. The clock
    # is read after that, so that the trail is in the order in which they were decided.
    invitation = None if membership is None else uow.approvals.lock(tenant_id, invitation_id)
    now = uow.now()
    standing = authority.check_administrator(tenant, membership, now)
    if tenant is None or invitation is None:
        raise NotFoundError
    if invitation.state_at(now) is not InvitationState.HELD:
        raise NotPendingError
    request = uow.approvals.read_request(tenant, invitation)
    if digest is not None and digest != request.digest:
        raise DigestMismatchError
    own = [one.address.key for one in identity.addresses]
    return identity, tenant, request, uow.approvals.read_approver(standing, own), now


def _release(
    uow: UnitOfWork,
    tenant: Tenant,
    request: HeldRequest,
    *,
    actor: str,
    now: datetime,
    context: RequestContext,
) -> Invitation:
    invitation, policy = request.invitation, tenant.policy
    issuing.check_still_promised(policy, invitation, now)
    inviter = uow.members.find(tenant.tenant_id, invitation.inviter_principal_id)
    authority.check_inviter(policy, inviter, invitation.promised_roles, now)
    if not invitation.grants_only:
        member = uow.members.find_by_address(tenant.tenant_id, invitation.invited_email, now)
        hindrance = issuing.find_hindrance(member, invitation)
        issuing.check_recipient(policy, invitation.invited_email, hindrance)
    check_not_denied(uow.domains.find_rule(tenant.tenant_id, invitation.invited_email.domain))
    check_not_barred(is_barred=uow.directory.is_barred(tenant.tenant_id, invitation.invited_email.key))
    released = uow.promises.release(
        invitation,
        reserves_seat=reserves_seat(policy, invitation),
        lifetime=renew_lifetime(policy, invitation, now),
    )
    if released is None:
        raise NotPendingError
    role = None if inviter is None else inviter.role
    uow.audit.append(issued_event(tenant, released, role), actor=actor, context=context)
    if released.deliver == "email":
        uow.outbox.put(InvitationMail(invitation_id=released.invitation_id, generation=released.generation))
    uow.outbox.put(DecisionNotice(invitation_id=released.invitation_id, is_approved=True))
    return released


def _describe(request: HeldRequest, invitation: Invitation, counted: int, now: datetime) -> Decided:
    return Decided(
        invitation=invitation,
        state=invitation.state_at(now),
        digest=request.digest,
        counted=counted,
        needed=request.needed,
    )

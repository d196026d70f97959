# SPDX-License-Identifier: Apache-2.0
"""Issue: create a pending grant, superseding the earlier one for the same target. The one road in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

from vestibule.core import authority, issuing
from vestibule.core.event import (
    InvitationExpired,
    InvitationIssued,
    InvitationLinkIssued,
    InvitationSuperseded,
)
from vestibule.core.identity import Actor, IdempotencyRequest, RequestContext, VerifiedIdentity
from vestibule.core.invitation import Invitation, InvitationDraft, InvitationState, decide_lifetime
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.message import InvitationMail
from vestibule.core.tenant import Tenant
from vestibule.core.token import ClaimToken, mint_claim_token, mint_id
from vestibule.errors import RateLimitedError, SeatLimitError, UnavailableError
from vestibule.ports import EventStamp, UnitOfWork

_RACE_TRIES = 100


def issue(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    draft: InvitationDraft,
    *,
    context: RequestContext,
    limits: Limits,
    idempotency: IdempotencyRequest | None = None,
) -> IssuedInvitation:
    """Promise ``draft.role`` to ``draft.email`` in this tenant, and see to its delivery (ISS-01 to ISS-11).

    Raises:
        NotFoundError: no such tenant, or the actor does not belong to it.
        NotPermittedError, RoleNotAssignableError: the actor's role may not grant that one.
        TenantSuspendedError, InvalidRequestError, DomainNotAllowedError, AlreadyMemberError,
        SeatLimitError, PendingLimitError, RateLimitedError, IdempotencyKeyReusedError: still no.
    """
    inviter = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    standing = authority.check_member(tenant, uow.members.find(tenant_id, inviter.principal_id), now)
    if tenant is None:
        raise UnavailableError
    if not tenant.policy.assignable.get(standing.role):
        authority.check_may_grant(tenant.policy, standing.role, draft.role)
    issuing.check_role_exists(tenant.policy, draft.role)
    authority.check_may_grant(tenant.policy, standing.role, draft.role)
    authority.check_active(tenant)
    issuing.check_draft(draft)
    if idempotency is not None and (kept := uow.idempotency.claim(idempotency)) is not None:
        return _replay(uow, tenant_id, kept)
    _check_rules(uow, tenant, inviter, draft, limits)
    issued = _write(uow, tenant, inviter, standing.role, draft, now, context)
    uow.principals.remember(inviter)
    if idempotency is not None:
        uow.idempotency.keep(idempotency, _keep(issued.invitation))
    uow.commit()
    return issued


def _check_rules(
    uow: UnitOfWork, tenant: Tenant, inviter: VerifiedIdentity, draft: InvitationDraft, limits: Limits
) -> None:
    member = uow.members.find_by_address(tenant.tenant_id, draft.email, uow.now())
    issuing.check_recipient(tenant.policy, draft.email, member)
    issuing.check_pending(
        tenant.policy, uow.invitations.count_pending(tenant.tenant_id, tenant.policy.max_pending)
    )
    hits = issuing.issue_hits(limits, tenant.tenant_id, inviter.principal_id, draft.email)
    wait = uow.limits.take(hits)
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.issue_per_inviter.count)


def _write(
    uow: UnitOfWork,
    tenant: Tenant,
    inviter: VerifiedIdentity,
    inviter_role: str,
    draft: InvitationDraft,
    now: datetime,
    context: RequestContext,
) -> IssuedInvitation:
    token = mint_claim_token() if draft.deliver == "link" else None
    invitation = _draw_up(tenant, inviter, draft, now, context)
    _place(uow, tenant, invitation, token, context)
    uow.audit.append(
        InvitationIssued(
            tenant_id=tenant.tenant_id,
            invitation_id=invitation.invitation_id,
            role=invitation.role,
            inviter_role=inviter_role,
            lifetime=round((invitation.expires_at - invitation.created_at).total_seconds()),
            expires_in=draft.expires_in,
            membership_expires_in=draft.membership_expires_in,
            policy_version=tenant.policy_version,
            policy_hash=tenant.policy_hash,
        ),
        actor=inviter,
        context=context,
    )
    if token is None:
        uow.outbox.put(
            InvitationMail(invitation_id=invitation.invitation_id, generation=invitation.generation)
        )
    else:
        uow.audit.append(
            InvitationLinkIssued(
                tenant_id=tenant.tenant_id,
                invitation_id=invitation.invitation_id,
                generation=invitation.generation,
            ),
            actor=inviter,
            context=context,
        )
    return IssuedInvitation(invitation=invitation, state=InvitationState.PENDING, token=token)


def _draw_up(
    tenant: Tenant, inviter: VerifiedIdentity, draft: InvitationDraft, now: datetime, context: RequestContext
) -> Invitation:
    lifetime = decide_lifetime(tenant.policy, draft.role, draft.expires_in)
    return Invitation(
        invitation_id=mint_id(),
        tenant_id=tenant.tenant_id,
        role=draft.role,
        invited_email=draft.email,
        inviter_principal_id=inviter.principal_id,
        generation=1,
        created_at=now,
        expires_in=draft.expires_in,
        expires_at=now + timedelta(seconds=lifetime),
        policy_version=tenant.policy_version,
        locale=draft.locale,
        message=draft.message,
        scope=draft.scope,
        metadata=draft.metadata,
        membership_expires_in=draft.membership_expires_in,
        correlation_id=context.correlation_id,
    )


def _place(
    uow: UnitOfWork, tenant: Tenant, invitation: Invitation, token: ClaimToken | None, context: RequestContext
) -> None:
    reserves = tenant.policy.seat_limit is not None and tenant.policy.seats_count_pending
    target = tenant.policy.target_of(invitation.role)
    has_seat = False
    for _ in range(_RACE_TRIES):
        _supersede(uow, invitation, target, context)
        if reserves and not has_seat:
            if not _reserve(uow, tenant.tenant_id, context):
                raise SeatLimitError
            has_seat = True
        added = uow.invitations.add(
            invitation,
            target=target,
            context=context,
            claim_token_hash=None if token is None else token.claim_token_hash,
            reserves_seat=reserves,
        )
        if added:
            return
    raise UnavailableError


def _supersede(uow: UnitOfWork, invitation: Invitation, target: str, context: RequestContext) -> None:
    tenant_id, by = invitation.tenant_id, invitation.invitation_id
    expired, superseded = uow.invitations.supersede(tenant_id, invitation.invited_email, target)
    for earlier in expired:
        ended = InvitationExpired(tenant_id=tenant_id, invitation_id=earlier)
        uow.audit.append(ended, actor="clock", context=context)
    for earlier in superseded:
        replaced = InvitationSuperseded(tenant_id=tenant_id, invitation_id=earlier, superseded_by_id=by)
        uow.audit.append(replaced, actor=invitation.inviter_principal_id, context=context)


def _reserve(uow: UnitOfWork, tenant_id: str, context: RequestContext) -> bool:
    if uow.invitations.reserve_seat(tenant_id):
        return True
    # What the clock has ended still holds its seat until somebody records it; a dead sweeper must not matter.
    stamp = EventStamp(actor_id="clock", correlation_id=context.correlation_id, source=context.source)
    return uow.claims.release_stale_seats(tenant_id, stamp) > 0 and uow.invitations.reserve_seat(tenant_id)


def _keep(invitation: Invitation) -> str:
    kept = {"invitation_id": invitation.invitation_id, "expires_at": invitation.expires_at.isoformat()}
    return json.dumps(kept)


def _replay(uow: UnitOfWork, tenant_id: str, kept: str) -> IssuedInvitation:
    answer = json.loads(kept)
    found = uow.invitations.find(tenant_id, answer["invitation_id"])
    if found is None:
        raise UnavailableError
    first = replace(
        found,
        generation=1,
        expires_at=datetime.fromisoformat(answer["expires_at"]),
        send_count=0,
        last_sent_at=None,
        resent_at=None,
        consumed_at=None,
        consumed_by_principal_id=None,
        declined_at=None,
        revoked_at=None,
        revoked_reason=None,
    )
    return IssuedInvitation(invitation=first, state=InvitationState.PENDING, is_replay=True)

# SPDX-License-Identifier: Apache-2.0
"""The promise: everything that is written when something is promised, drawn up as one value.

Held or pending, by mail or by link, by a person or by a rule: one function draws it up, and one store
operation places it. When the last approval comes, ``draw_release`` says what turns it into a pending grant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.core.approval import needed_approvals
from vestibule.core.event import (
    AuditEvent,
    BreakGlassUsed,
    InvitationHeld,
    InvitationIssued,
    InvitationLinkIssued,
)
from vestibule.core.identity import RequestContext
from vestibule.core.invitation import Invitation, InvitationDraft, decide_lifetime
from vestibule.core.issuing import is_break_glass
from vestibule.core.message import ApprovalNotice, BreakGlassNotice, InvitationMail, OutboxMessage
from vestibule.core.policy import Policy
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is to be written as one. ``review_due_at``: by then a break-glass grant must be looked at."""

    invitation: Invitation
    target: str
    reserves_seat: bool
    claim_token_hash: bytes | None
    review_due_at: datetime | None
    events: tuple[AuditEvent, ...]
    messages: tuple[OutboxMessage, ...]
    context: RequestContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for it, and when; *inviter_role* is None where a rule promises."""

    inviter_principal_id: str
    inviter_role: str | None
    now: datetime
    context: RequestContext


def draw_up(
    tenant: Tenant,
    draft: InvitationDraft,
    asked: Asked,
    *,
    carrier_role: str,
    claim_token_hash: bytes | None,
    administrators: Sequence[str],
    corrects_id: str | None = None,
) -> Promise:
    """The promise of *draft*; *carrier_role* is what its recipient is already when it only adds grants."""
    policy = tenant.policy
    invitation = _draw_invitation(tenant, draft, asked, carrier_role=carrier_role, corrects_id=corrects_id)
    is_held = invitation.held_at is not None
    events, messages = _announce(
        tenant, invitation, asked, administrators, by_link=claim_token_hash is not None
    )
    within = [policy.rule_of(role).review_within for role in draft.promised_roles]
    review = min((seconds for seconds in within if seconds is not None), default=None)
    return Promise(
        invitation=invitation,
        target=find_target(policy, draft, invitation.role),
        reserves_seat=not is_held and reserves_seat(policy, invitation),
        claim_token_hash=None if is_held else claim_token_hash,
        review_due_at=None if review is None else asked.now + timedelta(seconds=review),
        events=events,
        messages=messages,
        context=asked.context,
    )


def reserves_seat(policy: Policy, invitation: Invitation) -> bool:
    """Whether it costs a seat while it is pending (ruling 8); who is a member already costs none."""
    return policy.seat_limit is not None and policy.seats_count_pending and not invitation.grants_only


def find_target(policy: Policy, draft: InvitationDraft, role: str) -> str:
    """What, beside tenant and address, makes two invitations the same one (ISS-06)."""
    if draft.role is not None:
        return policy.target_of(role)
    named = "\0".join(sorted(one.resource_id for one in draft.grants))
    return "+" + hashlib.sha256(named.encode()).hexdigest()[:24]


def _draw_invitation(
    tenant: Tenant,
    draft: InvitationDraft,
    asked: Asked,
    *,
    carrier_role: str,
    corrects_id: str | None,
) -> Invitation:
    roles, now = draft.promised_roles, asked.now
    lifetime = decide_lifetime(tenant.policy, roles, draft.expires_in, now)
    is_held = needed_approvals(tenant.policy, roles) > 0
    wait = tenant.policy.single_owner_bootstrap
    return Invitation(
        invitation_id=mint_id(),
        tenant_id=tenant.tenant_id,
        role=draft.role or carrier_role,
        invited_email=draft.email,
        inviter_principal_id=asked.inviter_principal_id,
        generation=1,
        created_at=now,
        expires_in=draft.expires_in,
        expires_at=now + timedelta(seconds=wait_for_approval(tenant.policy, roles) if is_held else lifetime),
        policy_version=tenant.policy_version,
        locale=draft.locale,
        message=draft.message,
        scope=draft.scope,
        metadata=draft.metadata,
        membership_expires_in=draft.membership_expires_in,
        membership_starts_at=draft.membership_starts_at,
        justification=draft.justification,
        grants_only=draft.role is None,
        grants=draft.grants,
        deliver=draft.deliver,
        held_at=now if is_held else None,
        release_at=None if wait is None or not is_held else now + timedelta(seconds=wait),
        corrects_id=corrects_id,
        correlation_id=asked.context.correlation_id,
    )


def wait_for_approval(policy: Policy, roles: Sequence[str]) -> int:
    """Seconds until an undecided request is over; longer than the wait that stands in for approvers."""
    shortest = min(policy.rule_of(role).approval_ttl for role in roles if policy.rule_of(role).approvals)
    return shortest + (policy.single_owner_bootstrap or 0)


def _announce(
    tenant: Tenant,
    invitation: Invitation,
    asked: Asked,
    administrators: Sequence[str],
    *,
    by_link: bool,
) -> tuple[tuple[AuditEvent, ...], tuple[OutboxMessage, ...]]:
    invitation_id, roles = invitation.invitation_id, invitation.promised_roles
    if invitation.held_at is not None:
        approvals = needed_approvals(tenant.policy, roles)
        held = InvitationHeld(
            tenant_id=tenant.tenant_id, invitation_id=invitation_id, role=invitation.role, approvals=approvals
        )
        others = (one for one in administrators if one != invitation.inviter_principal_id)
        return (held,), tuple(ApprovalNotice(invitation_id=invitation_id, principal_id=one) for one in others)
    events: list[AuditEvent] = [issued_event(tenant, invitation, asked.inviter_role)]
    messages: list[OutboxMessage] = []
    if by_link:
        events.append(_link_event(tenant, invitation))
    elif invitation.deliver == "email":
        messages.append(InvitationMail(invitation_id=invitation_id, generation=invitation.generation))
    if is_break_glass(tenant.policy, roles):
        events.append(
            BreakGlassUsed(tenant_id=tenant.tenant_id, invitation_id=invitation_id, role=invitation.role)
        )
        messages += [
            BreakGlassNotice(invitation_id=invitation_id, principal_id=one) for one in administrators
        ]
    return tuple(events), tuple(messages)


def issued_event(tenant: Tenant, invitation: Invitation, inviter_role: str | None) -> InvitationIssued:
    """The fact that a grant is pending from now on."""
    begins = invitation.approved_at or invitation.created_at
    return InvitationIssued(
        tenant_id=tenant.tenant_id,
        invitation_id=invitation.invitation_id,
        role=invitation.role,
        promised_roles=" ".join(invitation.promised_roles),
        inviter_role=inviter_role,
        was_held=invitation.approved_at is not None,
        lifetime=round((invitation.expires_at - begins).total_seconds()),
        expires_in=invitation.expires_in,
        membership_expires_in=invitation.membership_expires_in,
        policy_version=tenant.policy_version,
        policy_hash=tenant.policy_hash,
    )


def _link_event(tenant: Tenant, invitation: Invitation) -> InvitationLinkIssued:
    return InvitationLinkIssued(
        tenant_id=tenant.tenant_id,
        invitation_id=invitation.invitation_id,
        generation=invitation.generation,
    )

# SPDX-License-Identifier: Apache-2.0
"""Preview: what a holder of a live link may see. Changes nothing, whoever asks, however often (ACC-01)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core.claiming import wrong_preview_hits
from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.invitation import InvitationState
from vestibule.core.limits import Limits
from vestibule.errors import ClaimRejectedError, RateLimitedError, RejectReason
from vestibule.ports import ClaimKey, ClaimUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationPreview:
    """What may be shown. ``invited_email`` is for comparing and masking; only its hint is ever rendered."""

    tenant_id: str
    tenant_name: str
    role: str
    invited_email: EmailAddress
    inviter_name: str | None
    expires_at: datetime
    state: InvitationState
    is_to_event: bool
    now: datetime


_GONE = {
    InvitationState.ACCEPTED: RejectReason.CONSUMED,
    InvitationState.DECLINED: RejectReason.DECLINED,
    InvitationState.REVOKED: RejectReason.REVOKED,
    InvitationState.EXPIRED: RejectReason.EXPIRED,
}


def preview(
    unit: ClaimUnit,
    identity: VerifiedIdentity | None,
    key: ClaimKey,
    *,
    typed: EmailAddress | None = None,
    context: RequestContext,
    limits: Limits,
) -> InvitationPreview:
    """What the link is about; to the principal who consumed it, that it is accepted (ruling 3, ACC-11).

    Where the tenant keeps no addresses, the invited one is known if it is the session's, or was *typed*.

    Raises:
        ClaimRejectedError: unknown or no longer pending; nothing about it is said.
        RateLimitedError: the same, too often.
    """
    who, shown = ("", ()) if identity is None else (identity.principal_id, identity.shown)
    snapshot = unit.claims.load(key, who, shown if typed is None else (*shown, typed))
    grant = snapshot.grant
    if grant is not None:
        state = grant.state_at(snapshot.now)
        is_consumer = identity is not None and grant.consumed_by_principal_id == identity.principal_id
        is_own = state is InvitationState.ACCEPTED and is_consumer and not grant.tenant_deleted
        if is_own or grant.is_presentable(snapshot.now):
            return InvitationPreview(
                tenant_id=grant.tenant_id,
                tenant_name=grant.tenant_name,
                role=(snapshot.existing_role or grant.role) if is_own else grant.role,
                invited_email=grant.invited_email,
                inviter_name=grant.inviter_name,
                expires_at=grant.expires_at,
                state=state,
                is_to_event=grant.policy.event is not None,
                now=snapshot.now,
            )
        reason = _GONE.get(state, RejectReason.TENANT_SUSPENDED)
    else:
        reason = RejectReason.UNKNOWN
    wait = unit.claims.settle_refusal(wrong_preview_hits(limits, context), None)
    unit.commit()
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.preview_per_ip.count)
    raise ClaimRejectedError(reason)

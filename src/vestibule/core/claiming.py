# SPDX-License-Identifier: Apache-2.0
"""What every claim shares, accepted or not: the address rule before the look-up, the count of wrong tries."""

from __future__ import annotations

from vestibule.core.binding import Grant
from vestibule.core.event import ClaimRejected, EventRecord, record_event
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.limits import Hit, Limits, hit, hit_global, network_of
from vestibule.errors import EmailUnverifiedError, RejectReason


def check_addresses(identity: VerifiedIdentity) -> None:
    """The session has at least one verified address; decided before any link is looked at (ruling 5).

    Raises:
        EmailUnverifiedError: it has none.
    """
    if not identity.addresses:
        raise EmailUnverifiedError


def wrong_try_hits(
    limits: Limits, key: str, identity: VerifiedIdentity, context: RequestContext
) -> list[Hit]:
    """What one wrong try counts against (ACC-08): link, principal, network address, everybody."""
    return [
        hit("claim_token", key, limits.claim_per_token),
        hit("claim_principal", identity.principal_id, limits.claim_per_principal),
        hit("claim_ip", network_of(context.ip), limits.claim_per_ip),
        hit_global("claim_global", limits.claim_global, spread_by=identity.principal_id),
    ]


def wrong_preview_hits(limits: Limits, context: RequestContext) -> list[Hit]:
    """What one preview of nothing counts against."""
    return [
        hit("preview_ip", network_of(context.ip), limits.preview_per_ip),
        hit_global("preview_global", limits.preview_global, spread_by=context.ip),
    ]


def rejected_event(
    grant: Grant | None,
    reason: RejectReason,
    attempted: str,
    identity: VerifiedIdentity,
    context: RequestContext,
) -> EventRecord:
    """The audit event of a refusal, with the true reason; one of about the same size for every class."""
    event = ClaimRejected(
        tenant_id=grant.tenant_id if grant is not None else "",
        invitation_id=grant.invitation_id if grant is not None else None,
        reason=reason,
        attempted=attempted,
    )
    return record_event(event, actor_id=identity.principal_id, context=context)

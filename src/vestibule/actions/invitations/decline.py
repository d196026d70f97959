# SPDX-License-Identifier: Apache-2.0
"""Decline: the invitee's refusal; the inviter is told (ACC-15). The same rules as accept, without a seat."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.binding import Decision, judge_claim
from vestibule.core.claiming import check_addresses, rejected_event, wrong_try_hits
from vestibule.core.event import InvitationDeclined, record_event
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.limits import Limits
from vestibule.core.message import DeclinedNotice
from vestibule.errors import ClaimRejectedError, RateLimitedError, RejectReason
from vestibule.ports import ClaimKey, ClaimUnit, Settlement

_RACE_TRIES = 12


def decline(unit: ClaimUnit, actor: Actor, key: ClaimKey, *, context: RequestContext, limits: Limits) -> str:
    """End a pending grant by its invitee's word. Returns the invitation's id.

    Raises:
        EmailUnverifiedError, ClaimRejectedError, RateLimitedError: exactly as ``accept``.
    """
    identity = authority.check_principal(actor)
    check_addresses(identity)
    decision = Decision(reason=RejectReason.LOST_RACE)
    snapshot = unit.claims.load(key, identity.principal_id, identity.shown)
    for _ in range(_RACE_TRIES):
        decision = judge_claim(snapshot, identity, wants_seat=False)
        grant = snapshot.grant
        if decision.reason is not None or grant is None:
            break
        event = InvitationDeclined(tenant_id=grant.tenant_id, invitation_id=grant.invitation_id)
        settlement = Settlement(
            key=key,
            now=snapshot.now,
            grant=grant,
            decision=decision,
            identity=identity,
            holds_seat=snapshot.holds_seat,
            existing_role=snapshot.existing_role,
            seat_shard=None,
            event=record_event(event, actor_id=identity.principal_id, context=context),
            notice=DeclinedNotice(invitation_id=grant.invitation_id),
        )
        if unit.claims.settle_decline(settlement):
            unit.commit()
            return grant.invitation_id
        snapshot = unit.claims.load(key, identity.principal_id, identity.shown)
    reason = decision.reason or RejectReason.LOST_RACE
    refusal = rejected_event(snapshot.grant, reason, "decline", identity, context)
    wait = unit.claims.settle_refusal(wrong_try_hits(limits, key.subject, identity, context), refusal)
    unit.commit()
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.claim_per_principal.count)
    raise ClaimRejectedError(reason)

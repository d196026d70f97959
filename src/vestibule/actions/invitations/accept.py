# SPDX-License-Identifier: Apache-2.0
"""Accept: turn one pending grant into one membership, or change nothing. The one road in.

The whole of it is here and in ``core.binding``: load a snapshot in one statement, judge it, settle it in one
write. A settlement that finds itself too late (somebody was faster) is judged again from a fresh snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.core import authority
from vestibule.core.binding import CLAIMED_REASONS, Decision, Snapshot, judge_claim
from vestibule.core.claiming import check_addresses, rejected_event, wrong_try_hits
from vestibule.core.event import InvitationAccepted, InvitationBound, StoredEvent, record_event
from vestibule.core.identity import Actor, IdempotencyRequest, RequestContext, VerifiedIdentity
from vestibule.core.limits import Limits
from vestibule.core.message import AcceptedNotice
from vestibule.errors import ClaimRejectedError, MisuseError, RateLimitedError, RejectReason
from vestibule.ports import ClaimKey, Claims, ClaimUnit, EventStamp, Idempotency, Settlement

_RACE_TRIES = 12


class IdempotentClaimUnit(ClaimUnit, Protocol):
    """A unit of work that can also remember answers."""

    idempotency: Idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The membership that stands afterwards. *kept_role*: it stood before, and was not touched."""

    invitation_id: str
    tenant_id: str
    tenant_name: str
    role: str
    kept_role: bool
    event: StoredEvent


def accept(
    unit: ClaimUnit, actor: Actor, key: ClaimKey, *, context: RequestContext, limits: Limits
) -> Accepted:
    """Turn one pending grant into one membership, or change nothing (ACC-02 to ACC-10).

    Possession of the link only selects the grant. What admits is a verified address and connection of the
    session, judged at the database's now.

    Raises:
        NotPermittedError: a key is nobody's identity.
        EmailUnverifiedError: the session has no verified address; decided before the link is looked at.
        ClaimRejectedError: the grant can't be consumed by this claimant. The reasons must not be told apart.
        StepUpRequiredError: it is theirs, and the role asks for a fresher or stronger session.
        RateLimitedError: the same, and there were too many wrong tries.
    """
    identity = authority.check_principal(actor)
    check_addresses(identity)
    return _claim(unit, identity, key, context=context, limits=limits)


def _claim(
    unit: ClaimUnit,
    identity: VerifiedIdentity,
    key: ClaimKey,
    *,
    context: RequestContext,
    limits: Limits,
    keep: Callable[[], None] | None = None,
    forget: Callable[[], None] | None = None,
) -> Accepted:
    """Judge and settle; *keep* runs in the transaction of a success, *forget* in that of a refusal."""
    decision = Decision(reason=RejectReason.LOST_RACE)
    snapshot = unit.claims.load(key, identity.principal_id, identity.shown)
    for _ in range(_RACE_TRIES):
        decision = judge_claim(snapshot, identity)
        if decision.reason is RejectReason.NO_SEAT:
            if not _release_stale(unit.claims, snapshot, context):
                break
        elif decision.reason is not None:
            break
        else:
            settlement = _draw_up(snapshot, decision, identity, key, context)
            if (settled_at := unit.claims.settle_accept(settlement)) is not None:
                if keep is not None:
                    keep()
                unit.commit()
                return _answer(settlement, settled_at)
        snapshot = unit.claims.load(key, identity.principal_id, identity.shown)
    reason = decision.reason or RejectReason.LOST_RACE
    _bind(unit.claims, snapshot, reason, identity, context)
    event = rejected_event(snapshot.grant, reason, "accept", identity, context)
    is_wrong = reason is not RejectReason.STEP_UP_REQUIRED
    hits = wrong_try_hits(limits, key.subject, identity, context) if is_wrong else ()
    wait = unit.claims.settle_refusal(hits, event)
    if forget is not None:
        forget()
    unit.commit()
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.claim_per_principal.count)
    if reason is RejectReason.STEP_UP_REQUIRED and snapshot.grant is not None:
        raise snapshot.grant.demand.as_error()
    raise ClaimRejectedError(reason)


def _bind(
    claims: Claims,
    snapshot: Snapshot,
    reason: RejectReason,
    identity: VerifiedIdentity,
    context: RequestContext,
) -> None:
    # Only the right person gets here, so this tells a stranger nothing.
    grant = snapshot.grant
    if reason not in CLAIMED_REASONS or grant is None or grant.bound_principal_id is not None:
        return
    bound = InvitationBound(
        tenant_id=grant.tenant_id, invitation_id=grant.invitation_id, principal_id=identity.principal_id
    )
    claims.bind(
        grant, identity.principal_id, record_event(bound, actor_id=identity.principal_id, context=context)
    )


def accept_once(
    unit: IdempotentClaimUnit,
    actor: Actor,
    key: ClaimKey,
    *,
    context: RequestContext,
    limits: Limits,
    idempotency: IdempotencyRequest,
) -> Accepted | None:
    """Accept, or find that this very request was accepted before (ruling 3): then None."""
    identity = authority.check_principal(actor)
    check_addresses(identity)
    if unit.idempotency.claim(idempotency) is not None:
        return None

    def keep() -> None:
        unit.idempotency.keep(idempotency, "accepted")

    def forget() -> None:
        # Nothing happened that a repeat must not do again; and refusals must not fill the table.
        unit.idempotency.forget(idempotency)

    return _claim(unit, identity, key, context=context, limits=limits, keep=keep, forget=forget)


def _draw_up(
    snapshot: Snapshot, decision: Decision, identity: VerifiedIdentity, key: ClaimKey, context: RequestContext
) -> Settlement:
    grant, matched = snapshot.grant, decision.matched
    if grant is None or matched is None:
        raise MisuseError("an accepting decision has a grant and a matched address")
    event = InvitationAccepted(
        tenant_id=grant.tenant_id,
        invitation_id=grant.invitation_id,
        role=snapshot.existing_role or grant.role,
        kept_role=decision.keeps_role,
        extended=decision.extends,
        evidence=matched.evidence,
        connection=identity.connection,
        generation=grant.generation,
        promised_roles=" ".join(grant.promised_roles),
        inviter_role=grant.inviter_role,
        was_held=grant.is_approved,
        policy_version=grant.policy_version,
        policy_hash=grant.policy_hash,
    )
    return Settlement(
        key=key,
        now=snapshot.now,
        grant=grant,
        decision=decision,
        identity=identity,
        holds_seat=snapshot.holds_seat,
        existing_role=snapshot.existing_role,
        seat_shard=snapshot.seat_shard,
        event=record_event(event, actor_id=identity.principal_id, context=context),
        notice=AcceptedNotice(invitation_id=grant.invitation_id),
    )


def _release_stale(claims: Claims, snapshot: Snapshot, context: RequestContext) -> bool:
    # Only the right person gets here: every other check has passed, so this tells a stranger nothing.
    if snapshot.grant is None:
        return False
    stamp = EventStamp(actor_id="clock", correlation_id=context.correlation_id, source=context.source)
    return claims.release_stale_seats(snapshot.grant.tenant_id, stamp) > 0


def _answer(settlement: Settlement, settled_at: datetime) -> Accepted:
    grant = settlement.grant
    return Accepted(
        invitation_id=grant.invitation_id,
        tenant_id=grant.tenant_id,
        tenant_name=grant.tenant_name,
        role=settlement.existing_role or grant.role,
        kept_role=settlement.decision.keeps_role,
        event=StoredEvent(record=settlement.event, occurred_at=settled_at),
    )

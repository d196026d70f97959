# SPDX-License-Identifier: Apache-2.0
"""Who gets in: does this verified identity match this pending grant, now?

``judge_claim`` is the one rule. It looks at a snapshot that storage loaded in one statement, evaluates
every step whatever the earlier ones found, and returns a decision with the private reason. The settling
statement in storage checks again, under locks, what can change in between.

The steps:

1. the link names a known invitation (TOK-02)
2. it is still pending: not consumed, declined or revoked, and ``now < expires_at`` (LIF-01)
3. the tenant is active (ACC-09, LIF-03)
4. the role still exists (ACC-09)
5. the inviter still stands in the tenant and may still grant that role (ACC-09)
6. a currently verified address equals the invited one, byte for byte (ACC-03)
7. the session came through the connection that the tenant requires (ACC-05)
8. the invited domain is still allowed (ISS-09)
9. the claiming principal has not been offboarded (LIF-03)
10. there is a seat: a free one, this invitation's own reservation, or an existing membership (ruling 8)

Deliberately absent: rate limits. A limit may slow refusals down, it never keeps the right person out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedAddress, VerifiedIdentity
from vestibule.core.invitation import InvitationState, derive_state
from vestibule.core.policy import Policy
from vestibule.errors import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The pending grant as the snapshot found it."""

    invitation_id: str
    tenant_id: str
    role: str
    invited_email: EmailAddress
    inviter_principal_id: str
    generation: int
    expires_at: datetime
    consumed_at: datetime | None
    consumed_by_principal_id: str | None
    declined_at: datetime | None
    revoked_at: datetime | None
    membership_expires_in: int | None
    has_reservation: bool
    tenant_name: str
    policy: Policy
    policy_version: int
    policy_hash: str
    base_version: int
    tenant_suspended: bool
    tenant_deleted: bool
    inviter_role: str | None
    inviter_name: str | None

    def state_at(self, now: datetime) -> InvitationState:
        return derive_state(
            consumed=self.consumed_at is not None,
            declined=self.declined_at is not None,
            revoked=self.revoked_at is not None,
            expired=now >= self.expires_at,
        )

    def is_presentable(self, now: datetime) -> bool:
        """May the preview show it to whoever holds the link? Only what its invitee could still accept."""
        domains = self.policy.allowed_domains
        return (
            self.state_at(now) is InvitationState.PENDING
            and not self.tenant_suspended
            and not self.tenant_deleted
            and _may_still_grant(self)
            and self.role in self.policy.roles
            and (domains is None or self.invited_email.is_within(domains))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a decision needs, read in one statement. ``grant`` is None for an unknown link.

    ``existing_role`` is that of a membership in force; ``holds_seat`` is true for any membership row, whose
    seat an accept converts; ``seat_shard`` is a part of the ledger with a free seat.
    """

    now: datetime
    grant: Grant | None
    existing_role: str | None
    holds_seat: bool
    seat_shard: int | None
    principal_offboarded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules say. ``reason`` is None exactly when the claim is to be settled as accepted."""

    reason: RejectReason | None
    matched: VerifiedAddress | None = None
    keeps_role: bool = False


_STATE_REASON = {
    InvitationState.ACCEPTED: RejectReason.CONSUMED,
    InvitationState.DECLINED: RejectReason.DECLINED,
    InvitationState.REVOKED: RejectReason.REVOKED,
    InvitationState.EXPIRED: RejectReason.EXPIRED,
}


def judge_claim(snapshot: Snapshot, identity: VerifiedIdentity, *, wants_seat: bool = True) -> Decision:
    """Judge a claim by *identity*. All steps are evaluated; the first that failed is the reason.

    A decline judges the same steps without a seat (*wants_seat* false).
    """
    grant = snapshot.grant
    if grant is None:
        return Decision(reason=RejectReason.UNKNOWN)
    matched = identity.find_evidence(grant.invited_email)
    required = grant.policy.require_connection
    domains = grant.policy.allowed_domains
    findings: tuple[tuple[bool, RejectReason], ...] = (
        # 2
        (grant.state_at(snapshot.now) is not InvitationState.PENDING, _state_reason(grant, snapshot.now)),
        # 3
        (grant.tenant_deleted, RejectReason.TENANT_DELETED),
        (grant.tenant_suspended, RejectReason.TENANT_SUSPENDED),
        # 4
        (grant.role not in grant.policy.roles, RejectReason.ROLE_GONE),
        # 5
        (grant.inviter_role is None, RejectReason.INVITER_GONE),
        (not _may_still_grant(grant), RejectReason.INVITER_NOT_ENTITLED),
        # 6
        (matched is None, RejectReason.WRONG_RECIPIENT),
        # 7
        (required is not None and identity.connection != required, RejectReason.WRONG_CONNECTION),
        # 8
        (domains is not None and not grant.invited_email.is_within(domains), RejectReason.DOMAIN_NOT_ALLOWED),
        # 9
        (snapshot.principal_offboarded, RejectReason.PRINCIPAL_OFFBOARDED),
        # 10
        (wants_seat and not _has_seat(snapshot, grant), RejectReason.NO_SEAT),
    )
    failed = [reason for is_failed, reason in findings if is_failed]
    if failed:
        return Decision(reason=failed[0], matched=matched)
    return Decision(reason=None, matched=matched, keeps_role=snapshot.existing_role is not None)


def _state_reason(grant: Grant, now: datetime) -> RejectReason:
    return _STATE_REASON.get(grant.state_at(now), RejectReason.UNKNOWN)


def _may_still_grant(grant: Grant) -> bool:
    if grant.inviter_role is None or grant.role in grant.policy.elevating:
        return False
    return grant.policy.may_grant(grant.inviter_role, grant.role)


def _has_seat(snapshot: Snapshot, grant: Grant) -> bool:
    if grant.policy.seat_limit is None or snapshot.holds_seat or grant.has_reservation:
        return True
    return snapshot.seat_shard is not None

# SPDX-License-Identifier: Apache-2.0
"""Who gets in: does this verified identity match this pending grant, now?

``judge_claim`` is the one rule. It looks at a snapshot that storage loaded in one statement, evaluates
every step whatever the earlier ones found, and returns a decision with the private reason. The settling
statement in storage checks again, under locks, what can change in between.

The steps:

1. the link names a known invitation (TOK-02)
2. it is still pending: not consumed, declined or revoked, and ``now < expires_at`` (LIF-01)
3. the tenant is active (ACC-09, LIF-03), and its event not over (ISS-07)
4. every role it promises still exists, and every resource (ACC-09, ISS-18)
5. the inviter still stands and may still grant those roles, and who had to approve did (ISS-04);
   where the rule of a domain promised, it is still in force, proved, and for that role (TEN-03)
6. a currently verified address equals the invited one, byte for byte (ACC-03), and no other principal has
   claimed it before (ACC-16)
7. the session came through the connection that the tenant requires (ACC-05)
8. the invited domain is still allowed, and not denied (ISS-09)
9. the claiming principal has not been offboarded (LIF-03)
10. the tenant's directory has deactivated neither the invited address nor the claiming principal (D15)
11. there is a seat: a free one, this invitation's own reservation, or an existing membership (ruling 8)
12. the session is as fresh and as strong as the roles ask for (RFC 9470)

Deliberately absent: rate limits. A limit may slow refusals down, it never keeps the right person out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core.domain import DomainRule, Rung, required_connection, rule_admits
from vestibule.core.email import EmailAddress
from vestibule.core.identity import RULE_NAMES, VerifiedAddress, VerifiedIdentity
from vestibule.core.invitation import InvitationState, derive_state, roles_of
from vestibule.core.policy import Policy
from vestibule.core.stepup import Demand, demand_of
from vestibule.errors import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledGrant:
    """A role on a resource that comes with it; *is_live*: the resource is still there."""

    resource_id: str
    role: str
    is_live: bool


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
    is_held: bool = False
    is_approved: bool = False
    grants_only: bool = False
    bundle: tuple[BundledGrant, ...] = ()
    bound_principal_id: str | None = None
    tenant_name: str
    policy: Policy
    policy_version: int
    policy_hash: str
    base_version: int
    tenant_suspended: bool
    tenant_deleted: bool
    inviter_role: str | None
    inviter_name: str | None
    domain_rule: DomainRule | None = None
    recipient_barred: bool = False

    @property
    def is_by_rule(self) -> bool:
        """Was it the rule of a domain that promised, and no person?"""
        return self.inviter_principal_id.startswith(RULE_NAMES)

    @property
    def inviter_stands(self) -> bool:
        """The inviter is a member in force; or the rule is still in force, and for this role."""
        if not self.is_by_rule:
            return self.inviter_role is not None
        return rule_admits(
            self.domain_rule, self.policy, self.inviter_principal_id, self.invited_email, self.role
        )

    @property
    def is_domain_allowed(self) -> bool:
        """The allow-list admits the invited domain, and no rung denies it."""
        domains, rule = self.policy.allowed_domains, self.domain_rule
        is_denied = rule is not None and rule.rung is Rung.DENY
        return not is_denied and (domains is None or self.invited_email.is_within(domains))

    def state_at(self, now: datetime) -> InvitationState:
        return derive_state(
            consumed=self.consumed_at is not None,
            declined=self.declined_at is not None,
            revoked=self.revoked_at is not None,
            expired=now >= self.expires_at,
            held=self.is_held,
        )

    @property
    def promised_roles(self) -> tuple[str, ...]:
        return roles_of(None if self.grants_only else self.role, (one.role for one in self.bundle))

    @property
    def demand(self) -> Demand:
        """How fresh and strong a claimant's session must be."""
        return demand_of(self.policy, self.promised_roles)

    def is_event_over(self, now: datetime) -> bool:
        return self.policy.event is not None and now >= self.policy.event.closes_at

    def is_presentable(self, now: datetime) -> bool:
        """May the preview show it to whoever holds the link? Only what its invitee could still accept."""
        return (
            self.state_at(now) is InvitationState.PENDING
            and not self.tenant_suspended
            and not self.tenant_deleted
            and not self.is_event_over(now)
            and not self.recipient_barred
            and _may_still_grant(self)
            and _is_approved(self)
            and _roles_exist(self)
            and all(one.is_live for one in self.bundle)
            and self.is_domain_allowed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a decision needs, read in one statement. ``grant`` is None for an unknown link.

    ``existing_role`` is that of a membership in force; ``holds_seat`` is true for any membership row, whose
    seat an accept converts; ``seat_shard`` is a part of the ledger with a free seat. With ``is_kept_owner``
    the claimant's row is all that the tenant has for an owner, though without force (ADR 0005).
    """

    now: datetime
    grant: Grant | None
    existing_role: str | None
    existing_ends: bool = False
    holds_seat: bool
    seat_shard: int | None
    principal_offboarded: bool
    is_kept_owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules say. ``reason`` is None exactly when the claim is to be settled as accepted.

    ``extends``: the role is kept, and the time-bound membership that has it lasts longer (LIF-05).
    """

    reason: RejectReason | None
    matched: VerifiedAddress | None = None
    keeps_role: bool = False
    extends: bool = False


# What only the right person can be lacking: from here on the grant is theirs and nobody else's (ACC-16).
CLAIMED_REASONS = frozenset({RejectReason.NO_SEAT})
_STATE_REASON = {
    InvitationState.HELD: RejectReason.NOT_APPROVED,
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
    matched = identity.find_evidence(grant.invited_email, grant.tenant_id)
    findings = (
        *_findings_on_grant(grant, snapshot.now),
        *_findings_on_claimant(snapshot, grant, identity, matched),
        # 11
        (wants_seat and not _has_seat(snapshot, grant), RejectReason.NO_SEAT),
        # 12
        (wants_seat and not _is_strong(snapshot, grant, identity), RejectReason.STEP_UP_REQUIRED),
    )
    failed = [reason for is_failed, reason in findings if is_failed]
    if failed:
        return Decision(reason=failed[0], matched=matched)
    return Decision(
        reason=None,
        matched=matched,
        keeps_role=snapshot.existing_role is not None,
        extends=_extends(snapshot, grant),
    )


Findings = tuple[tuple[bool, RejectReason], ...]


def _findings_on_grant(grant: Grant, now: datetime) -> Findings:
    return (
        # 2
        (grant.state_at(now) is not InvitationState.PENDING, _state_reason(grant, now)),
        # 3
        (grant.tenant_deleted, RejectReason.TENANT_DELETED),
        (grant.tenant_suspended, RejectReason.TENANT_SUSPENDED),
        (grant.is_event_over(now), RejectReason.EVENT_OVER),
        # 4
        (not _roles_exist(grant), RejectReason.ROLE_GONE),
        (not all(one.is_live for one in grant.bundle), RejectReason.TARGET_GONE),
        # 5
        (not grant.inviter_stands, RejectReason.INVITER_GONE),
        (not _may_still_grant(grant), RejectReason.INVITER_NOT_ENTITLED),
        (not _is_approved(grant), RejectReason.NOT_APPROVED),
    )


def _findings_on_claimant(
    snapshot: Snapshot, grant: Grant, identity: VerifiedIdentity, matched: VerifiedAddress | None
) -> Findings:
    rule = grant.domain_rule if grant.is_by_rule else None
    required = required_connection(grant.policy, grant.invited_email, rule)
    return (
        # 6
        (matched is None or not _evidence_stands(grant, matched), RejectReason.WRONG_RECIPIENT),
        (grant.bound_principal_id not in (None, identity.principal_id), RejectReason.BOUND_TO_ANOTHER),
        (grant.grants_only and snapshot.existing_role is None, RejectReason.NOT_A_MEMBER),
        # 7
        (
            required is not None and not identity.came_through(required, grant.tenant_id),
            RejectReason.WRONG_CONNECTION,
        ),
        # 8
        (not grant.is_domain_allowed, RejectReason.DOMAIN_NOT_ALLOWED),
        # 9
        (snapshot.principal_offboarded, RejectReason.PRINCIPAL_OFFBOARDED),
        # 10
        (grant.recipient_barred, RejectReason.RECIPIENT_BARRED),
        (snapshot.is_kept_owner, RejectReason.OWNER_KEPT),
    )


def _evidence_stands(grant: Grant, matched: VerifiedAddress) -> bool:
    # What the tenant's own provider says counts while the domain is proved, and not a moment longer (ACC-16).
    rule = grant.domain_rule
    return matched.tenant_id is None or (rule is not None and rule.is_proved)


def _state_reason(grant: Grant, now: datetime) -> RejectReason:
    return _STATE_REASON.get(grant.state_at(now), RejectReason.UNKNOWN)


def _may_still_grant(grant: Grant) -> bool:
    if grant.is_by_rule:
        return grant.inviter_stands
    granting = grant.inviter_role
    return granting is not None and all(
        grant.policy.may_grant(granting, role) for role in grant.promised_roles
    )


def _roles_exist(grant: Grant) -> bool:
    return all(role in grant.policy.roles for role in grant.promised_roles)


def _is_approved(grant: Grant) -> bool:
    # Also when policy asks for approvals only since this was issued: nobody has approved it.
    return grant.is_approved or not grant.policy.elevating.intersection(grant.promised_roles)


def _is_strong(snapshot: Snapshot, grant: Grant, identity: VerifiedIdentity) -> bool:
    return grant.demand.is_met(identity, grant.tenant_id, snapshot.now)


def _extends(snapshot: Snapshot, grant: Grant) -> bool:
    is_same = snapshot.existing_role == grant.role and not grant.grants_only
    return is_same and snapshot.existing_ends and grant.membership_expires_in is not None


def _has_seat(snapshot: Snapshot, grant: Grant) -> bool:
    if grant.policy.seat_limit is None or snapshot.holds_seat or grant.has_reservation:
        return True
    return snapshot.seat_shard is not None

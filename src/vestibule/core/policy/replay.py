# SPDX-License-Identifier: Apache-2.0
"""Judging a recorded decision again, under the policy of then or under a draft (TEN-02).

What a policy says about a decision is a list of findings, one per rule that was consulted, each with the
place in the document where that rule stands. What depended on more than policy and facts (seats, limits,
how many were pending, who the person was) is not judged again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from vestibule.core.email import EmailAddress
from vestibule.core.identity import RULE_NAMES
from vestibule.core.invitation import Invitation
from vestibule.core.policy.rules import Policy

ISSUED = "invitation.issued"
ACCEPTED = "invitation.accepted"
DECISIONS = (ISSUED, ACCEPTED)
Outcome = Literal["allowed", "held", "denied"]
Effect = Literal["same", "changed", "held", "denied", "allowed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """One decision of the trail. The address comes from the invitation's record; it may be gone."""

    event_id: str
    tenant_id: str
    kind: str
    invitation_id: str | None
    occurred_at: datetime
    address: EmailAddress | None
    facts: Mapping[str, Any]

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that was promised."""
        return tuple(str(self.facts["promised_roles"]).split())


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says: where it stands, and whether it lets the decision pass."""

    pointer: str
    told: str
    outcome: Outcome = "allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a policy says about a decision; ``lifetime`` that of the invitation, when it is issued."""

    outcome: Outcome
    lifetime: int | None
    findings: tuple[Finding, ...]

    @property
    def deciding(self) -> tuple[Finding, ...]:
        """The findings that made the outcome what it is."""
        return tuple(one for one in self.findings if one.outcome == self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A decision under two policies, and what the second changes."""

    decision: RecordedDecision
    before: Verdict
    after: Verdict

    @property
    def effect(self) -> Effect:
        if self.before.outcome != self.after.outcome:
            return self.after.outcome
        return "same" if self.before.lifetime == self.after.lifetime else "changed"


def judge_again(policy: Policy, decision: RecordedDecision) -> Verdict:
    """What *policy* says about *decision*. Pure, and total over what the trail holds."""
    findings = tuple(_find(policy, decision))
    outcomes = {one.outcome for one in findings}
    outcome: Outcome = "denied" if "denied" in outcomes else "held" if "held" in outcomes else "allowed"
    is_issued = decision.kind == ISSUED and outcome != "denied"
    return Verdict(
        outcome=outcome, lifetime=_lifetime(policy, decision) if is_issued else None, findings=findings
    )


def judge_pending(
    policy: Policy, invitation: Invitation, inviter_role: str | None, now: datetime
) -> tuple[Finding, ...]:
    """Why *policy* would not let *invitation* be accepted now; nothing when it would (ACC-09).

    Its lifetime stays as it was issued. What a domain's rule promised depends on that rule, not on policy.
    """
    facts = {
        "promised_roles": " ".join(invitation.promised_roles),
        "inviter_role": inviter_role,
        "was_held": invitation.approved_at is not None,
    }
    decision = RecordedDecision(
        event_id="",
        tenant_id=invitation.tenant_id,
        kind=ACCEPTED,
        invitation_id=invitation.invitation_id,
        occurred_at=now,
        address=invitation.invited_email,
        facts=facts,
    )
    is_orphan = inviter_role is None and not invitation.inviter_principal_id.startswith(RULE_NAMES)
    gone = (Finding("/assignable", "its inviter has no role here any more", "denied"),) if is_orphan else ()
    judged = _find(replace(policy, require_connection=None), decision)
    return (*gone, *(one for one in judged if one.outcome == "denied"))


def replay(before: Policy, after: Policy, decision: RecordedDecision) -> Replayed:
    """*decision* under both."""
    return Replayed(
        decision=decision, before=judge_again(before, decision), after=judge_again(after, decision)
    )


def _find(policy: Policy, decision: RecordedDecision) -> Iterator[Finding]:
    granting = decision.facts.get("inviter_role")
    for role in decision.roles:
        if granting is not None:
            yield _judge_grant(policy, str(granting), role)
        elif role not in policy.roles:
            # A domain's rule promised it: no person's right is judged, but there must be such a role.
            yield Finding("/assignable", f"there is no role {role}", "denied")
        yield _judge_approvals(policy, decision, role)
    if decision.kind == ISSUED:
        yield from _judge_terms(policy, decision)
    if decision.address is not None:
        yield from _judge_domain(policy, decision.address)
    if decision.kind == ACCEPTED and policy.require_connection is not None:
        yield _judge_connection(policy, decision)
    if policy.event is not None:
        yield _judge_event(policy, decision)


def _judge_grant(policy: Policy, granting: str, role: str) -> Finding:
    pointer = f"/assignable/{granting}"
    if role not in policy.roles:
        return Finding("/assignable", f"there is no role {role}", "denied")
    if policy.may_grant(granting, role):
        return Finding(pointer, f"{granting} may grant {role}")
    return Finding(pointer, f"{granting} may not grant {role}", "denied")


def _judge_approvals(policy: Policy, decision: RecordedDecision, role: str) -> Finding:
    needed, pointer = policy.rule_of(role).approvals, f"/roles/{role}/approvals"
    if not needed:
        return Finding(pointer, f"{role} needs no approval")
    told = f"{role} needs {needed} approval{'s' if needed > 1 else ''}"
    if decision.kind == ISSUED:
        return Finding(pointer, told, "held")
    return Finding(pointer, told, "allowed" if decision.facts.get("was_held") else "denied")


def _judge_terms(policy: Policy, decision: RecordedDecision) -> Iterator[Finding]:
    roles, facts = decision.roles, decision.facts
    shortest = min(roles, key=policy.ttl_of)
    ttl, asked = _ceiling(policy, decision), facts.get("expires_in")
    pointer = f"/ttl/{shortest}"
    # What had to wait for its approval is shortened when it comes, and not refused.
    if asked is not None and asked > ttl and not facts.get("was_held"):
        yield Finding(pointer, f"{asked} s were asked for; {shortest} has at most {ttl} s", "denied")
    else:
        yield Finding(pointer, f"an invitation to {shortest} lives {ttl} s unless the request shortens it")
    # The membership's own role stands first; what is granted on resources has terms of its own.
    own, wanted = roles[0], facts.get("membership_expires_in")
    most = policy.rule_of(own).grant_max
    if wanted is not None and most is not None and wanted > most:
        told = f"a membership of {wanted} s was promised; {own} has at most {most} s"
        yield Finding(f"/roles/{own}/grant_max", told, "denied")


def _judge_domain(policy: Policy, address: EmailAddress) -> Iterator[Finding]:
    if policy.allowed_domains is None:
        return
    if address.is_within(policy.allowed_domains):
        yield Finding("/allowed_domains", "the address's domain is allowed")
    else:
        yield Finding("/allowed_domains", "the address's domain is not allowed", "denied")


def _judge_connection(policy: Policy, decision: RecordedDecision) -> Finding:
    address = decision.address
    required = policy.require_connection if address is None else policy.connection_for(address)
    if required is None:
        return Finding("/connection_exceptions", "the address may come without the connection")
    if decision.facts.get("connection") == required:
        return Finding("/require_connection", "the session came through the required connection")
    return Finding("/require_connection", "the session came another way", "denied")


def _judge_event(policy: Policy, decision: RecordedDecision) -> Finding:
    if policy.event is not None and decision.occurred_at >= policy.event.closes_at:
        return Finding("/event", "the event takes nobody any more", "denied")
    return Finding("/event", "the event still takes people")


def _ceiling(policy: Policy, decision: RecordedDecision) -> int:
    ttl = min(policy.ttl_of(role) for role in decision.roles)
    if policy.event is None:
        return ttl
    return max(0, min(ttl, (policy.event.closes_at - decision.occurred_at) // timedelta(seconds=1)))


def _lifetime(policy: Policy, decision: RecordedDecision) -> int:
    ceiling, asked = _ceiling(policy, decision), decision.facts.get("expires_in")
    return ceiling if asked is None else min(ceiling, int(asked))

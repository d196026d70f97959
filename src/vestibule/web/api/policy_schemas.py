# SPDX-License-Identifier: Apache-2.0
"""The documents of the policy calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from vestibule.actions.policies.change_policy import ProposedChange
from vestibule.actions.policies.review_policy import REPLAY_MAX, Explained, Reevaluated
from vestibule.core.policy import dump_policy
from vestibule.core.policy.change import PolicyChange, PolicyInForce
from vestibule.core.policy.compare import Difference, is_loosening
from vestibule.core.policy.replay import Finding, Replayed
from vestibule.web.api.fields import Moment
from vestibule.web.api.policy_schema import PolicyDocument

Outcome = Literal["allowed", "held", "denied"]
Effect = Literal["same", "changed", "held", "denied", "allowed"]
Last = Annotated[StrictInt, Field(ge=1, le=REPLAY_MAX, description="How many decisions.")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ProposePolicy(_Asked):
    """A document of one's own: what it leaves out, the layer below says."""

    policy: PolicyDocument


class SimulatePolicy(ProposePolicy):
    """The same, and how many of the last decisions to judge again."""

    last: Last = 1000


class ReevaluatePolicy(_Asked):
    """Whether to revoke what is found."""

    revoke: bool = False


class _Told(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class PolicyJson(_Told):
    """What is in force: all of it, what this document of one's own says, and its identity."""

    policy: PolicyDocument
    own: PolicyDocument
    policy_hash: str
    policy_version: int

    @classmethod
    def of(cls, found: PolicyInForce) -> PolicyJson:
        return cls(
            policy=json.loads(dump_policy(found.policy)),
            own=json.loads(found.own),
            policy_hash=found.policy_hash,
            policy_version=found.version,
        )


class DifferenceJson(_Told):
    """One place at which two policies differ."""

    pointer: str
    before: Any
    after: Any
    loosens: bool


class ChangeJson(_Told):
    """A change on its way, or that was."""

    change_id: str
    state: Literal["proposed", "approved", "active", "closed"]
    document_hash: str
    base_hash: str
    is_loosening: bool
    needs_approval: bool
    author_id: str
    approver_id: str | None
    created_at: Moment
    approved_at: Moment | None
    activated_at: Moment | None
    closed_at: Moment | None

    @classmethod
    def of(cls, change: PolicyChange) -> ChangeJson:
        return cls(**_members_of(change))


class ProposedJson(ChangeJson):
    """A change with everything in which it differs from what it replaces."""

    differences: list[DifferenceJson]

    @classmethod
    def of_proposed(cls, proposed: ProposedChange) -> ProposedJson:
        return cls(**_members_of(proposed.change), differences=_differences(proposed.differences))


class ComparedJson(_Told):
    """What a draft would change."""

    is_loosening: bool
    differences: list[DifferenceJson]

    @classmethod
    def of(cls, differences: tuple[Difference, ...]) -> ComparedJson:
        return cls(is_loosening=is_loosening(differences), differences=_differences(differences))


class FindingJson(_Told):
    """What one rule says, and where in the document it stands."""

    pointer: str
    told: str
    outcome: Outcome


class ReplayedJson(_Told):
    """A decision that the draft would have taken otherwise."""

    event_id: str
    invitation_id: str | None
    occurred_at: Moment
    effect: Effect
    lifetime_before: int | None
    lifetime_after: int | None
    reasons: list[FindingJson]


class SimulatedJson(_Told):
    """How many decisions the draft would leave as they were, and each that it would not."""

    counts: dict[str, int]
    changed: list[ReplayedJson]

    @classmethod
    def of(cls, replayed: Sequence[Replayed]) -> SimulatedJson:
        changed = [one for one in replayed if one.effect != "same"]
        return cls(counts=count_effects(replayed), changed=[_describe_replayed(one) for one in changed])


class ExplainedJson(_Told):
    """What the policy of then says about a decision. ``is_exact``: its very text was kept."""

    event_id: str
    kind: str
    invitation_id: str | None
    occurred_at: Moment
    policy_hash: str
    is_exact: bool
    outcome: Outcome
    lifetime: int | None
    findings: list[FindingJson]

    @classmethod
    def of(cls, told: Explained) -> ExplainedJson:
        decision = told.decision
        return cls(
            event_id=decision.event_id,
            kind=decision.kind,
            invitation_id=decision.invitation_id,
            occurred_at=decision.occurred_at,
            policy_hash=told.policy_hash,
            is_exact=told.is_exact,
            outcome=told.verdict.outcome,
            lifetime=told.verdict.lifetime,
            findings=_findings(told.verdict.findings),
        )


class RefusedNowJson(_Told):
    """A pending invitation that would be refused now."""

    invitation_id: str
    role: str
    is_revoked: bool
    reasons: list[FindingJson]


class ReevaluatedJson(_Told):
    """Every such invitation."""

    items: list[RefusedNowJson]

    @classmethod
    def of(cls, found: Iterable[Reevaluated]) -> ReevaluatedJson:
        return cls(
            items=[
                RefusedNowJson(
                    invitation_id=one.invitation.invitation_id,
                    role=one.invitation.role,
                    is_revoked=one.is_revoked,
                    reasons=_findings(one.findings),
                )
                for one in found
            ]
        )


def count_effects(replayed: Iterable[Replayed]) -> dict[str, int]:
    """How many decisions by effect."""
    counts = dict.fromkeys(("same", "changed", "held", "denied", "allowed"), 0)
    for one in replayed:
        counts[one.effect] += 1
    return counts


def _members_of(change: PolicyChange) -> dict[str, Any]:
    return {
        "change_id": change.change_id,
        "state": change.state,
        "document_hash": change.document_hash,
        "base_hash": change.base_hash,
        "is_loosening": change.is_loosening,
        "needs_approval": change.needs_approval and change.state == "proposed",
        "author_id": change.author_id,
        "approver_id": change.approver_id,
        "created_at": change.created_at,
        "approved_at": change.approved_at,
        "activated_at": change.activated_at,
        "closed_at": change.closed_at,
    }


def _differences(found: Iterable[Difference]) -> list[DifferenceJson]:
    return [
        DifferenceJson(pointer=one.pointer, before=one.before, after=one.after, loosens=one.loosens)
        for one in found
    ]


def _findings(found: Iterable[Finding]) -> list[FindingJson]:
    return [FindingJson(pointer=one.pointer, told=one.told, outcome=one.outcome) for one in found]


def _describe_replayed(one: Replayed) -> ReplayedJson:
    return ReplayedJson(
        event_id=one.decision.event_id,
        invitation_id=one.decision.invitation_id,
        occurred_at=one.decision.occurred_at,
        effect=one.effect,
        lifetime_before=one.before.lifetime,
        lifetime_after=one.after.lifetime,
        reasons=_findings(one.after.deciding),
    )

# SPDX-License-Identifier: Apache-2.0
"""How policies, their changes and their judgements are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vestibule.actions.policies.change_policy import ProposedChange
from vestibule.cli.printing import moment, show, table
from vestibule.core.policy.change import PolicyChange
from vestibule.core.policy.compare import Difference, is_loosening
from vestibule.core.policy.replay import Finding, Replayed


def describe_change(change: PolicyChange) -> dict[str, Any]:
    """The same members as in the API."""
    return {
        "change_id": change.change_id,
        "state": change.state,
        "document_hash": change.document_hash,
        "base_hash": change.base_hash,
        "is_loosening": change.is_loosening,
        "needs_approval": change.needs_approval and change.state == "proposed",
        "author_id": change.author_id,
        "approver_id": change.approver_id,
        "created_at": moment(change.created_at),
        "approved_at": moment(change.approved_at),
        "activated_at": moment(change.activated_at),
        "closed_at": moment(change.closed_at),
    }


def show_proposed(made: ProposedChange, *, as_json: bool) -> None:
    change = made.change
    told = f"Change {change.change_id} is proposed, and waits for a second person: approve {change.change_id}"
    document = describe_change(change) | {
        "differences": [describe_difference(one) for one in made.differences]
    }
    show(document, [*tell_differences(made.differences), told], as_json=as_json)


def tell_differences(found: Sequence[Difference]) -> list[str]:
    if not found:
        return ["No difference."]
    rows = [
        ("loosens" if one.loosens else "", one.pointer, json.dumps(one.before), json.dumps(one.after))
        for one in found
    ]
    verdict = (
        "It loosens: a second person approves it." if is_loosening(tuple(found)) else "It loosens nothing."
    )
    return [*table(("", "rule", "before", "after"), rows), verdict]


def describe_difference(one: Difference) -> dict[str, Any]:
    return {"pointer": one.pointer, "before": one.before, "after": one.after, "loosens": one.loosens}


def describe_finding(one: Finding) -> dict[str, Any]:
    return {"pointer": one.pointer, "told": one.told, "outcome": one.outcome}


def describe_replayed(one: Replayed) -> dict[str, Any]:
    return {
        "event_id": one.decision.event_id,
        "invitation_id": one.decision.invitation_id,
        "occurred_at": moment(one.decision.occurred_at),
        "effect": one.effect,
        "lifetime_before": one.before.lifetime,
        "lifetime_after": one.after.lifetime,
        "why": "; ".join(reason.told for reason in one.after.deciding),
    }

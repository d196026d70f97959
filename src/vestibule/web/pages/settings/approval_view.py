# SPDX-License-Identifier: Apache-2.0
"""A held request in words: every field that its digest covers, and nothing else (CRYPTO.md 10.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vestibule.actions.invitations.review_held import HeldView
from vestibule.core.approval import HeldRequest
from vestibule.core.display import format_moment, format_span
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.stepup import Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of the page; *is_fine*: an id or a digest."""

    label: str
    value: str
    is_fine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Names for ids, where there are any."""

    people: Mapping[str, str]
    resources: Mapping[str, str]

    def name_person(self, principal_id: str) -> str:
        """The name beside the id, which is what counts."""
        name = self.people.get(principal_id)
        return principal_id if name is None else f"{name} ({principal_id})"


def describe_request(request: HeldRequest, known: Known) -> list[Fact]:
    """What an approval is an approval of, field by field as ``digest_request`` lists them."""
    one = request.invitation
    ends, opens = one.membership_expires_in, one.expires_in
    starts = one.membership_starts_at
    facts = [
        ("Address", one.invited_email.key),
        ("Role", f"None: adds to their role {one.role}" if one.grants_only else one.role),
        ("Resources", _describe_grants(request, known)),
        ("Reason", "None given" if one.justification is None else f"“{one.justification}”"),
        ("Asked for by", known.name_person(one.inviter_principal_id)),
        ("Begins", "When accepted" if starts is None else format_moment(starts)),
        ("Ends", "Never by itself" if ends is None else f"{format_span(ends)} after it begins"),
        ("Open for", "As policy says" if opens is None else f"At most {format_span(opens)} once approved"),
        ("Scope", "None" if one.scope is None else f"“{one.scope}”"),
    ]
    fine = [
        ("Request", one.invitation_id),
        ("Tenant", one.tenant_id),
        ("Policy", request.policy_hash),
        ("Digest", request.digest),
    ]
    return [
        *(Fact(label=label, value=value) for label, value in facts),
        *(Fact(label=label, value=value, is_fine=True) for label, value in fine),
    ]


def describe_held(view: HeldView, identity: VerifiedIdentity, known: Known) -> dict[str, Any]:
    """The page of one held request for this administrator."""
    request, me = view.request, identity.principal_id
    mine = [one for one in view.approvals if one.approver_principal_id == me and one.digest == request.digest]
    return {
        "facts": describe_request(request, known),
        "digest": request.digest,
        "invitation_id": request.invitation.invitation_id,
        "counted": view.counted,
        "needed": request.needed,
        "until_text": format_moment(request.invitation.expires_at),
        "approvals": [
            {
                "who": known.name_person(one.approver_principal_id),
                "when_text": format_moment(one.approved_at),
                "is_stale": one.digest != request.digest,
            }
            for one in view.approvals
        ],
        "objection": view.objection,
        "is_inviter": request.invitation.inviter_principal_id == me,
        "has_approved": bool(mine),
        "demand_text": describe_demand(request.demand),
    }


def describe_demand(demand: Demand) -> str | None:
    """What a session must be like to approve; None when anything will do."""
    parts = []
    if demand.max_age is not None:
        parts.append(f"a sign-in at most {format_span(demand.max_age)} old")
    parts += [f"a sign-in by {' or '.join(sorted(methods))}" for methods in demand.amr_any]
    return " and ".join(parts) or None


def _describe_grants(request: HeldRequest, known: Known) -> str:
    grants = [
        f"{_name_resource(one.resource_id, known)}: {one.role}, "
        + ("without end" if one.expires_in is None else f"for {format_span(one.expires_in)}")
        for one in request.invitation.grants
    ]
    return "; ".join(grants) or "None"


def _name_resource(resource_id: str, known: Known) -> str:
    name = known.resources.get(resource_id)
    return resource_id if name in (None, resource_id) else f"{name} ({resource_id})"

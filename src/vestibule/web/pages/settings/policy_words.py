# SPDX-License-Identifier: Apache-2.0
"""A policy in words that an administrator understands: a row for each role, and a list of what else holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vestibule.core.display import format_moment, format_span
from vestibule.core.policy import OWNER, EventWindow, Policy
from vestibule.core.policy.compare import Difference
from vestibule.web.pages.settings.policy_text import describe_pointer

_NOBODY = "Nobody"
_SECONDS = (
    *("ttl", "approval_ttl", "auth_max_age", "grant_default", "grant_max", "review_within"),
    *("resend_cooldown", "separation", "single_owner_bootstrap", "announce_end", "close_before_start"),
)


def describe_roles(policy: Policy) -> list[dict[str, str]]:
    """Every role: who it may invite, and what it takes to get it."""
    order = sorted(policy.roles, key=lambda one: (one != OWNER, -len(policy.assignable.get(one, ())), one))
    return [_describe_role(policy, role) for role in order]


def describe_rest(policy: Policy) -> list[dict[str, str]]:
    """What holds whichever the role."""
    facts = [
        ("Administrators", _list(policy.administrators)),
        ("Seats", _describe_seats(policy)),
        ("Addresses", _describe_domains(policy)),
        ("Sign-in", _describe_connection(policy)),
        ("Who may not approve", _describe_separation(policy)),
        ("Too few to approve", _describe_bootstrap(policy)),
        ("One invitation at a time", _describe_target(policy)),
        ("Sending again", f"Not within {format_span(policy.resend_cooldown)} of the last mail"),
        (
            "Open invitations",
            f"{policy.max_pending:,} at most; {policy.max_pending_per_inviter:,} each inviter",
        ),
        ("Links", "Signed, for an edge to check" if policy.signs_links else "Opaque"),
        ("Addresses", "Not kept once their mail has left" if policy.is_blind else "Kept"),
        ("A leaked link", "Replaced by mail" if policy.reissue_leaked else "Revokes its invitation"),
        ("Before an access ends", f"The member is told {format_span(policy.announce_end)} ahead"),
    ]
    if policy.event is not None:
        facts.insert(0, ("Event", _describe_event(policy.event)))
    return [{"label": label, "value": value} for label, value in facts]


def describe_differences(differences: Iterable[Difference]) -> list[dict[str, object]]:
    """Each change with what was and what would be, as the document writes it."""
    return [
        {
            "place": describe_pointer(one.pointer),
            "before": _show(one.pointer, one.before),
            "after": _show(one.pointer, one.after),
            "loosens": one.loosens,
        }
        for one in differences
    ]


def _describe_role(policy: Policy, role: str) -> dict[str, str]:
    rule = policy.rule_of(role)
    asks = []
    if rule.justification:
        asks.append("a stated reason")
    if rule.review_within is not None:
        asks.append(f"a review within {format_span(rule.review_within)}")
    if rule.auth_max_age is not None:
        asks.append(f"a sign-in at most {format_span(rule.auth_max_age)} old")
    if rule.amr_any:
        asks.append(f"signed in by {' or '.join(sorted(rule.amr_any))}")
    return {
        "role": role,
        "grants": _list(policy.assignable.get(role, ())),
        "open": format_span(policy.ttl_of(role)),
        "lasts": _describe_term(rule.grant_default, rule.grant_max),
        "approvals": _describe_approvals(rule.approvals, rule.approval_ttl),
        "asks": begin(", ".join(asks)) or "Nothing more",
    }


def _describe_term(default: int | None, most: int | None) -> str:
    if most is None:
        return "Without end" if default is None else f"{format_span(default)}, unless the request says more"
    if default is None or default == most:
        return f"{format_span(most)} at most"
    return f"{format_span(default)}; {format_span(most)} at most"


def _describe_approvals(needed: int, within: int) -> str:
    if not needed:
        return "None"
    others = "1 other person" if needed == 1 else f"{needed} others"
    return f"{others} within {format_span(within)}"


def _describe_seats(policy: Policy) -> str:
    if policy.seat_limit is None:
        return "No limit"
    counted = "pending invitations count" if policy.seats_count_pending else "only members count"
    return f"{policy.seat_limit:,}; {counted}"


def _describe_domains(policy: Policy) -> str:
    if policy.allowed_domains is None:
        return "Of any domain"
    return f"Only of {_list(policy.allowed_domains)}"


def _describe_connection(policy: Policy) -> str:
    if policy.require_connection is None:
        return "Any way"
    guests = f", except {_list(policy.connection_exceptions)}" if policy.connection_exceptions else ""
    return f"Only through {policy.require_connection}{guests}"


def _describe_separation(policy: Policy) -> str:
    own = "The inviter and the invited"
    if not policy.separation:
        return own
    return f"{own}, nor whom the inviter brought in during the last {format_span(policy.separation)}"


def _describe_bootstrap(policy: Policy) -> str:
    if policy.single_owner_bootstrap is None:
        return "The request waits, and is over undecided"
    return f"The request is granted after {format_span(policy.single_owner_bootstrap)}"


def _describe_target(policy: Policy) -> str:
    return "For each address and role" if policy.target_key == "address_role" else "For each address"


def _describe_event(event: EventWindow) -> str:
    name = f"{event.name}, " if event.name else ""
    place = f", {event.location}" if event.location else ""
    times = f"{format_moment(event.starts_at)} to {format_moment(event.ends_at)}"
    return f"{name}{times}{place}; nobody accepts after {format_moment(event.closes_at)}"


def begin(text: str) -> str:
    """The same as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or _NOBODY


def _show(pointer: str, value: Any) -> str:
    last = pointer.rpartition("/")[2]
    is_span = last in _SECONDS or pointer.startswith("/ttl/")
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return format_span(value) if is_span else f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value) or "none"
    return str(value)

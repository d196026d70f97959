# SPDX-License-Identifier: Apache-2.0
"""Sound policy documents, as many as there are."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ROLES = ("owner", "admin", "member", "guest")
_DOMAINS = st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), min_size=1, unique=True)
_SECONDS = st.sampled_from([900, 1800, 3600, 86_400, 604_800])
_LONG = st.none() | st.sampled_from([3600, 86_400, 604_800])


@st.composite
def rules(draw: st.DrawFn, role: str) -> dict[str, Any]:
    """What granting *role* demands."""
    least = 1 if role == "owner" else 0
    rule: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "approvals": st.integers(least, 3),
                "approval_ttl": _SECONDS,
                "auth_max_age": st.none() | st.sampled_from([60, 300, 3600]),
                "amr_any": st.lists(st.sampled_from(["mfa", "hwk", "pwd"]), unique=True),
                "grant_max": _LONG,
                "justification": st.booleans(),
            },
        )
    )
    if draw(st.booleans()):
        rule["grant_default"] = min(draw(st.sampled_from([3600, 86_400])), rule.get("grant_max") or 86_400)
    if role != "owner" and not rule.get("approvals") and draw(st.booleans()):
        rule["review_within"] = draw(st.sampled_from([3600, 86_400]))
    return rule


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document that says something of many things, in a tenant with the role ``guest``."""
    relation = st.fixed_dictionaries(
        {role: st.lists(st.sampled_from(ROLES), unique=True) for role in ("owner", "admin", "guest")}
    )
    document: dict[str, Any] = {"assignable": draw(relation)}
    few = draw(st.lists(st.sampled_from(ROLES), unique=True, max_size=2))
    document["roles"] = {role: draw(rules(role)) for role in few}
    others = st.fixed_dictionaries(
        {},
        optional={
            "address_storage": st.sampled_from(["kept", "blind"]),
            "administrators": st.lists(st.sampled_from(ROLES), unique=True),
            "allowed_domains": st.none() | _DOMAINS,
            "announce_end": st.sampled_from([0, 86_400]),
            "connection_exceptions": _DOMAINS,
            "event": st.none() | st.builds(_event, st.integers(1, 3), st.sampled_from([None, 0, 3600])),
            "id": st.none() | st.just("a-label"),
            "max_pending": st.sampled_from([1, 5]),
            "max_pending_per_inviter": st.sampled_from([1, 5]),
            "reissue_leaked": st.booleans(),
            "require_connection": st.none() | st.sampled_from(["one", "two"]),
            "resend_cooldown": st.sampled_from([0, 60]),
            "schema": st.just(1),
            "seat_limit": st.none() | st.sampled_from([0, 5]),
            "seats_count_pending": st.booleans(),
            "separation": st.sampled_from([0, 86_400]),
            "single_owner_bootstrap": st.none() | st.sampled_from([3600, 86_400]),
            "token": st.sampled_from(["opaque", "signed"]),
            "target_key": st.sampled_from(["address", "address_role"]),
            "ttl": st.dictionaries(st.sampled_from(ROLES), _SECONDS, max_size=3),
        },
    )
    return document | draw(others)


def _event(days: int, close_before_start: int | None) -> dict[str, Any]:
    return {
        "starts_at": f"2030-01-0{days}T12:00:00Z",
        "ends_at": f"2030-01-0{days}T18:00:00Z",
        "close_before_start": close_before_start,
    }

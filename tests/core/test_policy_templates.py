# SPDX-License-Identifier: Apache-2.0
"""The ready policies: every granter, every role, every edge of its lifetime, as their files say (TEN-05)."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import pytest

from vestibule.core.email import EmailAddress
from vestibule.core.invitation import decide_lifetime
from vestibule.core.policy import TTL_MIN, Policy, dump_policy, hash_document, parse_policy
from vestibule.core.policy.replay import ISSUED, RecordedDecision, judge_again
from vestibule.core.policy.toml import parse_policy_file
from vestibule.errors import InvalidRequestError

pytestmark = pytest.mark.covers("TEN-05", "ISS-03", "ISS-07")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = sorted(path.name.removesuffix(".toml") for path in files("vestibule").joinpath("policies").iterdir())
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@cache
def text_of(name: str) -> str:
    return files("vestibule").joinpath(f"policies/{name}.toml").read_text(encoding="utf-8")


@cache
def policy_of(name: str) -> Policy:
    return parse_policy(parse_policy_file(text_of(name), name))


def roles_of(name: str) -> list[str]:
    return sorted(policy_of(name).roles)


def seconds(written: Any) -> int:
    return written if isinstance(written, int) else int(written[:-1]) * UNITS[written[-1]]


def grants() -> list[tuple[str, str, str]]:
    return [(name, one, other) for name in NAMES for one, other in product(roles_of(name), repeat=2)]


def test_there_are_four() -> None:
    assert NAMES == ["event-rsvp", "internal-admin-jit", "partner-program", "saas-onboarding"]
    for name in NAMES:
        assert policy_of(name).policy_id == name


@pytest.mark.parametrize("name,granting,granted", grants())
def test_who_may_grant_what_is_what_the_file_lists(name: str, granting: str, granted: str) -> None:
    written = tomllib.loads(text_of(name))
    listed = granted in written["assignable"].get(granting, [])
    needed = written["roles"].get(granted, {}).get("approvals", 1 if granted == "owner" else 0)
    decision = RecordedDecision(
        event_id="event",
        tenant_id="acme",
        kind=ISSUED,
        invitation_id=None,
        occurred_at=NOW,
        address=EmailAddress("vera@partner.example"),
        facts={"promised_roles": granted, "inviter_role": granting},
    )
    verdict = judge_again(policy_of(name), decision)
    assert verdict.outcome == ("denied" if not listed else "held" if needed else "allowed")


@pytest.mark.parametrize("name,role", [(name, role) for name in NAMES for role in roles_of(name)])
def test_every_edge_of_every_lifetime_is_what_the_file_says(name: str, role: str) -> None:
    policy = policy_of(name)
    rule = tomllib.loads(text_of(name))["roles"].get(role, {})
    ttl = policy.ttl_of(role)
    if "ttl" in rule:
        assert ttl == seconds(rule["ttl"])
    for asked, is_allowed in ((TTL_MIN - 1, False), (TTL_MIN, True), (ttl, True), (ttl + 1, False)):
        if is_allowed:
            assert decide_lifetime(policy, [role], asked, NOW) == asked
        else:
            with pytest.raises(InvalidRequestError):
                decide_lifetime(policy, [role], asked, NOW)
    for member in ("grant_default", "grant_max", "auth_max_age", "approval_ttl", "review_within"):
        if member in rule:
            assert getattr(policy.rule_of(role), member) == seconds(rule[member])


def test_each_template_is_what_it_says_of_itself() -> None:
    saas, partner = policy_of("saas-onboarding"), policy_of("partner-program")
    event, jit = policy_of("event-rsvp"), policy_of("internal-admin-jit")
    assert saas.elevating == {"admin", "owner"}
    assert saas.rule_of("owner").approvals == 2
    assert partner.allowed_domains
    assert partner.require_connection
    assert all(partner.rule_of(role).grant_max for role in ("partner", "partner_admin"))
    assert event.event is not None
    assert decide_lifetime(event, ["attendee"], None, event.event.closes_at.replace(hour=15)) == 3600
    assert event.seat_limit
    assert jit.rule_of("breakglass").review_within == 86_400
    assert "breakglass" not in jit.elevating
    assert not jit.may_grant("engineer", "breakglass")
    # Somebody can approve what is held: an administrator who may grant it, too.
    for policy in (saas, partner, event, jit):
        for role in policy.elevating - {"owner"}:
            assert any(policy.may_grant(one, role) for one in policy.administrators), role
    assert all(jit.rule_of(role).justification for role in ("prod_admin", "breakglass"))


def test_their_identities_are_fixed() -> None:
    assert {name: hash_document(dump_policy(policy_of(name)))[7:19] for name in NAMES} == {
        "event-rsvp": "4055153fb3ff",
        "internal-admin-jit": "7c9abe114077",
        "partner-program": "c6989caa1aa9",
        "saas-onboarding": "f28c3c55d2ef",
    }

# SPDX-License-Identifier: Apache-2.0
"""Every reason to refuse, by changing one thing of a claim that is accepted."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import NOW, make_email, make_grant, make_identity, make_snapshot
from vestibule.core.binding import BundledGrant, Decision, Snapshot, judge_claim
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.policy import DEFAULT_POLICY, EventWindow, RoleRule
from vestibule.errors import RejectReason

STRICT = dataclasses.replace(
    DEFAULT_POLICY, require_connection="corp-sso", allowed_domains=frozenset({"example.com"}), seat_limit=5
)
MILLISECOND = timedelta(milliseconds=1)
Case = tuple[dict[str, Any], dict[str, Any], dict[str, Any], RejectReason]


def judge(
    grant: dict[str, Any] | None = None,
    snapshot: dict[str, Any] | None = None,
    identity: dict[str, Any] | None = None,
) -> Decision:
    """Judge the accepted base with some things changed: strict policy, everything in order."""
    base = make_snapshot(
        make_grant(**{"policy": STRICT, **(grant or {})}), **{"seat_shard": 0, **(snapshot or {})}
    )
    return judge_claim(base, make_identity(**{"connection": "corp-sso", **(identity or {})}))


def policy(**changes: Any) -> dict[str, Any]:
    return {"policy": dataclasses.replace(STRICT, **changes)}


NOT_LISTED = {"assignable": {"owner": frozenset({"admin"}), "admin": frozenset[str]()}}
REFUSED: dict[str, Case] = {
    "expired": ({"expires_at": NOW}, {}, {}, RejectReason.EXPIRED),
    "revoked": ({"revoked_at": NOW}, {}, {}, RejectReason.REVOKED),
    "declined": ({"declined_at": NOW}, {}, {}, RejectReason.DECLINED),
    "consumed": ({"consumed_at": NOW}, {}, {}, RejectReason.CONSUMED),
    "tenant suspended": ({"tenant_suspended": True}, {}, {}, RejectReason.TENANT_SUSPENDED),
    "tenant deleted": ({"tenant_deleted": True}, {}, {}, RejectReason.TENANT_DELETED),
    "role gone": ({"role": "ghost"}, {}, {}, RejectReason.ROLE_GONE),
    "inviter gone": ({"inviter_role": None}, {}, {}, RejectReason.INVITER_GONE),
    "inviter demoted": ({"inviter_role": "member"}, {}, {}, RejectReason.INVITER_NOT_ENTITLED),
    "policy no longer lists the role": (policy(**NOT_LISTED), {}, {}, RejectReason.INVITER_NOT_ENTITLED),
    "role became elevating": (
        policy(rules={"member": RoleRule(approvals=1)}),
        {},
        {},
        RejectReason.NOT_APPROVED,
    ),
    "held": ({"is_held": True}, {}, {}, RejectReason.NOT_APPROVED),
    "event over": (
        policy(event=EventWindow(starts_at=NOW - timedelta(hours=2), ends_at=NOW)),
        {},
        {},
        RejectReason.EVENT_OVER,
    ),
    "resource gone": (
        {"bundle": (BundledGrant(resource_id="docs", role="member", is_live=False),)},
        {},
        {},
        RejectReason.TARGET_GONE,
    ),
    "bundled role is nobody's to grant": (
        {"bundle": (BundledGrant(resource_id="docs", role="lead", is_live=True),)},
        {},
        {},
        RejectReason.ROLE_GONE,
    ),
    "bound to another": ({"bound_principal_id": "earlier"}, {}, {}, RejectReason.BOUND_TO_ANOTHER),
    "adds to no membership": ({"grants_only": True}, {}, {}, RejectReason.NOT_A_MEMBER),
    "session not fresh": (
        policy(rules={"member": RoleRule(auth_max_age=300)}),
        {},
        {},
        RejectReason.STEP_UP_REQUIRED,
    ),
    "no verified address": ({}, {}, {"addresses": ()}, RejectReason.WRONG_RECIPIENT),
    "another connection": ({}, {}, {"connection": "local"}, RejectReason.WRONG_CONNECTION),
    "no connection": ({}, {}, {"connection": None}, RejectReason.WRONG_CONNECTION),
    "domain no longer allowed": (
        policy(allowed_domains=frozenset({"sub.example.com"})),
        {},
        {},
        RejectReason.DOMAIN_NOT_ALLOWED,
    ),
    "principal offboarded": ({}, {"principal_offboarded": True}, {}, RejectReason.PRINCIPAL_OFFBOARDED),
    "an owner kept without force": ({}, {"is_kept_owner": True}, {}, RejectReason.OWNER_KEPT),
    "deactivated by the directory": ({"recipient_barred": True}, {}, {}, RejectReason.RECIPIENT_BARRED),
    "no seat": ({}, {"seat_shard": None}, {}, RejectReason.NO_SEAT),
}


@pytest.mark.covers("ACC-03", "ACC-05", "ACC-09", "LIF-01", "B10", "E02")
@pytest.mark.parametrize("case", REFUSED)
def test_changing_one_thing_of_an_accepted_claim_refuses_it_with_its_reason(case: str) -> None:
    assert judge().reason is None
    grant, snapshot, identity, reason = REFUSED[case]
    assert judge(grant, snapshot, identity).reason is reason


@pytest.mark.covers("TOK-02")
def test_an_unknown_link_is_refused_without_a_grant() -> None:
    nothing = Snapshot(**{**_fields(make_snapshot()), "grant": None})
    assert judge_claim(nothing, make_identity()) == Decision(reason=RejectReason.UNKNOWN)


def _fields(snapshot: Snapshot) -> dict[str, Any]:
    return {entry.name: getattr(snapshot, entry.name) for entry in dataclasses.fields(snapshot)}


@pytest.mark.covers("LIF-01", "B10")
@pytest.mark.parametrize(
    "now,reason",
    [(NOW - MILLISECOND, None), (NOW, RejectReason.EXPIRED), (NOW + MILLISECOND, RejectReason.EXPIRED)],
)
def test_B10_a_claim_is_judged_by_the_clock_without_leeway(now: object, reason: RejectReason | None) -> None:
    assert judge({"expires_at": NOW}, {"now": now}).reason is reason


@pytest.mark.covers("ACC-03", "A01", "A15", "A16")
@pytest.mark.parametrize(
    "address",
    ["x@evil.example", "vera@sub.example.com", "vera+x@example.com", "v.era@example.com", "vera@example.co"],
)
def test_A01_no_other_address_matches(address: str) -> None:
    stranger = make_identity(address, connection="corp-sso")
    snapshot = make_snapshot(make_grant(policy=STRICT), seat_shard=0)
    assert judge_claim(snapshot, stranger).reason is RejectReason.WRONG_RECIPIENT
    both = make_identity(address, "vera@example.com", connection="corp-sso")
    assert judge_claim(snapshot, both).reason is None


@pytest.mark.covers("ACC-03")
def test_any_of_several_verified_addresses_matches_and_the_decision_says_which() -> None:
    decision = judge(identity={"addresses": make_identity("other@example.com", "vera@example.com").addresses})
    assert decision.matched is not None
    assert decision.matched.address == make_email("vera@example.com")
    assert decision.matched.evidence == "host"


@pytest.mark.covers("ACC-10", "D08")
@pytest.mark.parametrize("role", ["member", "admin", "owner"])
def test_D08_an_existing_membership_keeps_its_role(role: str) -> None:
    assert judge(snapshot={"existing_role": role, "holds_seat": True}) == dataclasses.replace(
        judge(), keeps_role=True
    )


@pytest.mark.parametrize(
    "grant,snapshot",
    [
        ({"has_reservation": True}, {}),
        ({}, {"holds_seat": True}),
        ({}, {"seat_shard": 3}),
        (policy(seat_limit=None), {}),
    ],
)
def test_a_seat_is_free_reserved_held_or_not_counted(grant: dict[str, Any], snapshot: dict[str, Any]) -> None:
    assert judge({}, {"seat_shard": None}).reason is RejectReason.NO_SEAT
    assert judge(grant, {"seat_shard": None, **snapshot}).reason is None


@pytest.mark.covers("ACC-15")
def test_a_decline_needs_no_seat_and_everything_else() -> None:
    snapshot = make_snapshot(make_grant(policy=STRICT))
    invited = make_identity(connection="corp-sso")
    assert judge_claim(snapshot, invited).reason is RejectReason.NO_SEAT
    assert judge_claim(snapshot, invited, wants_seat=False).reason is None
    stranger = make_identity("x@evil.example", connection="corp-sso")
    assert judge_claim(snapshot, stranger, wants_seat=False).reason is RejectReason.WRONG_RECIPIENT


def test_every_step_is_evaluated_whatever_the_earlier_ones_found() -> None:
    asked: list[str] = []

    class Watching(VerifiedIdentity):
        def __getattribute__(self, name: str) -> Any:
            asked.append(name)
            return super().__getattribute__(name)

    identity = Watching(principal_id="p", addresses=(), connection=None)
    for grant in (make_grant(policy=STRICT), make_grant(policy=STRICT, consumed_at=NOW, tenant_deleted=True)):
        asked.clear()
        judge_claim(make_snapshot(grant), identity)
        assert {"addresses", "connection"} <= set(asked)


@pytest.mark.parametrize(
    "change,is_shown",
    [
        ({}, True),
        ({"inviter_role": "member"}, False),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW}, False),
        ({"declined_at": NOW}, False),
        ({"consumed_at": NOW}, False),
        ({"tenant_suspended": True}, False),
        ({"tenant_deleted": True}, False),
        ({"inviter_role": None}, False),
    ],
)
def test_a_preview_shows_only_what_could_still_be_accepted(change: dict[str, Any], is_shown: bool) -> None:
    assert make_grant(**change).is_presentable(NOW) is is_shown


def test_the_reasons_that_the_rule_can_give_are_all_tested() -> None:
    by_storage_or_parser = {RejectReason.LOST_RACE, RejectReason.MALFORMED, RejectReason.UNKNOWN}
    assert {case[-1] for case in REFUSED.values()} == set(RejectReason) - by_storage_or_parser

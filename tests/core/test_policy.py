# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.email import EmailAddress
from vestibule.core.policy import (
    DEFAULT_POLICY,
    NOTHING,
    TTL_MAX,
    TTL_MIN,
    Policy,
    dump_policy,
    load_policy,
    parse_policy,
)
from vestibule.errors import InvalidRequestError

DAY = 86_400
FULL: dict[str, Any] = {
    "administrators": ["admin", "guest"],
    "announce_end": 0,
    "connection_exceptions": ["Guest@Partner.example", "b\u00fccher.example"],
    "event": {
        "starts_at": "2030-01-31T14:00:00+02:00",
        "ends_at": "2030-01-31T18:00:00Z",
        "close_before_start": 7200,
        "name": "Opening night",
        "location": "The old harbour",
    },
    "id": "partner-program",
    "max_pending_per_inviter": 5,
    "roles": {
        "admin": {
            "approvals": 1,
            "approval_ttl": 900,
            "auth_max_age": 60,
            "amr_any": ["mfa", "hwk"],
            "grant_default": 3600,
            "grant_max": 7200,
            "justification": True,
            "ttl": 1800,
        },
        "guest": {"review_within": 86400},
        "owner": {"approvals": 2},
    },
    "address_storage": "blind",
    "schema": 1,
    "separation": 0,
    "single_owner_bootstrap": 259200,
    "allowed_domains": ["Example.com", "b\u00fccher.example"],
    "assignable": {"owner": ["admin", "guest"], "admin": ["guest"], "guest": []},
    "max_pending": 50,
    "reissue_leaked": False,
    "require_connection": "corp-sso",
    "resend_cooldown": 0,
    "seat_limit": 7,
    "seats_count_pending": True,
    "target_key": "address_role",
    "token": "signed",
    "ttl": {"guest": 3600},
}


def pointers_of(document: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        parse_policy(document)
    return [fault.pointer for fault in caught.value.faults]


@pytest.mark.covers("ISS-07")
def test_the_default_lifetimes_are_a_week_two_days_and_a_day() -> None:
    assert [DEFAULT_POLICY.ttl_of(role) for role in ("member", "admin", "owner")] == [7 * DAY, 2 * DAY, DAY]
    assert DEFAULT_POLICY.ttl_of("guest") == 7 * DAY


@pytest.mark.covers("ISS-03", "D01", "D02")
def test_D01_the_default_relation_lets_nobody_grant_above_what_is_listed() -> None:
    granted = {
        (a, b) for a in DEFAULT_POLICY.roles for b in DEFAULT_POLICY.roles if DEFAULT_POLICY.may_grant(a, b)
    }
    assert granted == {("owner", "owner"), ("owner", "admin"), ("owner", "member"), ("admin", "member")}
    assert not DEFAULT_POLICY.may_grant("stranger", "member")


@pytest.mark.covers("ISS-03")
def test_the_relation_has_no_order_and_no_inheritance() -> None:
    policy = parse_policy({"assignable": {"owner": ["admin"], "admin": ["member"]}})
    assert policy.may_grant("owner", "admin")
    assert not policy.may_grant("owner", "member")
    assert policy.roles >= {"owner", "admin", "member"}


def test_what_a_document_leaves_out_keeps_its_default() -> None:
    assert parse_policy({}) == DEFAULT_POLICY
    assert parse_policy({"seat_limit": 3}) == dataclasses.replace(DEFAULT_POLICY, seat_limit=3)


def test_a_full_document_is_read_dumped_and_loaded_to_the_same_value() -> None:
    policy = parse_policy(FULL)
    assert policy.allowed_domains == frozenset({"example.com", "xn--bcher-kva.example"})
    assert policy.target_of("guest") == "guest"
    assert DEFAULT_POLICY.target_of("guest") == ""
    assert load_policy(NOTHING, dump_policy(policy)) == policy
    assert load_policy(NOTHING, dump_policy(DEFAULT_POLICY)) == DEFAULT_POLICY


@pytest.mark.parametrize(
    "name,value",
    [
        ("allowed_domains", []),
        ("allowed_domains", ["localhost"]),
        ("allowed_domains", ["*.example.com"]),
        ("allowed_domains", "example.com"),
        ("assignable", []),
        ("assignable", {"owner": "admin"}),
        ("assignable", {"Owner": ["admin"]}),
        ("assignable", {"owner": ["admin,member"]}),
        ("assignable", {"owner": [None]}),
        ("assignable", {"owner": ["\uff4fwner"]}),
        ("max_pending", 0),
        ("require_connection", ""),
        ("require_connection", "a\nb"),
        ("require_connection", 5),
        ("resend_cooldown", -1),
        ("resend_cooldown", 86_401),
        ("seat_limit", -1),
        ("seat_limit", True),
        ("seat_limit", 1.5),
        ("seat_limit", "5"),
        ("seats_count_pending", 1),
        ("seats_count_pending", None),
        ("target_key", "email"),
        ("target_key", []),
        ("token", "jwt"),
        ("token", None),
        ("reissue_leaked", 1),
        ("address_storage", "none"),
        ("address_storage", None),
        ("ttl", {"member": TTL_MIN - 1}),
        ("ttl", {"member": TTL_MAX + 1}),
        ("ttl", {"member": True}),
        ("ttl", [7]),
        ("administrators", "owner"),
        ("announce_end", -1),
        ("connection_exceptions", ["*.example.com"]),
        ("connection_exceptions", [5]),
        ("event", []),
        ("id", "A label"),
        ("max_pending_per_inviter", 0),
        ("roles", []),
        ("schema", 2),
        ("schema", True),
        ("separation", -1),
        ("single_owner_bootstrap", 60),
    ],
)
def test_an_impossible_value_is_refused_with_a_pointer_to_it(name: str, value: object) -> None:
    [pointer] = pointers_of({name: value})
    inside = {"/" + role for role in value} if isinstance(value, dict) else set()
    assert pointer.removeprefix(f"/policy/{name}") in {"", *inside}


@pytest.mark.covers("ISS-07")
@pytest.mark.parametrize("seconds", [TTL_MIN, TTL_MAX])
def test_a_lifetime_may_be_from_a_quarter_of_an_hour_to_thirty_days(seconds: int) -> None:
    assert (TTL_MIN, TTL_MAX) == (15 * 60, 30 * DAY)
    assert parse_policy({"ttl": {"member": seconds}}).ttl_of("member") == seconds


def test_every_fault_of_a_document_is_named_at_once() -> None:
    assert pointers_of({"seat_limit": -1, "surprise": 1, "ttl": 0}) == [
        "/policy/seat_limit",
        "/policy/surprise",
        "/policy/ttl",
    ]


def test_a_lifetime_for_a_role_that_does_not_exist_is_refused() -> None:
    assert pointers_of({"ttl": {"ghost": 3600}}) == ["/policy/ttl/ghost"]


@pytest.mark.parametrize(
    "role,rule,inside",
    [
        ("admin", {"approvals": 6}, "/approvals"),
        ("admin", {"approvals": True}, "/approvals"),
        ("admin", {"approval_ttl": 899}, "/approval_ttl"),
        ("admin", {"auth_max_age": 59}, "/auth_max_age"),
        ("admin", {"amr_any": ["m f a"]}, "/amr_any"),
        ("admin", {"amr_any": "mfa"}, "/amr_any"),
        ("admin", {"grant_max": 0}, "/grant_max"),
        ("admin", {"grant_default": 3601, "grant_max": 3600}, "/grant_default"),
        ("admin", {"justification": "required"}, "/justification"),
        ("admin", {"review_within": 3600, "approvals": 1}, "/review_within"),
        ("admin", {"seal_before_effective": True}, "/seal_before_effective"),
        ("admin", [], ""),
        ("admin", {"ttl": 1}, "/ttl"),
        ("ghost", {}, ""),
    ],
)
def test_an_impossible_rule_is_refused_with_a_pointer_into_it(role: str, rule: object, inside: str) -> None:
    assert pointers_of({"roles": {role: rule}}) == [f"/policy/roles/{role}{inside}"]


@pytest.mark.covers("ISS-04")
def test_an_owner_always_needs_an_approval() -> None:
    assert pointers_of({"roles": {"owner": {"approvals": 0}}}) == ["/policy/roles/owner/approvals"]
    assert DEFAULT_POLICY.rule_of("owner").approvals == 1
    assert parse_policy({"roles": {"owner": {"auth_max_age": 60}}}).rule_of("owner").approvals == 1
    assert parse_policy({"roles": {"owner": {"approvals": 2}}}).elevating == {"owner"}
    assert parse_policy({"roles": {"admin": {"approvals": 1}}}).elevating == {"owner", "admin"}


def test_a_lifetime_is_given_beside_its_role_or_among_all_but_in_one_place() -> None:
    assert parse_policy({"roles": {"admin": {"ttl": 900}}}) == parse_policy({"ttl": {"admin": 900}})
    both = {"roles": {"admin": {"ttl": 900}}, "ttl": {"admin": 900}}
    assert pointers_of(both) == ["/policy/roles/admin/ttl"]


def test_an_owner_always_administers() -> None:
    assert parse_policy({"administrators": ["member"]}).administrators == {"owner", "member"}
    assert pointers_of({"administrators": ["ghost"]}) == ["/policy/administrators/ghost"]
    assert pointers_of({"elevating": ["member"]}) == ["/policy/elevating"]


def test_one_inviter_may_by_default_have_all_that_may_be_pending() -> None:
    assert parse_policy({"max_pending": 7}).max_pending_per_inviter == 7
    assert parse_policy({"max_pending": 7, "max_pending_per_inviter": 2}).max_pending_per_inviter == 2


@pytest.mark.parametrize(
    "change,inside",
    [
        ({"starts_at": None}, "starts_at"),
        ({"starts_at": "2030-01-31T14:00:00"}, "starts_at"),
        ({"starts_at": "2030-02-30T14:00:00Z"}, "starts_at"),
        ({"ends_at": "2030-01-31T14:00:00Z"}, "ends_at"),
        ({"close_before_start": "2h"}, "close_before_start"),
        ({"name": "two\nlines"}, "name"),
        ({"capacity": 5}, "capacity"),
    ],
)
def test_an_impossible_event_is_refused_with_a_pointer_into_it(change: dict[str, Any], inside: str) -> None:
    event = {"starts_at": "2030-01-31T14:00:00Z", "ends_at": "2030-01-31T18:00:00Z"}
    assert parse_policy({"event": event}).event is not None
    assert pointers_of({"event": event | change}) == [f"/policy/event/{inside}"]
    without = {name: value for name, value in event.items() if name != inside}
    if without != event:
        assert pointers_of({"event": without}) == [f"/policy/event/{inside}"]


def test_times_of_an_event_are_kept_in_utc() -> None:
    event = parse_policy(FULL).event
    assert event is not None
    assert event.starts_at == datetime(2030, 1, 31, 12, tzinfo=UTC)
    assert event.closes_at == datetime(2030, 1, 31, 10, tzinfo=UTC)


@pytest.mark.covers("ACC-05")
def test_who_is_excepted_may_come_without_the_connection() -> None:
    policy = parse_policy(FULL)
    asked = {
        text: policy.connection_for(EmailAddress.parse_input(text))
        for text in ("guest@partner.example", "a@b\u00fccher.example", "other@partner.example", "a@x.example")
    }
    assert list(asked.values()) == [None, None, "corp-sso", "corp-sso"]


def test_a_policy_is_immutable_through_and_through() -> None:
    policy = parse_policy(FULL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.seat_limit = 8  # type: ignore[misc]
    with pytest.raises(TypeError):
        policy.assignable["guest"] = frozenset({"owner"})  # type: ignore[index]
    with pytest.raises(TypeError):
        policy.ttl["guest"] = 1  # type: ignore[index]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(max_size=8), _JSON, max_size=4))
def test_any_document_gives_a_policy_or_an_invalid_request(document: dict[str, Any]) -> None:
    try:
        policy = parse_policy(document)
    except InvalidRequestError as refusal:
        assert refusal.faults
    else:
        assert isinstance(policy, Policy)
        assert load_policy(NOTHING, dump_policy(policy)) == policy

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.policy import (
    DEFAULT_POLICY,
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
    "allowed_domains": ["Example.com", "b\u00fccher.example"],
    "assignable": {"owner": ["admin", "guest"], "admin": ["guest"], "guest": []},
    "max_pending": 50,
    "require_connection": "corp-sso",
    "resend_cooldown": 0,
    "seat_limit": 7,
    "seats_count_pending": True,
    "target_key": "address_role",
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
    assert load_policy(dump_policy(policy)) == policy
    assert load_policy(dump_policy(DEFAULT_POLICY)) == DEFAULT_POLICY


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
        ("ttl", {"member": TTL_MIN - 1}),
        ("ttl", {"member": TTL_MAX + 1}),
        ("ttl", {"member": True}),
        ("ttl", [7]),
    ],
)
def test_an_impossible_value_is_refused_with_a_pointer_to_it(name: str, value: object) -> None:
    assert pointers_of({name: value}) == [f"/policy/{name}"]


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


@pytest.mark.covers("D12")
@pytest.mark.parametrize("name", ["administrators", "elevating"])
def test_D12_who_administers_and_what_elevates_cannot_be_set_by_a_document(name: str) -> None:
    assert pointers_of({name: ["member"]}) == [f"/policy/{name}"]


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
        assert load_policy(dump_policy(policy)) == policy

# SPDX-License-Identifier: Apache-2.0
"""Documents that lie over one another, and the identity of what they come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.core.policies import documents
from vestibule.core.policy import (
    DEFAULT_POLICY,
    NOTHING,
    dump_policy,
    hash_document,
    load_hash,
    load_policy,
    parse_base,
    parse_own,
    parse_policy,
)
from vestibule.errors import InvalidRequestError

pytestmark = pytest.mark.covers("TEN-02")


def pointers_of(base: str, document: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        parse_own(base, document)
    return [fault.pointer for fault in caught.value.faults]


def test_nothing_over_nothing_is_the_built_in_policy() -> None:
    assert load_policy(NOTHING, NOTHING) == DEFAULT_POLICY


def test_what_a_tenant_says_counts_and_of_the_rest_the_deployments_word() -> None:
    base = parse_base({"resend_cooldown": 60, "allowed_domains": ["a.example"], "max_pending": 5})
    own = parse_own(base, {"allowed_domains": None, "seat_limit": 3})
    policy = load_policy(base, own)
    assert (policy.resend_cooldown, policy.allowed_domains, policy.seat_limit) == (60, None, 3)
    assert policy.max_pending == policy.max_pending_per_inviter == 5


def test_lifetimes_and_rules_are_put_together_role_by_role() -> None:
    base = parse_base(
        {"ttl": {"member": 900, "admin": 1800}, "roles": {"admin": {"approvals": 2, "justification": True}}}
    )
    own = parse_own(base, {"ttl": {"member": 3600}, "roles": {"admin": {"auth_max_age": 60}}})
    policy = load_policy(base, own)
    assert [policy.ttl_of(role) for role in ("member", "admin", "owner")] == [3600, 1800, 86_400]
    # What is said of a role is said whole.
    assert policy.rule_of("admin") == parse_policy({"roles": {"admin": {"auth_max_age": 60}}}).rule_of(
        "admin"
    )


def test_a_lifetime_beside_its_role_overlays_one_among_all() -> None:
    base = parse_base({"ttl": {"admin": 1800}})
    own = parse_own(base, {"roles": {"admin": {"ttl": 900, "approvals": 1}}})
    policy = load_policy(base, own)
    assert (policy.ttl_of("admin"), policy.rule_of("admin").approvals) == (900, 1)
    assert json.loads(own) == {"roles": {"admin": {"approvals": 1}}, "ttl": {"admin": 900}}


def test_who_may_grant_what_is_said_as_a_whole() -> None:
    base = parse_base({"assignable": {"owner": ["guest"], "guest": []}})
    own = parse_own(base, {"assignable": {"admin": ["member"]}})
    assert not load_policy(base, own).may_grant("owner", "guest")
    assert load_policy(base, NOTHING).may_grant("owner", "guest")


def test_a_tenant_may_name_the_roles_of_the_deployment_and_no_others() -> None:
    base = parse_base({"assignable": {"owner": ["guest"]}})
    assert load_policy(base, parse_own(base, {"ttl": {"guest": 900}})).ttl_of("guest") == 900
    assert pointers_of(base, {"ttl": {"ghost": 900}}) == ["/policy/ttl/ghost"]
    assert pointers_of(NOTHING, {"ttl": {"guest": 900}}) == ["/policy/ttl/guest"]
    # A fault of the layer below is not the tenant's.
    own = {"assignable": {"owner": ["member"]}}
    over = parse_base({"assignable": {"owner": ["guest"]}, "roles": {"guest": {"approvals": 1}}})
    assert load_policy(over, parse_own(over, own)).rules == {}


def test_a_document_can_be_loaded_whatever_becomes_of_the_layer_below() -> None:
    base = parse_base({"assignable": {"owner": ["guest"]}})
    own = parse_own(
        base, {"ttl": {"guest": 900}, "roles": {"guest": {"approvals": 1}}, "administrators": ["guest"]}
    )
    policy = load_policy(NOTHING, own)
    assert not policy.rules
    assert policy.administrators == {"owner"}
    assert "guest" not in policy.ttl


def test_a_lifetime_in_two_places_is_refused() -> None:
    both = {"roles": {"admin": {"ttl": 900}}, "ttl": {"admin": 900}}
    assert pointers_of(NOTHING, both) == ["/policy/roles/admin/ttl"]


@pytest.mark.parametrize("name", ["seat_limit", "seats_count_pending"])
def test_seats_are_each_tenants_own(name: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_base({name: None})
    parse_own(NOTHING, {"seat_limit": None, "seats_count_pending": True})


def test_equal_rules_have_one_identity_however_they_were_written() -> None:
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"ttl": {"admin": 900}, "allowed_domains": ["b\u00fccher.example", "A.example"]}),
        ({"ttl": {"admin": 900}}, {"allowed_domains": ["a.example", "xn--bcher-kva.example"]}),
        (
            {"ttl": {"admin": 1800}},
            {"roles": {"admin": {"ttl": 900}}, "allowed_domains": ["a.example", "b\u00fccher.example"]},
        ),
        (
            {"roles": {"member": {}}, "schema": 1},
            {
                "allowed_domains": ["a.example", "b\u00fccher.example"],
                "ttl": {"admin": 900, "member": 604_800},
            },
        ),
    ]
    found = {load_hash(base := parse_base(first), parse_own(base, second)) for first, second in ways}
    assert len(found) == 1
    assert found != {load_hash(NOTHING, NOTHING)}


@given(documents())
def test_the_stored_form_is_that_of_rfc_8785(document: dict[str, Any]) -> None:
    stored = dump_policy(parse_policy(document))
    assert stored.encode() == rfc8785.dumps(json.loads(stored))
    own = parse_own(NOTHING, document)
    assert own.encode() == rfc8785.dumps(json.loads(own))


@given(documents())
def test_what_is_in_force_can_be_loaded_again_from_its_text(document: dict[str, Any]) -> None:
    own = parse_own(NOTHING, document)
    policy = load_policy(NOTHING, own)
    assert policy == parse_policy(document)
    kept = dump_policy(policy)
    assert load_policy(NOTHING, kept) == policy
    assert hash_document(kept) == load_hash(NOTHING, own) == load_hash(NOTHING, kept)


@given(documents(), documents())
def test_no_two_sound_layers_are_unsound_together(below: dict[str, Any], above: dict[str, Any]) -> None:
    below.pop("seat_limit", None)
    below.pop("seats_count_pending", None)
    base, own = parse_base(below), parse_own(NOTHING, above)
    assert load_policy(base, own).elevating >= {"owner"}


@given(st.text(max_size=20))
def test_texts_of_people_have_one_spelling(text: str) -> None:
    event = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-02T00:00:00Z", "name": text}
    try:
        stored = parse_own(NOTHING, {"event": event})
    except InvalidRequestError:
        return
    assert stored.encode() == rfc8785.dumps(json.loads(stored))

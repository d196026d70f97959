# SPDX-License-Identifier: Apache-2.0
"""Whether a policy loosens another: computed field by field, and true of what both would decide."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.policies import ROLES, documents
from vestibule.core.email import EmailAddress
from vestibule.core.policy import EventWindow, Policy, RoleRule, parse_policy
from vestibule.core.policy.change import DEPLOYMENT, PolicyInForce, compare_in_force
from vestibule.core.policy.compare import (
    EVENT_JUDGES,
    POLICY_JUDGES,
    RULE_JUDGES,
    Difference,
    compare,
    is_loosening,
)
from vestibule.core.policy.document import read_policy
from vestibule.core.policy.replay import ACCEPTED, ISSUED, RecordedDecision, judge_again

pytestmark = pytest.mark.covers("TEN-02", "D12")
DAY = 86_400
EVENT = {"starts_at": "2030-01-01T12:00:00Z", "ends_at": "2030-01-01T18:00:00Z", "close_before_start": 60}


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[Difference, ...]:
    return compare(parse_policy(before), parse_policy(after))


@pytest.mark.parametrize(
    "kind,judges", [(Policy, POLICY_JUDGES), (RoleRule, RULE_JUDGES), (EventWindow, EVENT_JUDGES)]
)
def test_every_field_has_its_judge(kind: Any, judges: dict[str, Any]) -> None:
    assert set(judges) == {entry.name for entry in fields(kind)}


# Each pair is a tightening read one way and a loosening read the other.
LOOSENINGS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a role may be granted": (
        {"assignable": {"owner": ["admin"]}},
        {"assignable": {"owner": ["admin", "member"]}},
        "/assignable/owner",
    ),
    "a longer lifetime": ({"ttl": {"member": 900}}, {"ttl": {"member": 901}}, "/ttl/member"),
    "an administrator": ({"administrators": []}, {"administrators": ["member"]}, "/administrators"),
    "any domain": ({"allowed_domains": ["a.example"]}, {}, "/allowed_domains"),
    "one more domain": (
        {"allowed_domains": ["a.example"]},
        {"allowed_domains": ["a.example", "b.example"]},
        "/allowed_domains",
    ),
    "an exception": (
        {"require_connection": "one"},
        {"require_connection": "one", "connection_exceptions": ["a.example"]},
        "/connection_exceptions",
    ),
    "a seat": ({"seat_limit": 1}, {"seat_limit": 2}, "/seat_limit"),
    "any number of seats": ({"seat_limit": 1}, {}, "/seat_limit"),
    "pending ones cost nothing": ({"seats_count_pending": True}, {}, "/seats_count_pending"),
    "one more pending": (
        {"max_pending_per_inviter": 1},
        {"max_pending_per_inviter": 2},
        "/max_pending_per_inviter",
    ),
    "a leaked link that is replaced": (
        {"reissue_leaked": False},
        {"reissue_leaked": True},
        "/reissue_leaked",
    ),
    "an address that is kept": ({"address_storage": "blind"}, {}, "/address_storage"),
    "a target by role": ({}, {"target_key": "address_role"}, "/target_key"),
    "a shorter cooldown": ({"resend_cooldown": 60}, {"resend_cooldown": 59}, "/resend_cooldown"),
    "a shorter separation": ({"separation": 60}, {"separation": 59}, "/separation"),
    "a wait instead of approvers": ({}, {"single_owner_bootstrap": 3600}, "/single_owner_bootstrap"),
    "a shorter wait": (
        {"single_owner_bootstrap": 7200},
        {"single_owner_bootstrap": 3600},
        "/single_owner_bootstrap",
    ),
    "a later announcement": ({"announce_end": DAY}, {"announce_end": 60}, "/announce_end"),
    "no event": ({"event": EVENT}, {}, "/event"),
    "a later end": (
        {"event": EVENT},
        {"event": {**EVENT, "ends_at": "2030-01-01T19:00:00Z"}},
        "/event/ends_at",
    ),
    "closed later": (
        {"event": EVENT},
        {"event": {**EVENT, "close_before_start": 30}},
        "/event/close_before_start",
    ),
    "fewer approvals": (
        {"roles": {"owner": {"approvals": 2}}},
        {"roles": {"owner": {"approvals": 1}}},
        "/roles/owner/approvals",
    ),
    "more time to approve": (
        {"roles": {"admin": {"approval_ttl": 900}}},
        {"roles": {"admin": {"approval_ttl": 901}}},
        "/roles/admin/approval_ttl",
    ),
    "an older session": (
        {"roles": {"admin": {"auth_max_age": 60}}},
        {"roles": {"admin": {"auth_max_age": 61}}},
        "/roles/admin/auth_max_age",
    ),
    "a session of any age": ({"roles": {"admin": {"auth_max_age": 60}}}, {}, "/roles/admin/auth_max_age"),
    "one more method": (
        {"roles": {"admin": {"amr_any": ["hwk"]}}},
        {"roles": {"admin": {"amr_any": ["hwk", "pwd"]}}},
        "/roles/admin/amr_any",
    ),
    "any method": ({"roles": {"admin": {"amr_any": ["hwk"]}}}, {}, "/roles/admin/amr_any"),
    "a longer grant": (
        {"roles": {"admin": {"grant_max": 60}}},
        {"roles": {"admin": {"grant_max": 61}}},
        "/roles/admin/grant_max",
    ),
    "a longer grant by default": (
        {"roles": {"admin": {"grant_default": 60, "grant_max": 120}}},
        {"roles": {"admin": {"grant_max": 120}}},
        "/roles/admin/grant_default",
    ),
    "no reason": ({"roles": {"admin": {"justification": True}}}, {}, "/roles/admin/justification"),
    "no review": ({"roles": {"admin": {"review_within": 3600}}}, {}, "/roles/admin/review_within"),
}


@pytest.mark.parametrize("name", LOOSENINGS)
def test_what_loosens_one_way_tightens_the_other(name: str) -> None:
    tight, loose, pointer = LOOSENINGS[name]
    found = differences(tight, loose)
    assert pointer in {one.pointer for one in found if one.loosens}
    assert not is_loosening(differences(loose, tight))
    assert pointer in {one.pointer for one in differences(loose, tight)}


@pytest.mark.parametrize(
    "before,after",
    [
        ({}, {"id": "label"}),
        ({"event": EVENT}, {"event": {**EVENT, "name": "Another", "location": "There"}}),
        ({}, {"connection_exceptions": ["a.example"]}),
        ({}, {"assignable": {"owner": ["admin", "member", "owner"], "admin": ["member"], "guest": []}}),
    ],
)
def test_what_allows_nothing_new_loosens_nothing_either_way(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert differences(before, after)
    assert not is_loosening(differences(before, after))
    assert not is_loosening(differences(after, before))


@pytest.mark.parametrize("other", ["two", None])
def test_another_connection_lets_others_in_or_shuts_them_out_whichever_way_one_looks(
    other: str | None,
) -> None:
    one, two = {"require_connection": "one"}, {"require_connection": other}
    assert is_loosening(differences(one, two))
    assert is_loosening(differences(two, one))
    assert not is_loosening(differences(one, {**one, "id": "label"}))


def test_a_connection_and_who_need_not_come_through_it_are_one_switch() -> None:
    after = {"require_connection": "one", "connection_exceptions": ["olga@a.example"]}
    assert {one.pointer for one in differences({}, after) if one.loosens} == {
        "/require_connection",
        "/connection_exceptions",
    }


# Each is a tightening, unless a wait stands in for the approvers that it takes away.
FEWER_APPROVERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "more approvals than people": ({}, {"roles": {"owner": {"approvals": 5}}}, "/roles/owner/approvals"),
    "nobody was here long enough": ({}, {"separation": 365 * DAY}, "/separation"),
    "another may not grant it": (
        {"assignable": {"owner": ["owner"], "admin": ["owner"]}},
        {"assignable": {"owner": ["owner"], "admin": []}},
        "/assignable/admin",
    ),
    "another administers no more": ({}, {"administrators": []}, "/administrators"),
}
WAIT = {"single_owner_bootstrap": 3600}


@pytest.mark.covers("ISS-04")
@pytest.mark.parametrize("name", FEWER_APPROVERS)
def test_fewer_approvers_loosen_where_a_wait_stands_in_for_them(name: str) -> None:
    before, after, pointer = FEWER_APPROVERS[name]
    assert not is_loosening(differences(before, after))
    for waits in (({**before, **WAIT}, {**after, **WAIT}), ({**before, **WAIT}, after)):
        assert [one.pointer for one in differences(*waits) if one.loosens] == [pointer]


def test_a_first_approval_loosens_nothing_though_a_wait_may_stand_in_for_it() -> None:
    after = {**WAIT, "roles": {"admin": {"approvals": 1}}}
    assert differences(WAIT, after)
    assert not is_loosening(differences(WAIT, after))


@given(documents())
def test_a_policy_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert differences(document, document) == ()


@given(documents(), documents())
def test_policies_that_differ_have_a_difference_and_each_a_place_of_its_own(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    found = differences(one, other)
    assert bool(found) == (parse_policy(one) != parse_policy(other)) or not found
    pointers = [difference.pointer for difference in found]
    assert len(set(pointers)) == len(pointers)


@st.composite
def decisions(draw: st.DrawFn) -> RecordedDecision:
    roles = draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True))
    return RecordedDecision(
        event_id="event",
        tenant_id="acme",
        kind=draw(st.sampled_from([ISSUED, ACCEPTED])),
        invitation_id="invitation",
        occurred_at=datetime(2029, 12, 31, tzinfo=UTC) + timedelta(hours=draw(st.integers(0, 96))),
        address=EmailAddress(draw(st.sampled_from(["v@a.example", "v@d.example"]))),
        facts={
            "promised_roles": " ".join(roles),
            "inviter_role": draw(st.sampled_from([*ROLES, None])),
            "was_held": draw(st.booleans()),
            "expires_in": draw(st.none() | st.sampled_from([900, 3600, DAY])),
            "membership_expires_in": draw(st.none() | st.sampled_from([3600, DAY])),
            "connection": draw(st.sampled_from([None, "one", "two"])),
        },
    )


_RANK = {"denied": 0, "held": 1, "allowed": 2}


@given(documents(), documents(), decisions())
def test_what_loosens_nothing_never_turns_a_denial_into_a_yes(
    one: dict[str, Any], other: dict[str, Any], decision: RecordedDecision
) -> None:
    before, after = parse_policy(one), parse_policy(other)
    first, second = judge_again(before, decision), judge_again(after, decision)
    if not is_loosening(compare(before, after)):
        assert _RANK[second.outcome] <= _RANK[first.outcome]
        if first.lifetime is not None and second.lifetime is not None:
            assert second.lifetime <= first.lifetime


@given(documents(), decisions(), st.data())
def test_one_rule_made_stricter_never_turns_a_denial_into_a_yes(
    document: dict[str, Any], decision: RecordedDecision, data: st.DataObject
) -> None:
    stricter = dict(document)
    stricter |= data.draw(
        st.sampled_from(
            [
                {"allowed_domains": ["z.example"]},
                {"assignable": {"owner": []}},
                {"require_connection": document.get("require_connection") or "one"},
                {"ttl": dict.fromkeys(ROLES, 900)},
                {"roles": {**document["roles"], "member": {"approvals": 5}}},
            ]
        )
    )
    first, second = (judge_again(read_policy(one), decision) for one in (document, stricter))
    assert _RANK[second.outcome] <= _RANK[first.outcome]


@given(documents(), decisions())
def test_a_judgement_is_total_and_says_why(document: dict[str, Any], decision: RecordedDecision) -> None:
    verdict = judge_again(parse_policy(document), decision)
    assert verdict.deciding
    assert all(one.pointer.startswith("/") and one.told for one in verdict.findings)
    assert (verdict.lifetime is None) == (decision.kind == ACCEPTED or verdict.outcome == "denied")


def test_the_deployments_change_loosens_when_it_does_for_any_tenant() -> None:
    before = PolicyInForce(tenant_id=DEPLOYMENT, base="{}", own="{}", version=0)
    after = before.after('{"ttl":{"guest":86400}}')
    with_guests = '{"assignable":{"owner":["guest"]},"ttl":{"member":900}}'
    assert not is_loosening(compare_in_force(before, after, ()))
    found = compare_in_force(before, after, ["{}", with_guests])
    assert [(one.pointer, one.loosens) for one in found] == [("/ttl/guest", True)]

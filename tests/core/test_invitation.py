# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from datetime import timedelta
from itertools import product

import pytest

from tests.factories import NOW, make_grant, make_invitation
from vestibule.core.invitation import InvitationState, decide_lifetime, derive_state, renew_lifetime
from vestibule.core.policy import DEFAULT_POLICY, TTL_MAX, TTL_MIN, Policy
from vestibule.errors import InvalidRequestError

DAY = 86_400
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.covers("LIF-01", "B10", "B11")
@pytest.mark.parametrize("make", [make_invitation, make_grant])
@pytest.mark.parametrize(
    "offset,state",
    [
        (-MILLISECOND, InvitationState.PENDING),
        (timedelta(0), InvitationState.EXPIRED),
        (MILLISECOND, InvitationState.EXPIRED),
    ],
)
def test_B11_an_invitation_expires_at_its_very_moment_and_without_a_sweeper(
    make: object, offset: timedelta, state: InvitationState
) -> None:
    assert callable(make)
    assert make(expires_at=NOW).state_at(NOW + offset) is state


@pytest.mark.covers("LIF-01")
@pytest.mark.parametrize(
    "field,state",
    [
        ("consumed_at", InvitationState.ACCEPTED),
        ("declined_at", InvitationState.DECLINED),
        ("revoked_at", InvitationState.REVOKED),
    ],
)
def test_a_final_state_outlives_the_expiry(field: str, state: InvitationState) -> None:
    final = make_invitation(expires_at=NOW, **{field: NOW - MILLISECOND})
    assert [final.state_at(NOW + offset) for offset in (-MILLISECOND, timedelta(0), timedelta(days=400))] == [
        state
    ] * 3


@pytest.mark.covers("LIF-01")
def test_every_combination_of_facts_has_exactly_one_state_and_consumption_comes_first() -> None:
    for consumed, declined, revoked, expired in product((False, True), repeat=4):
        ends = {"consumed": consumed, "declined": declined, "revoked": revoked, "expired": expired}
        state = derive_state(**ends, held=False)
        assert (state is InvitationState.ACCEPTED) == consumed
        assert (state is InvitationState.PENDING) == (not any((consumed, declined, revoked, expired)))
        is_held = derive_state(**ends, held=True) is InvitationState.HELD
        assert is_held == (state is InvitationState.PENDING)


@pytest.mark.covers("ISS-07", "B12")
@pytest.mark.parametrize("role,seconds", [("member", 7 * DAY), ("admin", 2 * DAY), ("owner", DAY)])
def test_the_policy_sets_the_lifetime_and_a_request_may_only_shorten_it(role: str, seconds: int) -> None:
    assert decide_lifetime(DEFAULT_POLICY, [role], None, NOW) == seconds
    assert decide_lifetime(DEFAULT_POLICY, [role], seconds, NOW) == seconds
    assert decide_lifetime(DEFAULT_POLICY, [role], TTL_MIN, NOW) == TTL_MIN
    for impossible in (seconds + 1, TTL_MIN - 1, 0, -1):
        with pytest.raises(InvalidRequestError) as caught:
            decide_lifetime(DEFAULT_POLICY, [role], impossible, NOW)
        assert [fault.pointer for fault in caught.value.faults] == ["/expires_in"]


@pytest.mark.covers("ISS-07")
@pytest.mark.parametrize(
    "set_to,lives", [(1, TTL_MIN), (TTL_MIN, TTL_MIN), (TTL_MAX, TTL_MAX), (10**9, TTL_MAX)]
)
def test_no_policy_value_leaves_the_allowed_span(set_to: int, lives: int) -> None:
    policy: Policy = dataclasses.replace(DEFAULT_POLICY, ttl={"member": set_to})
    assert decide_lifetime(policy, ["member"], None, NOW) == lives


def test_the_correlation_id_stays_out_of_the_repr() -> None:
    assert "request-77" not in repr(make_invitation(correlation_id="request-77"))


@pytest.mark.covers("ISS-12", "B12")
def test_B12_a_resent_invitation_lives_by_the_policy_of_today_and_as_its_inviter_shortened_it() -> None:
    shorter: Policy = dataclasses.replace(DEFAULT_POLICY, ttl={"member": DAY})
    plain, asked = make_invitation(), make_invitation(expires_in=2 * DAY)
    assert renew_lifetime(DEFAULT_POLICY, plain, NOW) == 7 * DAY
    assert renew_lifetime(DEFAULT_POLICY, asked, NOW) == 2 * DAY
    assert renew_lifetime(shorter, plain, NOW) == DAY
    assert renew_lifetime(shorter, asked, NOW) == DAY

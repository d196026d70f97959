# SPDX-License-Identifier: Apache-2.0
"""Allowances begin small, grow, and are cut; recipients are counted as people, not as spellings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_email
from vestibule.core.abuse import (
    AbuseStanding,
    AcceptedCount,
    list_allowances,
    list_earned,
    name_recipient,
)
from vestibule.core.limits import LIMIT_NAMES, Limits

_LIMITS = Limits()


def count(*, days: float = 0, reports: int = 0) -> int:
    age = timedelta(days=days)
    standing = AbuseStanding(tenant_age=age, inviter_age=age, reports=reports)
    return list_allowances(_LIMITS, "acme", "olga", standing)[0].limit.count


@pytest.mark.covers("ISS-20")
def test_an_allowance_grows_with_age_and_is_cut_by_reports() -> None:
    assert count() == 100
    assert count(days=2) == 200
    assert count(days=2, reports=2) == 200
    assert count(days=2, reports=3) == 20


@pytest.mark.covers("ISS-20")
@given(st.floats(-10, 10_000), st.integers(0, 100))
def test_it_is_always_something_and_never_less_for_more_age(days: float, reports: int) -> None:
    now = count(days=days, reports=reports)
    assert now >= 1
    assert count(days=days + 1, reports=reports) >= now
    assert count(days=days, reports=reports + 1) <= now


@pytest.mark.covers("ISS-20")
def test_tenant_and_inviter_have_each_their_own_and_earn_more_by_what_is_accepted() -> None:
    standing = AbuseStanding(tenant_age=timedelta(days=1), inviter_age=timedelta(0), reports=0)
    tenant, inviter = list_allowances(_LIMITS, "acme", "olga", standing)
    assert (tenant.limit.count, inviter.limit.count) == (150, 60)
    accepted = AcceptedCount(of_tenant=10, of_inviter=2)
    earned = list_earned(_LIMITS, "acme", "olga", standing, accepted)
    assert [one.limit.count for one in earned if one is not None] == [50, 10]
    assert len({one.key for one in (tenant, inviter, *earned) if one is not None}) == 4
    assert list_earned(_LIMITS, "acme", "olga", standing, AcceptedCount()) == (None, None)


@pytest.mark.covers("ISS-20")
@pytest.mark.parametrize(
    "one,other,is_same",
    [
        ("vera@example.com", "vera+news@example.com", True),
        ("v.e.r.a@gmail.com", "vera@googlemail.com", True),
        ("v.era@example.com", "vera@example.com", False),
        ("vera@example.com", "vera@example.org", False),
    ],
)
def test_a_spelling_makes_no_new_recipient(one: str, other: str, *, is_same: bool) -> None:
    assert (name_recipient(make_email(one)) == name_recipient(make_email(other))) is is_same


def test_every_limit_with_a_window_has_a_setting() -> None:
    assert {"allowance_per_tenant", "mail_per_recipient", "reports_tolerated"} <= set(LIMIT_NAMES)
    assert "code_tries" not in LIMIT_NAMES

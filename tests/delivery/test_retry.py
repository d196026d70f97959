# SPDX-License-Identifier: Apache-2.0
"""When a failed delivery is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.delivery.retry import RetryPolicy, decide_retry

POLICY = RetryPolicy()
S = timedelta(seconds=1)


@pytest.mark.covers("DEL-02")
def test_waits_double_up_to_the_cap_and_then_it_gives_up() -> None:
    waits = [decide_retry(n, policy=POLICY, random_share=1.0) for n in range(1, 14)]
    assert waits == [10 * S * 2**n for n in range(11)] + [None, None]
    capped = RetryPolicy(attempts=10_000, cap=timedelta(minutes=1))
    assert decide_retry(3, policy=capped, random_share=1.0) == 40 * S
    for late in (4, 40, 9_999):
        assert decide_retry(late, policy=capped, random_share=1.0) == 60 * S
    assert decide_retry(10_000, policy=capped, random_share=1.0) is None


@pytest.mark.covers("DEL-02")
@given(attempt=st.integers(-5, 11), share=st.floats(0, 1))
def test_chance_spreads_a_wait_over_its_upper_half(attempt: int, share: float) -> None:
    wait, full = (decide_retry(attempt, policy=POLICY, random_share=s) for s in (share, 1.0))
    assert wait is not None
    assert full is not None
    assert full / 2 <= wait <= full <= POLICY.cap


@pytest.mark.parametrize(
    "change", [{"attempts": 0}, {"base": 0 * S}, {"base": 2 * S, "cap": 1 * S}], ids=repr
)
def test_a_policy_without_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="attempts"):
        RetryPolicy(**change)  # type: ignore[arg-type]

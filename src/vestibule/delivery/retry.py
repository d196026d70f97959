# SPDX-License-Identifier: Apache-2.0
"""When to try a failed delivery again: exponential, capped, spread by chance, and at last never."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long. The defaults keep trying for about six hours."""

    attempts: int = 12
    base: timedelta = timedelta(seconds=10)
    cap: timedelta = timedelta(hours=6)

    def __post_init__(self) -> None:
        if self.attempts < 1 or not timedelta(0) < self.base <= self.cap:
            raise ValueError("attempts at least 1, and 0 < base <= cap")


def decide_retry(attempt: int, *, policy: RetryPolicy, random_share: float) -> timedelta | None:
    """How long to wait after *attempt* tries (1 or more) have failed, or None to give up.

    *random_share* in [0, 1) spreads messages that failed together over the upper half of the wait.
    """
    if attempt >= policy.attempts:
        return None
    # Compared as a ratio: multiplied out, a late attempt would overflow the timedelta.
    doublings = max(attempt, 1) - 1
    full = policy.base * 2**doublings if 2**doublings < policy.cap / policy.base else policy.cap
    return full * (0.5 + 0.5 * min(max(random_share, 0.0), 1.0))

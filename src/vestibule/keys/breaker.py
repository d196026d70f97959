# SPDX-License-Identifier: Apache-2.0
"""A provider that keeps failing is left alone for a while, then asked by one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import IntEnum

from vestibule.errors import KeyProviderError


class ProviderDownError(KeyProviderError):
    """The key provider can't be reached or answers rubbish; nothing was changed, try again shortly.

    A plain KeyProviderError is an answer: the provider is well, and refuses this key or this call.
    """

    def __init__(self, finding: str, *, outcome: str = "failed") -> None:
        super().__init__(finding)
        self.outcome = outcome


class BreakerState(IntEnum):
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens after *failures* in a row. Every *rest* seconds one call is let through, and decides."""

    def __init__(
        self,
        *,
        failures: int,
        rest: float,
        monotonic: Callable[[], float],
        tell: Callable[[BreakerState], None],
    ) -> None:
        self._limit = failures
        self._rest = rest
        self._monotonic = monotonic
        self._tell = tell
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try_at = 0.0
        self._state = BreakerState.CLOSED
        tell(self._state)

    def lets_in(self) -> bool:
        """May this call go through? Where one that was let in never settles, the next is due a rest later."""
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return True
            now = self._monotonic()
            if now < self._next_try_at:
                return False
            self._next_try_at = now + self._rest
            self._become(BreakerState.HALF_OPEN)
            return True

    def settle(self, *, is_up: bool) -> None:
        """How a call that was let in ended."""
        with self._lock:
            if is_up:
                self._failures = 0
                self._become(BreakerState.CLOSED)
                return
            self._failures += 1
            if self._failures >= self._limit:
                self._next_try_at = self._monotonic() + self._rest
                self._become(BreakerState.OPEN)

    def _become(self, state: BreakerState) -> None:
        if state is not self._state:
            self._state = state
            self._tell(state)

# SPDX-License-Identifier: Apache-2.0
"""GCRA counters in the database: one number per subject, exact under concurrency (ISS-16, ACC-08).

On PostgreSQL the table is unlogged: a crash forgets counts, never grants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from vestibule.core.limits import Hit
from vestibule.storage.schema import rate_limits
from vestibule.storage.vault import Vault

_AHEAD = "CASE WHEN kept.arrives_at_ms > :now_ms THEN kept.arrives_at_ms ELSE :now_ms END"
_TAKE = f"""
INSERT INTO vestibule_rate_limits AS kept (key, arrives_at_ms) VALUES (:key, :now_ms + :step)
ON CONFLICT (key) DO UPDATE SET arrives_at_ms = {_AHEAD} + :step
  WHERE {_AHEAD} + :step <= :now_ms + :span + 0.001
RETURNING arrives_at_ms
"""


def take_hits(connection: sa.Connection, hits: Sequence[Hit], now_ms: int) -> int | None:
    """Count one hit on each subject; seconds to wait when any limit is exceeded.

    A hit beyond the limit changes nothing, so a place is free again after one interval.
    """
    waits = []
    for taken in sorted(hits, key=lambda h: h.key):
        step = taken.limit.interval_ms
        values = {
            "key": taken.key,
            "now_ms": float(now_ms),
            "step": step,
            "span": float(taken.limit.window_ms),
        }
        if connection.execute(sa.text(_TAKE), values).first() is None:
            waits.append(step)
    return math.ceil(max(waits) / 1000) if waits else None


class SqlRateLimits:
    """Implements ``ports.RateLimits``."""

    def __init__(self, connection: sa.Connection, now_ms: Callable[[], int], vault: Vault) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._vault = vault

    def take(self, hits: Sequence[Hit]) -> int | None:
        blinded = [replace(one, key=self._vault.blind(one.key)) for one in hits]
        return take_hits(self._connection, blinded, self._now_ms())

    def purge(self) -> int:
        """Forget subjects whose window has passed."""
        done = sa.delete(rate_limits).where(rate_limits.c.arrives_at_ms < self._now_ms())
        return self._connection.execute(done).rowcount

# SPDX-License-Identifier: Apache-2.0
"""Answers kept for repeats (ISS-11). The scope hash covers principal, method, path and key; no answer
holds an address, a token or a link.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from vestibule.core.identity import IdempotencyRequest
from vestibule.errors import FieldFault, IdempotencyKeyReusedError
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.schema import idempotency_keys as kept
from vestibule.storage.vault import Vault

KEPT_FOR = timedelta(hours=24)


class SqlIdempotency:
    """Implements ``ports.Idempotency``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def claim(self, request: IdempotencyRequest) -> str | None:
        mine = kept.c.scope_hash == request.scope_hash
        self._connection.execute(sa.delete(kept).where(mine, kept.c.created_at < self._now() - KEPT_FOR))
        # The body says to whom: its digest alone would let a guess be tested.
        body_hash = self._vault.blind(request.body_hash)
        values = {"scope_hash": request.scope_hash, "body_hash": body_hash, "created_at": self._now()}
        if insert_unless_there(self._connection, kept, values):
            return None
        row = self._connection.execute(sa.select(kept.c.body_hash, kept.c.answer).where(mine)).one()
        if row.body_hash != body_hash:
            raise IdempotencyKeyReusedError(
                FieldFault("#/headers/idempotency-key", "Used with another body; choose a new key.")
            )
        return None if row.answer is None else str(row.answer)

    def keep(self, request: IdempotencyRequest, answer: str) -> None:
        change = sa.update(kept).where(kept.c.scope_hash == request.scope_hash)
        self._connection.execute(change.values(answer=answer))

    def forget(self, request: IdempotencyRequest) -> None:
        self._connection.execute(sa.delete(kept).where(kept.c.scope_hash == request.scope_hash))

    def purge(self) -> int:
        """Forget what is too old to be repeated."""
        done = sa.delete(kept).where(kept.c.created_at < self._now() - KEPT_FOR)
        return self._connection.execute(done).rowcount

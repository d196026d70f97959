# SPDX-License-Identifier: Apache-2.0
"""Signed heads of the log. A row without a note is the right to sign it, for a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.ports import StoredCheckpoint
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.schema import checkpoints, cosignatures


class SqlCheckpoints:
    """Implements ``ports.Checkpoints``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def find_newest(self) -> StoredCheckpoint | None:
        query = sa.select(checkpoints).where(checkpoints.c.note.is_not(None))
        return self._read(query.order_by(checkpoints.c.size.desc()).limit(1))

    def find(self, size: int) -> StoredCheckpoint | None:
        return self._read(
            sa.select(checkpoints).where(checkpoints.c.size == size, checkpoints.c.note.is_not(None))
        )

    def claim(self, size: int, root_hash: bytes, *, claimed_by: str, until: datetime) -> bool:
        unsigned = checkpoints.c.note.is_(None)
        self._connection.execute(
            sa.delete(checkpoints).where(unsigned, checkpoints.c.claimed_until <= self._now())
        )
        if (
            self._connection.execute(sa.select(checkpoints.c.size).where(unsigned).limit(1)).first()
            is not None
        ):
            return False
        values = {"size": size, "root_hash": root_hash, "claimed_by": claimed_by, "claimed_until": until}
        return insert_unless_there(self._connection, checkpoints, values)

    def keep(self, size: int, note: str, *, claimed_by: str, key_id: str) -> bool:
        change = self._mine(size, claimed_by).values(note=note, key_id=key_id, signed_at=self._now())
        return self._connection.execute(change).rowcount == 1

    def put_off(self, size: int, *, claimed_by: str, until: datetime) -> None:
        self._connection.execute(self._mine(size, claimed_by).values(claimed_until=until))

    def add_cosignature(self, size: int, *, witness: str, line: str) -> None:
        values = {"size": size, "witness": witness, "line": line, "cosigned_at": self._now()}
        insert_unless_there(self._connection, cosignatures, values)

    def find_witnessed_size(self, witness: str) -> int:
        query = sa.select(sa.func.max(cosignatures.c.size)).where(cosignatures.c.witness == witness)
        return self._connection.execute(query).scalar() or 0

    def list_cosignatures(self, size: int) -> Sequence[str]:
        query = sa.select(cosignatures.c.line).where(cosignatures.c.size == size)
        return self._connection.execute(query.order_by(cosignatures.c.witness)).scalars().all()

    def _mine(self, size: int, claimed_by: str) -> sa.Update:
        return sa.update(checkpoints).where(
            checkpoints.c.size == size,
            checkpoints.c.claimed_by == claimed_by,
            checkpoints.c.note.is_(None),
        )

    def _read(self, query: sa.Select[Any]) -> StoredCheckpoint | None:
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return StoredCheckpoint(
            size=row.size,
            root_hash=bytes(row.root_hash),
            note=row.note,
            key_id=row.key_id,
            signed_at=row.signed_at,
        )

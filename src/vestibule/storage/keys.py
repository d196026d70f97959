# SPDX-License-Identifier: Apache-2.0
"""Records of keys: at most one pending and one active to a purpose, held by the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.errors import KeyStateError
from vestibule.storage.schema import keys

_LIST_MAX = 10_000


class SqlKeys:
    """Implements ``ports.Keys``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def add(self, key: KeyRecord) -> None:
        if self.find_pending(key.purpose) is not None:
            raise KeyStateError("This purpose has a pending key already.")
        self._connection.execute(
            sa.insert(keys).values(
                key_id=key.key_id,
                purpose=key.purpose,
                algorithm=key.algorithm.value,
                provider=key.provider,
                reference=key.reference,
                public_key=key.public_key,
                created_at=self._now(),
                created_event_id=key.created_event_id,
            )
        )

    def find(self, key_id: str) -> KeyRecord | None:
        return self._find(keys.c.key_id == key_id)

    def find_active(self, purpose: str) -> KeyRecord | None:
        return self._find(
            keys.c.purpose == purpose,
            keys.c.active_at.is_not(None),
            keys.c.replaced_at.is_(None),
            keys.c.compromised_at.is_(None),
        )

    def find_pending(self, purpose: str) -> KeyRecord | None:
        return self._find(
            keys.c.purpose == purpose, keys.c.active_at.is_(None), keys.c.compromised_at.is_(None)
        )

    def list_all(self) -> Sequence[KeyRecord]:
        query = sa.select(keys).order_by(keys.c.purpose, keys.c.created_at, keys.c.key_id).limit(_LIST_MAX)
        return [_read_key(row) for row in self._connection.execute(query)]

    def lock(self, purpose: str) -> None:
        if self._connection.dialect.name == "postgresql":
            name = sa.func.hashtextextended(f"vestibule key {purpose}", 0)
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(name)))

    def activate(self, key_id: str, *, event_id: str) -> bool:
        change = sa.update(keys).where(
            keys.c.key_id == key_id, keys.c.active_at.is_(None), keys.c.compromised_at.is_(None)
        )
        values = {"active_at": self._now(), "activated_event_id": event_id}
        return self._connection.execute(change.values(values)).rowcount == 1

    def replace(self, key_id: str, *, verify_until: datetime) -> bool:
        change = sa.update(keys).where(
            keys.c.key_id == key_id,
            keys.c.active_at.is_not(None),
            keys.c.replaced_at.is_(None),
            keys.c.compromised_at.is_(None),
        )
        values = {"replaced_at": self._now(), "verify_until": verify_until}
        return self._connection.execute(change.values(values)).rowcount == 1

    def compromise(self, key_id: str, *, event_id: str) -> bool:
        change = sa.update(keys).where(keys.c.key_id == key_id, keys.c.compromised_at.is_(None))
        values = {"compromised_at": self._now(), "compromised_event_id": event_id}
        return self._connection.execute(change.values(values)).rowcount == 1

    def _find(self, *conditions: sa.ColumnElement[bool]) -> KeyRecord | None:
        row = self._connection.execute(sa.select(keys).where(*conditions)).first()
        return None if row is None else _read_key(row)


def _read_key(row: sa.Row[Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row.key_id,
        purpose=row.purpose,
        algorithm=Algorithm(row.algorithm),
        provider=row.provider,
        reference=row.reference,
        public_key=None if row.public_key is None else bytes(row.public_key),
        created_at=row.created_at,
        active_at=row.active_at,
        replaced_at=row.replaced_at,
        verify_until=row.verify_until,
        compromised_at=row.compromised_at,
        created_event_id=row.created_event_id,
        activated_event_id=row.activated_event_id,
        compromised_event_id=row.compromised_event_id,
    )

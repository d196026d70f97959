# SPDX-License-Identifier: Apache-2.0
"""Keys of host backends: only hashes are stored, a key is shown once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.account import ApiKey
from vestibule.core.identity import ALL_SCOPES
from vestibule.storage.schema import api_keys


def _read_key(row: sa.Row[Any]) -> ApiKey:
    named = set(row.scopes.split())
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        scopes=frozenset(scope for scope in ALL_SCOPES if scope in named),
        tenant_id=row.tenant_id,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


class SqlApiKeys:
    """Implements ``ports.ApiKeys``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def add(self, key: ApiKey, key_hash: bytes) -> None:
        self._connection.execute(
            sa.insert(api_keys).values(
                key_id=key.key_id,
                key_hash=key_hash,
                name=key.name,
                scopes=" ".join(sorted(key.scopes)),
                tenant_id=key.tenant_id,
                created_at=self._now(),
            )
        )

    def find(self, key_hash: bytes) -> ApiKey | None:
        query = sa.select(api_keys).where(api_keys.c.key_hash == key_hash, api_keys.c.revoked_at.is_(None))
        row = self._connection.execute(query).first()
        return None if row is None else _read_key(row)

    def list_all(self) -> Sequence[ApiKey]:
        query = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id).limit(1000)
        return [_read_key(row) for row in self._connection.execute(query)]

    def revoke(self, key_id: str) -> bool:
        change = sa.update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        return self._connection.execute(change.values(revoked_at=self._now())).rowcount == 1

# SPDX-License-Identifier: Apache-2.0
"""The seat ledger: a few rows per tenant that has a limit, whose sum is the allowance (ruling 8)."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.claims.snapshot import SEAT_SHARDS
from vestibule.storage.schema import seat_shards


def take_seat(connection: sa.Connection, tenant_id: str) -> bool:
    """Take one seat, waiting for others that are taking theirs; true also without a limit."""
    for _ in range(SEAT_SHARDS + 1):
        query = sa.select(seat_shards.c.shard, seat_shards.c.used < seat_shards.c.allowance).where(
            seat_shards.c.tenant_id == tenant_id
        )
        shards = connection.execute(query).all()
        if not shards:
            return True
        free = [shard for shard, is_free in shards if is_free]
        if not free:
            return False
        change = (
            sa.update(seat_shards)
            .where(seat_shards.c.tenant_id == tenant_id, seat_shards.c.shard == free[0])
            .where(seat_shards.c.used < seat_shards.c.allowance)
            .values(used=seat_shards.c.used + 1)
        )
        if connection.execute(change).rowcount:
            return True
    return False


def give_back_seats(connection: sa.Connection, tenant_id: str, count: int) -> None:
    """Free *count* seats; nothing happens without a limit."""
    if count:
        change = (
            sa.update(seat_shards)
            .where(seat_shards.c.tenant_id == tenant_id, seat_shards.c.shard == 0)
            .values(used=seat_shards.c.used - count)
        )
        connection.execute(change)

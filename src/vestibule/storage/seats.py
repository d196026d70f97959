# SPDX-License-Identifier: Apache-2.0
"""The seat ledger: a few rows per tenant that has a limit, whose sum is the allowance (ruling 8)."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.claims.snapshot import SEAT_SHARDS
from vestibule.storage.schema import seat_shards, tenants


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
    """Free *count* seats; nothing happens without a limit.

    They come out of the fullest shard. After the limit was lowered one shard is over its part, and as long as
    it is, no other may look free.
    """
    if not count:
        return
    # Whoever changes the limit counts anew, alone on the tenant; that is over when this goes on.
    tenant = sa.select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id)
    connection.execute(tenant.with_for_update(read=True, key_share=True))
    ours = seat_shards.alias()
    fullest = (
        sa.select(ours.c.shard)
        .where(ours.c.tenant_id == tenant_id)
        .order_by((ours.c.used - ours.c.allowance).desc(), ours.c.shard)
        .limit(1)
        .scalar_subquery()
    )
    change = (
        sa.update(seat_shards)
        .where(seat_shards.c.tenant_id == tenant_id, seat_shards.c.shard == fullest)
        .values(used=seat_shards.c.used - count)
    )
    connection.execute(change)

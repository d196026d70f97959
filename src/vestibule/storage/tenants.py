# SPDX-License-Identifier: Apache-2.0
"""Tenants, their policy and state, and the seat ledger that follows the policy's limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.policy import NOTHING, Policy, load_hash, load_policy
from vestibule.core.tenant import Tenant
from vestibule.ports import Lock
from vestibule.storage.claims.snapshot import SEAT_SHARDS
from vestibule.storage.deployment import BASE_POLICY
from vestibule.storage.filters import is_held, is_in_force, is_open
from vestibule.storage.schema import invitations, memberships, seat_shards, tenants

SELECT_TENANT = sa.select(tenants, BASE_POLICY)


def read_tenant(row: sa.Row[Any]) -> Tenant:
    base = row.base_policy or NOTHING
    return Tenant(
        tenant_id=row.tenant_id,
        name=row.name,
        policy=load_policy(base, row.policy),
        policy_version=row.policy_version,
        policy_hash=load_hash(base, row.policy),
        own_policy=row.policy,
        created_at=row.created_at,
        suspended_at=row.suspended_at,
        deleted_at=row.deleted_at,
    )


class SqlTenants:
    """Implements ``ports.Tenants``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def find(self, tenant_id: str, *, lock: Lock = "none") -> Tenant | None:
        query = SELECT_TENANT.where(tenants.c.tenant_id == tenant_id)
        if lock == "share":
            query = query.with_for_update(read=True, key_share=True)
        elif lock == "update":
            query = query.with_for_update()
        row = self._connection.execute(query).first()
        return None if row is None else read_tenant(row)

    def put(self, tenant_id: str, *, name: str, own_policy: str, policy: Policy, policy_version: int) -> None:
        known = sa.select(tenants.c.policy_version).where(tenants.c.tenant_id == tenant_id)
        had_version = self._connection.execute(known).scalar()
        values = {"name": name, "policy": own_policy, "policy_version": policy_version}
        if had_version is None:
            self._connection.execute(
                sa.insert(tenants).values(tenant_id=tenant_id, created_at=self._now(), **values)
            )
        else:
            change = sa.update(tenants).where(tenants.c.tenant_id == tenant_id)
            self._connection.execute(change.values(values))
        if had_version != policy_version:
            self._rebuild_ledger(tenant_id, policy)

    def set_suspended(self, tenant_id: str, *, suspended: bool) -> bool:
        state = tenants.c.suspended_at.is_(None) if suspended else tenants.c.suspended_at.is_not(None)
        change = (
            sa.update(tenants)
            .where(tenants.c.tenant_id == tenant_id, tenants.c.deleted_at.is_(None), state)
            .values(suspended_at=self._now() if suspended else None)
        )
        return self._connection.execute(change).rowcount == 1

    def set_deleted(self, tenant_id: str) -> bool:
        change = (
            sa.update(tenants)
            .where(tenants.c.tenant_id == tenant_id, tenants.c.deleted_at.is_(None))
            .values(deleted_at=self._now())
        )
        return self._connection.execute(change).rowcount == 1

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        query = (
            sa.select(memberships.c.principal_id)
            .where(memberships.c.tenant_id == tenant_id, memberships.c.role.in_(list(roles)))
            .where(is_in_force(self._now()))
            .order_by(memberships.c.created_at, memberships.c.principal_id)
            .limit(50)
        )
        return list(self._connection.execute(query).scalars())

    def seats(self, tenant_id: str) -> tuple[int, int] | None:
        query = sa.select(sa.func.sum(seat_shards.c.used), sa.func.sum(seat_shards.c.allowance)).where(
            seat_shards.c.tenant_id == tenant_id
        )
        used, allowance = self._connection.execute(query).one()
        return None if allowance is None else (int(used), int(allowance))

    def _rebuild_ledger(self, tenant_id: str, policy: Policy) -> None:
        # The caller is alone on the tenant's row; whoever takes or gives back a seat holds it in share mode.
        reserves = policy.seat_limit is not None and policy.seats_count_pending
        ours = sa.and_(invitations.c.tenant_id == tenant_id, is_open())
        self._connection.execute(
            sa.update(invitations)
            .where(ours, ~is_held(), ~invitations.c.grants_only, invitations.c.has_reservation != reserves)
            .values(has_reservation=reserves)
        )
        self._connection.execute(sa.delete(seat_shards).where(seat_shards.c.tenant_id == tenant_id))
        if policy.seat_limit is None:
            return
        count = (
            sa.select(sa.func.count()).select_from(memberships).where(memberships.c.tenant_id == tenant_id)
        )
        used = self._connection.execute(count).scalar_one()
        if reserves:
            pending = (
                sa.select(sa.func.count())
                .select_from(invitations)
                .where(ours, ~is_held(), ~invitations.c.grants_only)
            )
            used += self._connection.execute(pending).scalar_one()
        self._connection.execute(sa.insert(seat_shards), _split(tenant_id, policy.seat_limit, used))


def _split(tenant_id: str, allowance: int, used: int) -> list[dict[str, Any]]:
    rows = []
    for shard in range(SEAT_SHARDS):
        part = allowance // SEAT_SHARDS + (1 if shard < allowance % SEAT_SHARDS else 0)
        taken = min(part, used) if shard < SEAT_SHARDS - 1 else used
        used -= taken
        rows.append({"tenant_id": tenant_id, "shard": shard, "allowance": part, "used": taken})
    return rows

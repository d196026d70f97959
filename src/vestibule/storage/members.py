# SPDX-License-Identifier: Apache-2.0
"""Our own membership table, and the seats its rows cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import NOTHING, OWNER, TTL_MAX, load_policy
from vestibule.core.privacy import EVERYWHERE
from vestibule.core.tenant import Membership
from vestibule.errors import SeatLimitError
from vestibule.storage.deployment import BASE_POLICY
from vestibule.storage.filters import is_in_force, is_not_over
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import grants, memberships, principal_addresses, tenants
from vestibule.storage.seats import give_back_seats, take_seat
from vestibule.storage.vault import Vault


def read_membership(row: sa.Row[Any], vault: Vault) -> Membership:
    return Membership(
        tenant_id=row.tenant_id,
        principal_id=row.principal_id,
        role=row.role,
        created_at=row.created_at,
        email=None if row.email is None else vault.address(row.tenant_id, row.email),
        name=row.name,
        expires_at=row.expires_at,
        suspended_at=row.suspended_at,
        invitation_id=row.invitation_id,
        starts_at=row.starts_at,
    )


def _is(tenant_id: str, principal_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(memberships.c.tenant_id == tenant_id, memberships.c.principal_id == principal_id)


class SqlMembers:
    """Implements ``ports.Members``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        row = self._connection.execute(sa.select(memberships).where(_is(tenant_id, principal_id))).first()
        return None if row is None else self._read(row)

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:
        holders = sa.select(principal_addresses.c.principal_id).where(
            principal_addresses.c.address == self._vault.form(EVERYWHERE, address.key)
        )
        email = self._vault.form(tenant_id, address.key)
        query = (
            sa.select(memberships)
            .where(memberships.c.tenant_id == tenant_id, is_not_over(now))
            .where(sa.or_(memberships.c.email == email, memberships.c.principal_id.in_(holders)))
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return None if row is None else self._read(row)

    def put(self, membership: Membership) -> None:
        values = {
            "role": membership.role,
            "email": membership.email and self._vault.keep(membership.tenant_id, membership.email),
            "name": membership.name,
            "expires_at": membership.expires_at,
            "suspended_at": None,
            "starts_at": membership.starts_at,
            "end_announced_at": None,
        }
        change = (
            sa.update(memberships).where(_is(membership.tenant_id, membership.principal_id)).values(values)
        )
        if self._connection.execute(change).rowcount:
            return
        if not take_seat(self._connection, membership.tenant_id):
            raise SeatLimitError
        self._connection.execute(
            sa.insert(memberships).values(
                tenant_id=membership.tenant_id,
                principal_id=membership.principal_id,
                created_at=membership.created_at,
                invitation_id=membership.invitation_id,
                **values,
            )
        )

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        removed = self._connection.execute(
            sa.delete(memberships).where(_is(tenant_id, principal_id))
        ).rowcount
        give_back_seats(self._connection, tenant_id, removed)
        # What a membership carried ends with it on every road (ATTACKS E04).
        theirs = sa.and_(grants.c.tenant_id == tenant_id, grants.c.principal_id == principal_id)
        self._connection.execute(sa.delete(grants).where(theirs))
        return removed == 1

    def set_suspended(self, tenant_id: str, principal_id: str) -> None:
        change = sa.update(memberships).where(_is(tenant_id, principal_id)).values(suspended_at=self._now())
        self._connection.execute(change)
        theirs = sa.and_(grants.c.tenant_id == tenant_id, grants.c.principal_id == principal_id)
        self._connection.execute(sa.delete(grants).where(theirs))

    def has_other_owner(self, tenant_id: str, principal_id: str) -> bool:
        query = (
            sa.select(memberships.c.principal_id)
            .where(memberships.c.tenant_id == tenant_id, memberships.c.role == OWNER)
            .where(is_in_force(self._now()), memberships.c.expires_at.is_(None))
            .order_by(memberships.c.principal_id)
            .with_for_update()
        )
        return any(owner != principal_id for owner in self._connection.execute(query).scalars())

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Membership]:
        query = sa.select(memberships).where(memberships.c.tenant_id == tenant_id, is_not_over(self._now()))
        order = (memberships.c.created_at, memberships.c.principal_id)
        page = fetch_page(self._connection, query, order, request, descending=False)
        return Page(items=self._read_all(page.items), next_cursor=page.next_cursor)

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]:
        query = (
            sa.select(memberships)
            .where(memberships.c.principal_id == principal_id)
            .order_by(memberships.c.tenant_id)
        )
        return self._read_all(self._connection.execute(query).all())

    def list_ending(self, limit: int) -> Sequence[tuple[Membership, int]]:
        now = self._now()
        query = (
            sa.select(memberships, tenants.c.policy, BASE_POLICY)
            .join(tenants, tenants.c.tenant_id == memberships.c.tenant_id)
            .where(memberships.c.end_announced_at.is_(None), is_in_force(now))
            .where(memberships.c.expires_at <= now + timedelta(seconds=TTL_MAX))
            .where(tenants.c.suspended_at.is_(None), tenants.c.deleted_at.is_(None))
            .order_by(memberships.c.expires_at)
            .limit(limit)
        )
        return [
            (self._read(row), load_policy(row.base_policy or NOTHING, row.policy).announce_end)
            for row in self._connection.execute(query)
        ]

    def set_end_announced(self, membership: Membership) -> bool:
        change = (
            sa.update(memberships)
            .where(_is(membership.tenant_id, membership.principal_id))
            .where(memberships.c.end_announced_at.is_(None))
            .values(end_announced_at=self._now())
        )
        return self._connection.execute(change).rowcount == 1

    def end_expired(self, limit: int) -> Sequence[Membership]:
        query = (
            sa.select(memberships)
            .where(memberships.c.expires_at <= self._now())
            .order_by(memberships.c.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ended = self._read_all(self._connection.execute(query).all())
        return [one for one in ended if self.remove(one.tenant_id, one.principal_id)]

    def _read(self, row: sa.Row[Any]) -> Membership:
        return read_membership(row, self._vault)

    def _read_all(self, rows: Sequence[sa.Row[Any]]) -> list[Membership]:
        self._vault.prefetch((row.tenant_id, row.email) for row in rows)
        return [self._read(row) for row in rows]

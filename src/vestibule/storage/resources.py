# SPDX-License-Identifier: Apache-2.0
"""Resources, and what members hold on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.paging import Page, PageRequest
from vestibule.core.resource import HeldGrant, Resource
from vestibule.storage.filters import is_open
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import grants, invitation_grants, invitations, resources


def read_resource(row: sa.Row[Any]) -> Resource:
    return Resource(
        tenant_id=row.tenant_id, resource_id=row.resource_id, name=row.name, created_at=row.created_at
    )


def _read_grant(row: sa.Row[Any]) -> HeldGrant:
    return HeldGrant(
        tenant_id=row.tenant_id,
        principal_id=row.principal_id,
        resource_id=row.resource_id,
        role=row.role,
        created_at=row.created_at,
        expires_at=row.expires_at,
        invitation_id=row.invitation_id,
    )


class SqlResources:
    """Implements ``ports.Resources``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def find(self, tenant_id: str, resource_id: str) -> Resource | None:
        query = sa.select(resources).where(self._is(tenant_id, resource_id), resources.c.deleted_at.is_(None))
        row = self._connection.execute(query).first()
        return None if row is None else read_resource(row)

    def put(self, tenant_id: str, resource_id: str, name: str) -> bool:
        live = sa.update(resources).where(self._is(tenant_id, resource_id), resources.c.deleted_at.is_(None))
        if self._connection.execute(live.values(name=name)).rowcount:
            return False
        again = sa.update(resources).where(self._is(tenant_id, resource_id))
        values = {"name": name, "created_at": self._now(), "deleted_at": None}
        if not self._connection.execute(again.values(values)).rowcount:
            self._connection.execute(
                sa.insert(resources).values(tenant_id=tenant_id, resource_id=resource_id, **values)
            )
        return True

    def delete(self, tenant_id: str, resource_id: str) -> bool:
        change = sa.update(resources).where(
            self._is(tenant_id, resource_id), resources.c.deleted_at.is_(None)
        )
        return self._connection.execute(change.values(deleted_at=self._now())).rowcount == 1

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Resource]:
        query = sa.select(resources).where(
            resources.c.tenant_id == tenant_id, resources.c.deleted_at.is_(None)
        )
        order = (resources.c.created_at, resources.c.resource_id)
        return fetch_page(self._connection, query, order, request, descending=False).map(read_resource)

    def list_pending_on(self, tenant_id: str, resource_id: str) -> Sequence[str]:
        query = (
            sa.select(invitations.c.invitation_id)
            .join(invitation_grants, invitation_grants.c.invitation_id == invitations.c.invitation_id)
            .where(invitation_grants.c.resource_id == resource_id, invitations.c.tenant_id == tenant_id)
            .where(is_open())
            .order_by(invitations.c.invitation_id)
        )
        return list(self._connection.execute(query).scalars())

    def list_grants(self, tenant_id: str, principal_id: str) -> Sequence[HeldGrant]:
        query = (
            sa.select(grants)
            .where(grants.c.tenant_id == tenant_id, grants.c.principal_id == principal_id)
            .where(sa.or_(grants.c.expires_at.is_(None), grants.c.expires_at > self._now()))
            .order_by(grants.c.resource_id)
        )
        return [_read_grant(row) for row in self._connection.execute(query)]

    def end_grants(
        self, tenant_id: str, *, principal_id: str | None = None, resource_id: str | None = None
    ) -> Sequence[HeldGrant]:
        gone = sa.delete(grants).where(grants.c.tenant_id == tenant_id)
        if principal_id is not None:
            gone = gone.where(grants.c.principal_id == principal_id)
        if resource_id is not None:
            gone = gone.where(grants.c.resource_id == resource_id)
        return [_read_grant(row) for row in self._connection.execute(gone.returning(*grants.c))]

    def end_expired(self, limit: int) -> Sequence[HeldGrant]:
        due = (
            sa.select(grants)
            .where(grants.c.expires_at <= self._now())
            .order_by(grants.c.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ended = [_read_grant(row) for row in self._connection.execute(due)]
        for one in ended:
            self._connection.execute(
                sa.delete(grants).where(
                    grants.c.tenant_id == one.tenant_id,
                    grants.c.principal_id == one.principal_id,
                    grants.c.resource_id == one.resource_id,
                )
            )
        return ended

    @staticmethod
    def _is(tenant_id: str, resource_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(resources.c.tenant_id == tenant_id, resources.c.resource_id == resource_id)

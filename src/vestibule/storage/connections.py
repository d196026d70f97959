# SPDX-License-Identifier: Apache-2.0
"""Connections to identity providers, and the sign-ins that have left for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.connection import Connection, SignIn
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import Policy
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import connections, sessions, sign_ins, tenants
from vestibule.storage.tenants import SELECT_TENANT, read_tenant

_OFFERED_MAX = 20
# Whoever only shows a connection needs no right to read its secret.
_SHOWN: tuple[sa.ColumnElement[Any], ...] = (
    *(column for column in connections.c if column.name != "sealed_secret"),
    sa.null().label("sealed_secret"),
)


def read_connection(row: sa.Row[Any]) -> Connection:
    return Connection(
        connection_id=row.connection_id,
        tenant_id=row.tenant_id,
        name=row.name,
        provider=row.provider,
        issuer=row.issuer,
        client_id=row.client_id,
        sealed_secret=row.sealed_secret,
        amr_map=json.loads(row.amr_map),
        created_at=row.created_at,
        is_disabled=row.disabled_at is not None,
    )


def is_usable() -> sa.ColumnElement[bool]:
    """Of a connection, its tenant outer-joined: neither deleted nor disabled, nor of a deleted tenant."""
    return sa.and_(
        connections.c.deleted_at.is_(None),
        connections.c.disabled_at.is_(None),
        tenants.c.deleted_at.is_(None),
    )


class SqlConnections:
    """Implements ``ports.Connections``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def find(self, connection_id: str) -> Connection | None:
        query = sa.select(connections).where(
            connections.c.connection_id == connection_id, connections.c.deleted_at.is_(None)
        )
        row = self._connection.execute(query).first()
        return None if row is None else read_connection(row)

    def find_offered(self, connection_id: str) -> Connection | None:
        query = _select_usable().where(connections.c.connection_id == connection_id)
        row = self._connection.execute(query).first()
        return None if row is None else read_connection(row)

    def find_shown(self, connection_id: str) -> Connection | None:
        query = _select_usable(*_SHOWN).where(connections.c.connection_id == connection_id)
        row = self._connection.execute(query).first()
        return None if row is None else read_connection(row)

    def add(self, connection: Connection) -> bool:
        values = {
            "connection_id": connection.connection_id,
            "tenant_id": connection.tenant_id,
            "provider": connection.provider,
            "issuer": connection.issuer,
            "created_at": self._now(),
            **self._changing(connection),
        }
        return insert_unless_there(self._connection, connections, values)

    def change(self, connection: Connection) -> bool:
        change = (
            sa.update(connections)
            .where(
                connections.c.connection_id == connection.connection_id,
                connections.c.tenant_id == connection.tenant_id,
                connections.c.provider == connection.provider,
                connections.c.issuer == connection.issuer,
            )
            .values(deleted_at=None, **self._changing(connection))
        )
        return self._connection.execute(change).rowcount == 1

    def set_disabled(self, connection_id: str) -> bool:
        change = sa.update(connections).where(
            connections.c.connection_id == connection_id,
            connections.c.deleted_at.is_(None),
            connections.c.disabled_at.is_(None),
        )
        return self._connection.execute(change.values(disabled_at=self._now())).rowcount == 1

    def delete(self, connection_id: str) -> int:
        change = sa.update(connections).where(
            connections.c.connection_id == connection_id, connections.c.deleted_at.is_(None)
        )
        self._connection.execute(change.values(deleted_at=self._now(), sealed_secret=None))
        self._connection.execute(sa.delete(sign_ins).where(sign_ins.c.connection_id == connection_id))
        return self._connection.execute(
            sa.delete(sessions).where(sessions.c.connection_id == connection_id)
        ).rowcount

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Connection]:
        query = sa.select(connections).where(
            connections.c.tenant_id == tenant_id, connections.c.deleted_at.is_(None)
        )
        order = (connections.c.created_at, connections.c.connection_id)
        return fetch_page(self._connection, query, order, request, descending=False).map(read_connection)

    def list_offered(self, tenant_id: str) -> Sequence[Connection]:
        query = (
            _select_usable(*_SHOWN)
            .where(connections.c.tenant_id == tenant_id)
            .order_by(connections.c.created_at, connections.c.connection_id)
            .limit(_OFFERED_MAX)
        )
        return [read_connection(row) for row in self._connection.execute(query)]

    def list_all(self) -> Sequence[Connection]:
        query = sa.select(connections).where(connections.c.deleted_at.is_(None))
        return [
            read_connection(row)
            for row in self._connection.execute(query.order_by(connections.c.connection_id))
        ]

    def list_policies(self) -> Sequence[tuple[str, Policy]]:
        query = SELECT_TENANT.where(tenants.c.deleted_at.is_(None)).order_by(tenants.c.tenant_id)
        found = [read_tenant(row) for row in self._connection.execute(query)]
        return [(one.tenant_id, one.policy) for one in found]

    def open_sign_in(self, sign_in_hash: bytes, sign_in: SignIn, *, lifetime: timedelta) -> None:
        self._connection.execute(
            sa.insert(sign_ins).values(
                sign_in_hash=sign_in_hash,
                connection_id=sign_in.connection_id,
                next_path=sign_in.next_path,
                max_age=sign_in.max_age,
                expires_at=self._now() + lifetime,
            )
        )

    def take_sign_in(self, sign_in_hash: bytes, connection_id: str) -> SignIn | None:
        taking = (
            sa.delete(sign_ins)
            .where(
                sign_ins.c.sign_in_hash == sign_in_hash,
                sign_ins.c.connection_id == connection_id,
                sign_ins.c.expires_at > self._now(),
            )
            .returning(sign_ins.c.next_path, sign_ins.c.max_age)
        )
        row = self._connection.execute(taking).first()
        if row is None:
            return None
        return SignIn(connection_id=connection_id, next_path=row.next_path, max_age=row.max_age)

    def purge(self) -> int:
        """Forget sign-ins that never came back."""
        old = sa.delete(sign_ins).where(sign_ins.c.expires_at <= self._now())
        return self._connection.execute(old).rowcount

    def _changing(self, connection: Connection) -> dict[str, object]:
        values: dict[str, object] = {
            "name": connection.name,
            "client_id": connection.client_id,
            "amr_map": json.dumps(dict(connection.amr_map), sort_keys=True),
            "disabled_at": self._now() if connection.is_disabled else None,
        }
        if connection.sealed_secret is not None:
            values["sealed_secret"] = connection.sealed_secret
        return values


def _select_usable(*shown: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(*(shown or connections.c))
        .outerjoin(tenants, tenants.c.tenant_id == connections.c.tenant_id)
        .where(is_usable())
    )

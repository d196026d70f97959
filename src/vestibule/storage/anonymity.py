# SPDX-License-Identifier: Apache-2.0
"""Anonymous events. The numbers stand on the event's own row, which every change of them locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.anonymity import RESOURCE_PREFIX, AnonymousEvent
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import MisuseError
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import (
    anonymous_events,
    anonymous_issuances,
    anonymous_redemptions,
    grants,
    tenants,
)

_HELD_MAX = 100


class SqlAnonymity:
    """Implements ``ports.Anonymity``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def add(self, event: AnonymousEvent) -> None:
        self._connection.execute(
            sa.insert(anonymous_events).values(
                event_id=event.event_id,
                tenant_id=event.tenant_id,
                name=event.name,
                key_id=event.key_id,
                min_set_size=event.min_set_size,
                created_at=event.created_at,
                opens_at=event.opens_at,
                closes_at=event.closes_at,
                issued_count=0,
                redeemed_count=0,
            )
        )

    def find(self, event_id: str, *, is_locked: bool = False) -> AnonymousEvent | None:
        query = sa.select(anonymous_events).where(anonymous_events.c.event_id == event_id)
        row = self._connection.execute(query.with_for_update() if is_locked else query).first()
        return None if row is None else _read_event(row)

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[AnonymousEvent]:
        query = sa.select(anonymous_events).where(anonymous_events.c.tenant_id == tenant_id)
        order = (anonymous_events.c.created_at, anonymous_events.c.event_id)
        return fetch_page(self._connection, query, order, request).map(_read_event)

    def list_held(self, principal_id: str) -> Sequence[AnonymousEvent]:
        now = self._now()
        query = (
            sa.select(anonymous_events)
            .join(
                grants,
                sa.and_(
                    grants.c.tenant_id == anonymous_events.c.tenant_id,
                    grants.c.resource_id == sa.literal(RESOURCE_PREFIX) + anonymous_events.c.event_id,
                ),
            )
            .join(tenants, tenants.c.tenant_id == anonymous_events.c.tenant_id)
            .where(grants.c.principal_id == principal_id)
            .where(sa.or_(grants.c.expires_at.is_(None), grants.c.expires_at > now))
            .where(anonymous_events.c.closed_at.is_(None), anonymous_events.c.closes_at > now)
            .where(tenants.c.suspended_at.is_(None), tenants.c.deleted_at.is_(None))
            .order_by(anonymous_events.c.closes_at, anonymous_events.c.event_id)
            .limit(_HELD_MAX)
        )
        return [_read_event(row) for row in self._connection.execute(query)]

    def close(self, event_id: str) -> bool:
        change = sa.update(anonymous_events).where(
            anonymous_events.c.event_id == event_id, anonymous_events.c.closed_at.is_(None)
        )
        return self._connection.execute(change.values(closed_at=self._now())).rowcount == 1

    def find_issued(self, event_id: str, principal_id: str) -> bytes | None:
        query = sa.select(anonymous_issuances.c.blinded_hash).where(
            anonymous_issuances.c.event_id == event_id, anonymous_issuances.c.principal_id == principal_id
        )
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)

    def issue(self, event_id: str, principal_id: str, blinded_hash: bytes) -> None:
        values = {"event_id": event_id, "principal_id": principal_id, "blinded_hash": blinded_hash}
        self._connection.execute(sa.insert(anonymous_issuances).values(values))
        self._count(event_id, issued_count=anonymous_events.c.issued_count + 1)

    def spend(self, event_id: str, message_hash: bytes) -> bool:
        values = {"event_id": event_id, "message_hash": message_hash}
        if not insert_unless_there(self._connection, anonymous_redemptions, values):
            return False
        self._count(event_id, redeemed_count=anonymous_events.c.redeemed_count + 1)
        return True

    def _count(self, event_id: str, **changes: sa.ColumnElement[int]) -> None:
        change = sa.update(anonymous_events).where(anonymous_events.c.event_id == event_id)
        if self._connection.execute(change.values(**changes)).rowcount != 1:
            raise MisuseError("an event that counts was found before")


def _read_event(row: sa.Row[Any]) -> AnonymousEvent:
    return AnonymousEvent(
        event_id=row.event_id,
        tenant_id=row.tenant_id,
        name=row.name,
        key_id=row.key_id,
        min_set_size=row.min_set_size,
        created_at=row.created_at,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        closed_at=row.closed_at,
        issued_count=row.issued_count,
        redeemed_count=row.redeemed_count,
    )

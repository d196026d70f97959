# SPDX-License-Identifier: Apache-2.0
"""The append-only trail, written in the transaction of what it records (AUD-02)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.event import AuditEvent, EventRecord, StoredEvent, record_event
from vestibule.core.identity import Actor, RequestContext, actor_id
from vestibule.core.paging import Page, PageRequest
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import audit_events


class SqlAudit:
    """Implements ``ports.Audit``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def append(self, event: AuditEvent, *, actor: Actor | str, context: RequestContext) -> StoredEvent:
        name = actor if isinstance(actor, str) else actor_id(actor)
        record = record_event(event, actor_id=name, context=context)
        self._connection.execute(
            sa.insert(audit_events).values(
                event_id=record.event_id,
                tenant_id=record.tenant_id,
                invitation_id=record.invitation_id,
                kind=record.kind,
                occurred_at=self._now(),
                actor_id=record.actor_id,
                correlation_id=record.correlation_id,
                source=record.source,
                body=record.body,
            )
        )
        return StoredEvent(record=record, occurred_at=self._now())

    def find(self, tenant_id: str, event_id: str) -> StoredEvent | None:
        query = sa.select(audit_events).where(
            audit_events.c.tenant_id == tenant_id, audit_events.c.event_id == event_id
        )
        row = self._connection.execute(query).first()
        return None if row is None else read_event(row)

    def find_first(self, invitation_id: str, kinds: Collection[str]) -> StoredEvent | None:
        query = sa.select(audit_events).where(
            audit_events.c.invitation_id == invitation_id, audit_events.c.kind.in_(kinds)
        )
        row = self._connection.execute(query.order_by(audit_events.c.occurred_at).limit(1)).first()
        return None if row is None else read_event(row)

    def list_page(self, tenant_id: str, request: PageRequest) -> Page[StoredEvent]:
        query = sa.select(audit_events).where(audit_events.c.tenant_id == tenant_id)
        order = (audit_events.c.occurred_at, audit_events.c.event_id)
        return fetch_page(self._connection, query, order, request).map(read_event)


def read_event(row: sa.Row[Any]) -> StoredEvent:
    """One row of the trail, exactly."""
    record = EventRecord(
        event_id=row.event_id,
        kind=row.kind,
        tenant_id=row.tenant_id,
        invitation_id=row.invitation_id,
        actor_id=row.actor_id,
        correlation_id=row.correlation_id,
        source=row.source,
        body=row.body,
    )
    return StoredEvent(record=record, occurred_at=row.occurred_at)

# SPDX-License-Identifier: Apache-2.0
"""The append-only trail, written in the transaction of what it records (AUD-02)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from vestibule.core.event import AuditEvent, record_event
from vestibule.core.identity import Actor, RequestContext, actor_id
from vestibule.storage.schema import audit_events


class SqlAudit:
    """Implements ``ports.Audit``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def append(self, event: AuditEvent, *, actor: Actor | str, context: RequestContext) -> str:
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
        return record.event_id

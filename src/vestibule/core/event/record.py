# SPDX-License-Identifier: Apache-2.0
"""One fact, and how it is stored: stamped with its actor and request."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar

from vestibule.core.identity import RequestContext
from vestibule.core.token import mint_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One typed fact. ``tenant_id`` is empty for acts on the deployment as a whole.

    A decision names its policy twice: the tenant's version, and the hash under which the whole text is kept.
    """

    kind: ClassVar[str]
    tenant_id: str = ""
    invitation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event as it is stored; ``at`` is the database's clock, added by the writing statement."""

    event_id: str
    kind: str
    tenant_id: str
    invitation_id: str | None
    actor_id: str
    correlation_id: str
    source: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event of the trail: its record, and the database's clock when it was written."""

    record: EventRecord
    occurred_at: datetime


_COMMON = frozenset({"tenant_id", "invitation_id"})


def record_event(event: AuditEvent, *, actor_id: str, context: RequestContext) -> EventRecord:
    """Stamp *event* with its actor and request."""
    body = {entry.name: getattr(event, entry.name) for entry in fields(event) if entry.name not in _COMMON}
    return EventRecord(
        event_id=mint_id(),
        kind=event.kind,
        tenant_id=event.tenant_id,
        invitation_id=event.invitation_id,
        actor_id=actor_id,
        correlation_id=context.correlation_id,
        source=context.source,
        body=json.dumps(body, sort_keys=True, separators=(",", ":")),
    )

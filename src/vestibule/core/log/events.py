# SPDX-License-Identifier: Apache-2.0
"""What is hashed of a stored event: a function of its row, so that no second copy has to be kept."""

from __future__ import annotations

from vestibule.core.event import StoredEvent
from vestibule.core.log.leaf import event_leaf


def leaf_of(event: StoredEvent) -> bytes:
    """The canonical bytes of *event*."""
    record = event.record
    return event_leaf(
        event_id=record.event_id,
        tenant_id=record.tenant_id,
        invitation_id=record.invitation_id,
        kind=record.kind,
        occurred_at=event.occurred_at,
        actor_id=record.actor_id,
        correlation_id=record.correlation_id,
        source=record.source,
        body=record.body,
    )

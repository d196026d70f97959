# SPDX-License-Identifier: Apache-2.0
"""What the trail says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventUnsealed(AuditEvent):
    """An event waited to be sealed and can't be: its row is ``missing``, or ``malformed``.

    The service itself does neither: somebody went round it.
    """

    kind = "audit.event_unsealed"
    event_id: str
    reason: str

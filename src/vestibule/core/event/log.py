# SPDX-License-Identifier: Apache-2.0
"""What the trail says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventMissing(AuditEvent):
    """An event was written and waited to be sealed, and is not in the trail any more."""

    kind: ClassVar[str] = "audit.event_missing"
    event_id: str

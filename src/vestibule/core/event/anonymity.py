# SPDX-License-Identifier: Apache-2.0
"""Anonymous events. That somebody has a code is a fact like any other; that one was redeemed is counted."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousEventCreated(AuditEvent):
    """Before anything is signed: which key all of its codes will be of."""

    kind = "anonymous_event.created"
    event_id: str
    key_id: str
    public_key_hash: str
    min_set_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousCodeIssued(AuditEvent):
    """The actor has had its one blind signature."""

    kind = "anonymous_code.issued"
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousEventClosed(AuditEvent):
    kind = "anonymous_event.closed"
    event_id: str
    issued_count: int
    redeemed_count: int

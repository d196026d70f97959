# SPDX-License-Identifier: Apache-2.0
"""Promises to deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from vestibule.core.message import OutboxMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """An outbox row that one worker holds until its lease ends."""

    message_id: str
    attempt: int
    message: OutboxMessage


class Outbox(Protocol):
    """Promises to deliver."""

    def put(self, message: OutboxMessage) -> None: ...

    def claim(self, *, worker: str, limit: int, lease: timedelta) -> Sequence[ClaimedMessage]:
        """Take due messages for a while; a crash costs one attempt (the lease runs out)."""

    def holds(self, claimed: ClaimedMessage) -> bool:
        """Whether nobody has settled or claimed it since; kept so until the transaction ends."""

    def settle(self, claimed: ClaimedMessage, outcome: str, *, retry_in: timedelta | None = None) -> None:
        """Record the outcome, unless the claim was lost; with *retry_in* the message becomes due again."""

    def give_back(self, claimed: ClaimedMessage, *, due_in: timedelta) -> None:
        """Due *due_in* from now, as if never claimed, unless the claim was lost."""

    def lag(self) -> tuple[int, float]:
        """How many are due, and the age in seconds of the oldest."""

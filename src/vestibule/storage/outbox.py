# SPDX-License-Identifier: Apache-2.0
"""The outbox: promises to deliver, claimed with a lease by any number of workers (DEL-02)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.message import OutboxMessage, dump_message, load_message
from vestibule.core.token import mint_id
from vestibule.ports import ClaimedMessage
from vestibule.storage.filters import database_clock
from vestibule.storage.schema import outbox_messages as outbox


def _read_claimed(row: sa.Row[Any]) -> ClaimedMessage | None:
    try:
        message = load_message(row.kind, row.payload)
    except (KeyError, TypeError, ValueError):
        # A newer release's, while both run: its lease ends, and who knows it sends it. It stops nobody else.
        return None
    return ClaimedMessage(message_id=row.message_id, attempt=row.attempt, message=message)


class SqlOutbox:
    """Implements ``ports.Outbox``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def put(self, message: OutboxMessage) -> None:
        now = self._now()
        self._connection.execute(
            sa.insert(outbox).values(
                message_id=mint_id(),
                kind=message.kind,
                payload=dump_message(message),
                created_at=now,
                due_at=now,
                attempt=0,
            )
        )

    def claim(self, *, worker: str, limit: int, lease: timedelta) -> Sequence[ClaimedMessage]:
        now = self._now()
        # The clock itself, for *now* is cut to milliseconds: what was written just before is due.
        moment = database_clock(self._connection, now)
        due = (
            sa.select(outbox.c.message_id)
            .where(outbox.c.settled_at.is_(None), outbox.c.due_at <= moment)
            .order_by(outbox.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.execute(due).scalars())
        if not ids:
            return []
        change = (
            sa.update(outbox)
            .where(outbox.c.message_id.in_(ids))
            .values(attempt=outbox.c.attempt + 1, due_at=now + lease, claimed_by=worker)
            .returning(outbox.c.message_id, outbox.c.attempt, outbox.c.kind, outbox.c.payload)
        )
        rows = sorted(self._connection.execute(change).all(), key=lambda row: ids.index(row.message_id))
        return [claimed for row in rows if (claimed := _read_claimed(row)) is not None]

    def holds(self, claimed: ClaimedMessage) -> bool:
        query = sa.select(outbox.c.message_id).where(self._is_claim(claimed)).with_for_update()
        return self._connection.execute(query).first() is not None

    def settle(self, claimed: ClaimedMessage, outcome: str, *, retry_in: timedelta | None = None) -> None:
        now = self._now()
        values = (
            {"settled_at": now, "outcome": outcome, "claimed_by": None}
            if retry_in is None
            else {"due_at": now + retry_in, "outcome": outcome, "claimed_by": None}
        )
        self._connection.execute(sa.update(outbox).where(self._is_claim(claimed)).values(values))

    def give_back(self, claimed: ClaimedMessage, *, due_in: timedelta) -> None:
        values = {"due_at": self._now() + due_in, "attempt": outbox.c.attempt - 1, "claimed_by": None}
        self._connection.execute(sa.update(outbox).where(self._is_claim(claimed)).values(values))

    def lag(self) -> tuple[int, float]:
        now = self._now()
        due = sa.and_(outbox.c.settled_at.is_(None), outbox.c.due_at <= now)
        query = sa.select(sa.func.count(), sa.func.min(outbox.c.due_at)).where(due)
        count, oldest = self._connection.execute(query).one()
        return count, 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())

    @staticmethod
    def _is_claim(claimed: ClaimedMessage) -> sa.ColumnElement[bool]:
        # Every claim raises the attempt: whoever overslept its lease no longer holds the message.
        return sa.and_(
            outbox.c.message_id == claimed.message_id,
            outbox.c.attempt == claimed.attempt,
            outbox.c.settled_at.is_(None),
        )

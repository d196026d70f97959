# SPDX-License-Identifier: Apache-2.0
"""Receipts: the log's signed promise for one event, given with the answer and before the event is sealed.

An event that is written and erased again before it is sealed leaves no trace but this. Only a key that signs
in this process's memory is fast enough to sign each answer; where a service or a module holds the keys, no
receipts are given. A receipt never holds up what it is for: when there can be none, the answer goes without.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

from vestibule import metrics
from vestibule.actions.log.receipt_key import find_receipt_key
from vestibule.core.event import StoredEvent
from vestibule.core.keys import KeyRecord, Purpose
from vestibule.core.log.leaf import event_leaf, milliseconds
from vestibule.core.log.note import Note, NoteKey, Sign, note_key, sign_text
from vestibule.core.log.receipt import Receipt
from vestibule.core.log.tree import leaf_hash
from vestibule.errors import VestibuleError
from vestibule.log import get_logger
from vestibule.ports import Runner

HEADER = b"vestibule-receipt"
HoldKey = Callable[[KeyRecord], Sign]
Headers = tuple[tuple[bytes, bytes], ...]


class ReceiptDesk:
    """Signs receipts by the key that is in use; looks every so often which one that is."""

    def __init__(
        self,
        *,
        runner: Runner,
        hold: HoldKey,
        origin: str,
        sealed_within: float = 60.0,
        look_every: float = 30.0,
        look_again: float = 1.0,
    ) -> None:
        self._runner = runner
        self._hold = hold
        self._origin = origin
        self._promise_ms = round(sealed_within * 1000)
        self._look_every = look_every
        self._look_again = look_again
        self._look_at = 0.0
        self._held: tuple[str, NoteKey, Sign] | None = None

    async def head(self, event: StoredEvent | None) -> Headers:
        """The header with the receipt for *event*, or none."""
        if event is None:
            return ()
        held = await self._find_key()
        if held is None:
            return ()
        _, key, sign = held
        at = milliseconds(event.occurred_at)
        receipt = Receipt(
            origin=self._origin,
            tenant_id=event.record.tenant_id,
            event_id=event.record.event_id,
            leaf_hash=leaf_hash(event_leaf(event.record, event.occurred_at)),
            at=at,
            promised_by=at + self._promise_ms,
        )
        text = str(receipt)
        note = Note(text, (sign_text(text, key, sign),))
        return ((HEADER, base64.b64encode(str(note).encode())),)

    async def _find_key(self) -> tuple[str, NoteKey, Sign] | None:
        if time.monotonic() < self._look_at:
            return self._held
        # Before the look, so that others don't look as well meanwhile.
        self._look_at = time.monotonic() + self._look_every
        try:
            found = await self._runner.read(find_receipt_key)
            if found is None or found.public_key is None:
                self._held = None
            elif self._held is None or self._held[0] != found.key_id:
                self._held = (found.key_id, note_key(self._origin, found.public_key), self._hold(found))
        except VestibuleError as error:
            self._held = None
            metrics.SIGNING_FAILED.labels(Purpose.RECEIPT).inc()
            get_logger().warning("no_receipts", problem=error.code)
        if self._held is None:
            self._look_at = time.monotonic() + self._look_again
        return self._held

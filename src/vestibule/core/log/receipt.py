# SPDX-License-Identifier: Apache-2.0
"""A receipt: the log's signed promise that one event will be sealed, given before it is.

An event that was written and erased again before the next checkpoint leaves no trace but this. A receipt is a
signed note of the key with purpose ``receipt``; its first line keeps it apart from every other note.
"""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.log.checkpoint import parse_decimal, parse_hash
from vestibule.core.log.note import check_text, encode, malformed

HEADER = "vestibule-receipt/v1"
_LINES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """``str(receipt)`` is the text that is signed. Times are milliseconds since 1970."""

    origin: str
    tenant_id: str
    event_id: str
    leaf_hash: bytes
    at: int
    promised_by: int

    def __str__(self) -> str:
        lines = (
            HEADER,
            self.origin,
            f"tenant {self.tenant_id}",
            f"event {self.event_id}",
            f"leaf {encode(self.leaf_hash)}",
            f"at {self.at}",
            f"sealed by {self.promised_by}",
        )
        return "".join(f"{line}\n" for line in lines)


def parse_receipt(text: str) -> Receipt:
    """The text of a note as a receipt."""
    check_text(text)
    lines = text[:-1].split("\n")
    if len(lines) != _LINES or lines[0] != HEADER or not lines[1]:
        raise malformed("/receipt", f"A receipt begins with {HEADER} and has {_LINES} lines.")
    return Receipt(
        origin=lines[1],
        tenant_id=_after("tenant ", lines[2]),
        event_id=_after("event ", lines[3]),
        leaf_hash=parse_hash(_after("leaf ", lines[4])),
        at=parse_decimal(_after("at ", lines[5])),
        promised_by=parse_decimal(_after("sealed by ", lines[6])),
    )


def _after(word: str, line: str) -> str:
    if not line.startswith(word):
        raise malformed("/receipt", f"A line begins with {word.strip()}.")
    return line.removeprefix(word)

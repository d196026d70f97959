# SPDX-License-Identifier: Apache-2.0
"""The text of a checkpoint (c2sp.org/tlog-checkpoint): which log, how large, which root."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.log.note import check_text, decode, encode, malformed
from vestibule.core.log.tree import HASH_LENGTH

_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``str(checkpoint)`` is the text that is signed."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The text of a note as a checkpoint. Extension lines are refused: nobody could audit them."""
    check_text(text)
    lines = text[:-1].split("\n")
    if len(lines) != _LINES or not lines[0]:
        raise malformed("/checkpoint", "A checkpoint is three lines: origin, size, root.")
    return Checkpoint(lines[0], parse_decimal(lines[1]), parse_hash(lines[2]))


def parse_decimal(text: str) -> int:
    """A number in its one spelling, below 2^63."""
    if not text.isascii() or not text.isdecimal() or (text != "0" and text.startswith("0")) or len(text) > 19:
        raise malformed("/checkpoint", "This is not a number without leading zeroes.")
    value = int(text)
    if value >= 2**63:
        raise malformed("/checkpoint", "This number is too large.")
    return value


def parse_hash(text: str) -> bytes:
    found = decode(text)
    if len(found) != HASH_LENGTH:
        raise malformed("/checkpoint", "A hash has 32 bytes.")
    return found


def origin_of(public_url: str) -> str:
    """The log's name, of the service that is reached at *public_url*: its host and port, and /vestibule."""
    host = public_url.partition("://")[2].partition("/")[0]
    return f"{host}/vestibule"

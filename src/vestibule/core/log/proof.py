# SPDX-License-Identifier: Apache-2.0
"""The proof for one leaf as one text that needs nothing else (c2sp.org/tlog-proof).

A tenant's event is proved in two steps: in its tenant's tree, and that tree's head in the global log. The
text proves the second; ``extra`` holds the first as one canonical object.
"""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.log.checkpoint import parse_decimal, parse_hash
from vestibule.core.log.note import decode, encode, malformed

HEADER = "c2sp.org/tlog-proof@v1"
PATH_MAX = 63


@dataclass(frozen=True, slots=True)
class LogProof:
    """``checkpoint`` is the signed note, verbatim; ``extra`` is not authenticated by the format."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = "" if self.extra is None else f"extra {encode(self.extra)}\n"
        path = "".join(f"{encode(found)}\n" for found in self.path)
        return f"{HEADER}\n{extra}index {self.index}\n{path}\n{self.checkpoint}"


def parse_proof(text: str) -> LogProof:
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != HEADER:
        raise malformed("/proof", f"A proof begins with {HEADER}.")
    extra = decode(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise malformed("/proof", "A proof has an index line.")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > PATH_MAX:
        raise malformed("/proof", f"More than {PATH_MAX} hashes.")
    return LogProof(index, tuple(map(parse_hash, lines)), checkpoint, extra)

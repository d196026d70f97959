# SPDX-License-Identifier: Apache-2.0
"""One event's proof, as one text that needs nothing else: its leaf in its tenant's tree, that tree's head in
the log, the log's checkpoint.

The text is a ``c2sp.org/tlog-proof`` of the head; its ``extra`` line holds the way from the event to it, as
one canonical object: ``event`` and ``head`` as they are hashed, ``seq``, and ``path``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vestibule.core.canonical import canonical, parse_canonical
from vestibule.core.log.checkpoint import Checkpoint, parse_checkpoint
from vestibule.core.log.leaf import EventLeaf, TenantHead, parse_event_leaf, parse_global_leaf
from vestibule.core.log.note import malformed, parse_note
from vestibule.core.log.proof import LogProof, parse_proof
from vestibule.core.log.tree import HASH_LENGTH, is_included, leaf_hash

_MEMBERS = {"event", "head", "path", "seq"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventProof:
    """*leaf* and *head* are exact bytes; *checkpoint* is the signed note, verbatim."""

    leaf: bytes
    seq: int
    path: tuple[bytes, ...]
    head: bytes
    position: int
    head_path: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        extra = {
            "event": parse_canonical(self.leaf),
            "head": parse_canonical(self.head),
            "path": [one.hex() for one in self.path],
            "seq": self.seq,
        }
        proof = LogProof(self.position, self.head_path, self.checkpoint, canonical(extra).encode())
        return str(proof)


def parse_event_proof(text: str) -> EventProof:
    """The proof that *text* spells; nothing is checked yet."""
    proof = parse_proof(text)
    extra = parse_canonical(proof.extra or b"")
    if set(extra) != _MEMBERS or not isinstance(extra["path"], list) or type(extra["seq"]) is not int:
        raise malformed("/proof", "This proof leads to no event.")
    return EventProof(
        leaf=_spell(extra["event"]),
        seq=extra["seq"],
        path=tuple(map(_read_hash, extra["path"])),
        head=_spell(extra["head"]),
        position=proof.index,
        head_path=proof.path,
        checkpoint=proof.checkpoint,
    )


def check_event_proof(proof: EventProof) -> tuple[EventLeaf, Checkpoint]:
    """The event, and the checkpoint that it stands under. Who signed that is for the caller to judge.

    Raises:
        InvalidRequestError: the proof does not lead from the event to the checkpoint.
    """
    event, head = parse_event_leaf(proof.leaf), parse_global_leaf(proof.head)
    if not isinstance(head, TenantHead):
        raise malformed("/proof", "What stands in the log is no tenant's head.")
    if not is_included(proof.seq, head.size, leaf_hash(proof.leaf), proof.path, head.root):
        raise malformed("/proof", "The event is not in its tenant's tree.")
    checkpoint = parse_checkpoint(parse_note(proof.checkpoint).text)
    hashed = leaf_hash(proof.head)
    if not is_included(proof.position, checkpoint.size, hashed, proof.head_path, checkpoint.root):
        raise malformed("/proof", "The tenant's head is not in the log.")
    return event, checkpoint


def _spell(document: Any) -> bytes:
    if not isinstance(document, dict):
        raise malformed("/proof", "This proof leads to no event.")
    return canonical(document).encode()


def _read_hash(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 2 * HASH_LENGTH:
        raise malformed("/proof", "A hash has 64 hexadecimal digits.")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise malformed("/proof", "A hash has 64 hexadecimal digits.") from None

# SPDX-License-Identifier: Apache-2.0
"""What a log sends to ``add-checkpoint``, in its exact form."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.log.checkpoint import Checkpoint, parse_checkpoint, parse_decimal, parse_hash
from vestibule.core.log.note import Note, malformed, parse_note

PROOF_MAX = 63


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint, and the way to it from the size that the witness is said to know."""

    old_size: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note


def parse_submission(body: bytes) -> Submission:
    """Read a request's body.

    Raises:
        InvalidRequestError: it has not the form.
    """
    try:
        head, blank, text = body.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise malformed("/body", "This is not UTF-8.") from error
    old, *lines = head.split("\n")
    if not blank or not old.startswith("old ") or len(lines) > PROOF_MAX:
        raise malformed("/body", "A submission is: old size, at most 63 hashes, an empty line, a checkpoint.")
    note = parse_note(text)
    return Submission(
        old_size=parse_decimal(old.removeprefix("old ")),
        path=tuple(map(parse_hash, lines)),
        checkpoint=parse_checkpoint(note.text),
        note=note,
    )

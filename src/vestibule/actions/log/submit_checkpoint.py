# SPDX-License-Identifier: Apache-2.0
"""The log's newest head goes to its witnesses, and what they sign is kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from vestibule.core.log.growth import consistency_path
from vestibule.core.log.note import encode
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The body of one request to a witness (c2sp.org/tlog-witness), and what it is about."""

    size: int
    note: str
    body: str


def prepare_submission(uow: UnitOfWork, witness: str, *, old_size: int | None = None) -> Submission | None:
    """What *witness* has not seen yet; None when it has seen the newest head.

    *old_size* is what the witness says it knows; without it, what it cosigned last.
    """
    newest = uow.checkpoints.find_newest()
    old = uow.checkpoints.find_witnessed_size(witness) if old_size is None else old_size
    if newest is None or (old_size is None and old >= newest.size) or old > newest.size:
        return None
    path = consistency_path(old, newest.size, partial(uow.log.read_hashes, uow.log.get_log()))
    lines = "".join(f"{encode(found)}\n" for found in path)
    return Submission(size=newest.size, note=newest.note, body=f"old {old}\n{lines}\n{newest.note}")


def keep_cosignature(uow: UnitOfWork, size: int, *, witness: str, line: str) -> None:
    """The witness's line stands beside the checkpoint; the first of each witness stays."""
    uow.checkpoints.add_cosignature(size, witness=witness, line=line)
    uow.commit()

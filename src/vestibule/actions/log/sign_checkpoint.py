# SPDX-License-Identifier: Apache-2.0
"""A head of the log gets its one signature: claimed, signed outside of any transaction, kept.

A provider may take seconds, or be down: sealing does not wait for it. Whoever claims a head signs it alone;
a claim that lapses is anybody's again, and what its late holder then brings is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from vestibule.core.keys import KeyRecord, Purpose
from vestibule.core.log.checkpoint import Checkpoint
from vestibule.core.token import mint_id
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedHead:
    """A head that its holder alone signs."""

    checkpoint: Checkpoint
    key: KeyRecord
    claimed_by: str


def claim_head(uow: UnitOfWork, *, origin: str, lease: timedelta) -> ClaimedHead | None:
    """The newest head, to be signed; None when it is signed, somebody signs it, or no key is in use."""
    key = uow.keys.find_active(Purpose.CHECKPOINT)
    if key is None or not uow.log.lock():
        return None
    edge = uow.log.get_log().edge
    newest = uow.checkpoints.find_newest()
    if edge.size == 0 or (newest is not None and newest.size >= edge.size):
        return None
    holder = mint_id()
    if not uow.checkpoints.claim(edge.size, edge.root, claimed_by=holder, until=uow.now() + lease):
        return None
    uow.commit()
    return ClaimedHead(checkpoint=Checkpoint(origin, edge.size, edge.root), key=key, claimed_by=holder)


def keep_checkpoint(uow: UnitOfWork, head: ClaimedHead, note: str) -> bool:
    """The signed *note* stands for this size, for ever; False when the claim had lapsed."""
    is_kept = uow.checkpoints.keep(
        head.checkpoint.size, note, claimed_by=head.claimed_by, key_id=head.key.key_id
    )
    uow.commit()
    return is_kept


def put_off(uow: UnitOfWork, head: ClaimedHead, *, wait: timedelta) -> None:
    """Signing failed; the next try, of the head as it is then, comes after *wait*."""
    until = uow.now() + wait
    uow.checkpoints.put_off(head.checkpoint.size, claimed_by=head.claimed_by, until=until)
    uow.commit()


def is_unsigned(uow: UnitOfWork) -> bool:
    """Whether the newest head waits for its signature: a look that takes no lock."""
    newest = uow.checkpoints.find_newest()
    return uow.log.get_log().edge.size > (0 if newest is None else newest.size)

# SPDX-License-Identifier: Apache-2.0
"""What anybody may fetch of the log (c2sp.org/tlog-tiles): its checkpoint, its entries, its hashes.

Entries are heads of trees under pseudonyms, and manifests: nothing of a tenant but that there is one.
"""

from __future__ import annotations

from functools import partial

from vestibule.core.log.growth import TILE_HEIGHT, TILE_WIDTH, consistency_path
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def get_checkpoint(uow: UnitOfWork) -> str:
    """The newest signed checkpoint as a note, with the cosignatures it has got.

    Raises:
        NotFoundError: none has been signed yet.
    """
    found = uow.checkpoints.find_newest()
    if found is None:
        raise NotFoundError
    return found.note + "".join(uow.checkpoints.list_cosignatures(found.size))


def get_tile(uow: UnitOfWork, level: int, place: int, width: int) -> bytes:
    """*width* hashes of a tile.

    Raises:
        NotFoundError: the log has not that many.
    """
    start = place * TILE_WIDTH
    hashes = uow.log.read_hashes(uow.log.get_log(), level * TILE_HEIGHT, start, start + width)
    if len(hashes) != width:
        raise NotFoundError
    return b"".join(hashes)


def get_entries(uow: UnitOfWork, place: int, width: int) -> bytes:
    """*width* entries of a bundle, each after its length in two bytes.

    Raises:
        NotFoundError: the log has not that many.
    """
    start = place * TILE_WIDTH
    entries = uow.log.list_entries(start, start + width)
    if len(entries) != width:
        raise NotFoundError
    return b"".join(len(one.entry).to_bytes(2) + one.entry for one in entries)


def prove_growth(uow: UnitOfWork, old_size: int, size: int) -> tuple[bytes, ...]:
    """That the log of *old_size* is the beginning of that of *size*.

    Raises:
        NotFoundError: it has never been that large.
    """
    log = uow.log.get_log()
    if not 0 <= old_size <= size <= log.edge.size:
        raise NotFoundError
    return consistency_path(old_size, size, partial(uow.log.read_hashes, log))

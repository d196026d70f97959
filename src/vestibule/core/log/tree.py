# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of RFC 9162 (2.1): heads, proofs, and the few hashes a writer needs to go on.

Whatever is called ``leaves`` here is a sequence of leaf hashes, never the leaves themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HASH_LENGTH = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The right edge of a tree: its size and at most 64 hashes, enough to append and to name the root.

    ``hashes`` are the roots of the perfect subtrees, the largest first: one for each bit set in ``size``.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("as many hashes as the size has bits set")

    def extend(self, leaves: Iterable[bytes]) -> CompactRange:
        """The range after appending *leaves* (leaf hashes)."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            hashes.append(leaf)
            size += 1
            rest = size
            while rest % 2 == 0:
                right = hashes.pop()
                hashes[-1] = node_hash(hashes[-1], right)
                rest //= 2
        return CompactRange(size, tuple(hashes))

    @property
    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        found = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            found = node_hash(left, found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The head of the tree over *leaves*."""
    return CompactRange().extend(leaves).root


def prove_inclusion(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """That the leaf at *index* is in the tree over *leaves* (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < len(leaves):
        raise ValueError("no leaf at this index")
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    return tuple(reversed(path))


def prove_consistency(old_size: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """That the first *old_size* leaves are still the first (RFC 9162, 2.1.4.1)."""
    if not 0 <= old_size <= len(leaves):
        raise ValueError("the old tree is not larger than the new")
    if old_size in (0, len(leaves)):
        return ()
    path: list[bytes] = []
    start, end, is_whole = 0, len(leaves), True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start, is_whole = middle, False
    if not is_whole:
        path.append(root_of(leaves[start:end]))
    return tuple(reversed(path))


def is_included(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Does *path* show the leaf hash at *index* in the tree of *size* with *root* (RFC 9162, 2.1.3.2)?"""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and found == root


def is_consistent(old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """Does *path* show that the old tree is the beginning of the new (RFC 9162, 2.1.4.2)?"""
    if old_size == size:
        return not path and old_root == root
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT
    if not 0 < old_size < size or not path:
        return False
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    position, last = old_size - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_found = found = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_found, found = node_hash(sibling, old_found), node_hash(sibling, found)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old_found == old_root and found == root


def _split(count: int) -> int:
    """The largest power of two below *count*."""
    return 1 << ((count - 1).bit_length() - 1)

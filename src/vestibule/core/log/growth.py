# SPDX-License-Identifier: Apache-2.0
"""How a stored tree grows, and which stored hashes a proof needs.

Stored are the leaves and the roots of complete subtrees of 256, 65,536, … leaves (the tiles of
c2sp.org/tlog-tiles), so that a proof in a tree of any size reads a few hundred hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vestibule.core.log.tree import CompactRange, node_hash, root_of

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

Span: TypeAlias = tuple[int, int]
# The stored hashes of one level (0: leaves), from the first place to before the second.
ReadHashes: TypeAlias = Callable[[int, int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The root of a complete subtree of ``1 << level`` leaves, the ``place``-th of its level."""

    level: int
    place: int
    node_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTree:
    """One tree as it stands. ``tenant_id`` is None for the log itself."""

    tree_id: str
    tenant_id: str | None
    edge: CompactRange


def grow(edge: CompactRange, leaves: Sequence[bytes]) -> tuple[CompactRange, list[Node]]:
    """The tree after appending *leaves* (leaf hashes), and the nodes that must be stored with it."""
    size, hashes, nodes = edge.size, list(edge.hashes), []
    for leaf in leaves:
        hashes.append(leaf)
        size += 1
        level, rest = 0, size
        while rest % 2 == 0:
            right = hashes.pop()
            hashes[-1] = node_hash(hashes[-1], right)
            level, rest = level + 1, rest // 2
            if level % TILE_HEIGHT == 0:
                nodes.append(Node(level=level, place=rest - 1, node_hash=hashes[-1]))
    return CompactRange(size, tuple(hashes)), nodes


def inclusion_path(index: int, size: int, read: ReadHashes) -> tuple[bytes, ...]:
    """That the leaf at *index* is in the tree of *size* (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("no leaf at this index")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(span_root((middle, end), read))
            end = middle
        else:
            path.append(span_root((start, middle), read))
            start = middle
    return tuple(reversed(path))


def consistency_path(old_size: int, size: int, read: ReadHashes) -> tuple[bytes, ...]:
    """That the tree of *old_size* is the beginning of that of *size* (RFC 9162, 2.1.4.1)."""
    if not 0 <= old_size <= size:
        raise ValueError("the old tree is not larger than the new")
    if old_size in (0, size):
        return ()
    path: list[bytes] = []
    start, end, is_whole = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(span_root((middle, end), read))
            end = middle
        else:
            path.append(span_root((start, middle), read))
            start, is_whole = middle, False
    if not is_whole:
        path.append(span_root((start, end), read))
    return tuple(reversed(path))


def span_root(span: Span, read: ReadHashes) -> bytes:
    """The root over the leaves of *span*, which is a subtree of its tree: complete, or the right edge."""
    start, end = span
    count = end - start
    if count & (count - 1):
        middle = start + _split(count)
        return node_hash(span_root((start, middle), read), span_root((middle, end), read))
    level = count.bit_length() - 1
    stored = level - level % TILE_HEIGHT
    hashes = read(stored, start >> stored, end >> stored)
    if len(hashes) != count >> stored:
        raise ValueError("the stored tree has a gap")
    return root_of(hashes)


def _split(count: int) -> int:
    """The largest power of two below *count*."""
    return 1 << ((count - 1).bit_length() - 1)

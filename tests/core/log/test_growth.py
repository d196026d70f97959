# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.log.growth import Node, consistency_path, grow, inclusion_path
from vestibule.core.log.tree import (
    CompactRange,
    is_consistent,
    is_included,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
)

LEAVES = [leaf_hash(number.to_bytes(4)) for number in range(700)]


class Shelf:
    """What a database keeps of a tree: leaves, and the roots of complete tiles."""

    def __init__(self, leaves: Sequence[bytes], batches: Sequence[int]) -> None:
        self.edge = CompactRange()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        self._leaves = leaves
        at = 0
        for count in [*batches, len(leaves)]:
            self.edge, made = grow(self.edge, leaves[at : at + count])
            self._keep(made)
            at = self.edge.size

    def read(self, level: int, start: int, end: int) -> Sequence[bytes]:
        self.reads += end - start
        if level == 0:
            return self._leaves[start:end]
        return [self.nodes[level, place] for place in range(start, end)]

    def _keep(self, made: Sequence[Node]) -> None:
        for node in made:
            assert (node.level, node.place) not in self.nodes
            self.nodes[node.level, node.place] = node.node_hash


@pytest.mark.covers("AUD-03")
@given(st.lists(st.integers(0, 300), max_size=5))
def test_however_a_tree_is_fed_it_is_the_same_tree(batches: list[int]) -> None:
    shelf = Shelf(LEAVES, batches)
    assert shelf.edge == CompactRange().extend(LEAVES)
    assert set(shelf.nodes) == {(8, 0), (8, 1)}


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 700])
def test_paths_from_stored_hashes_are_those_of_the_rfc(size: int) -> None:
    shelf = Shelf(LEAVES[:size], [])
    for index in {0, 1, size // 2, 254, 255, 256, size - 1} & set(range(size)):
        path = inclusion_path(index, size, shelf.read)
        assert path == prove_inclusion(index, LEAVES[:size])
        assert is_included(index, size, LEAVES[index], path, shelf.edge.root)
        assert not is_included(index, size, LEAVES[index - 1], path, shelf.edge.root) or size == 1
    for old in {0, 1, size // 3, 255, 256, size - 1, size} & set(range(size + 1)):
        path = consistency_path(old, size, shelf.read)
        assert path == prove_consistency(old, LEAVES[:size])
        before = CompactRange().extend(LEAVES[:old]).root
        assert is_consistent(old, size, before, shelf.edge.root, path)


@pytest.mark.covers("AUD-03")
def test_a_proof_reads_some_hundreds_of_hashes_of_a_large_tree() -> None:
    leaves = [leaf_hash(number.to_bytes(4)) for number in range(100_000)]
    shelf = Shelf(leaves, [])
    path = inclusion_path(77_777, 100_000, shelf.read)
    assert is_included(77_777, 100_000, leaves[77_777], path, shelf.edge.root)
    assert shelf.reads < 700


@pytest.mark.covers("AUD-03")
def test_a_hole_in_what_is_stored_is_no_proof() -> None:
    shelf = Shelf(LEAVES, [])
    with pytest.raises(ValueError, match="gap"):
        inclusion_path(0, 700, lambda level, start, end: shelf.read(level, start, end)[1:])
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(700, 700, shelf.read)
    with pytest.raises(ValueError, match="not larger"):
        consistency_path(701, 700, shelf.read)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from vestibule.core.log.tree import (
    EMPTY_ROOT,
    CompactRange,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root_of,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/log/tree.json").read_text())
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in VECTORS["inputs"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
MANY = [leaf_hash(bytes([number])) for number in range(70)]
HEADS = [root_of(MANY[:size]) for size in range(71)]


@pytest.mark.covers("AUD-03")
def test_the_nine_heads_of_the_rfc_s_inputs_are_the_published_ones() -> None:
    assert [root_of(LEAVES[:size]) for size in range(9)] == ROOTS
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.covers("AUD-03")
def test_the_vectors_proofs_are_made_and_verified() -> None:
    for case in VECTORS["inclusion"]:
        path = tuple(map(bytes.fromhex, case["path"]))
        index, size = case["index"], case["size"]
        assert prove_inclusion(index, LEAVES[:size]) == path
        assert is_included(index, size, LEAVES[index], path, ROOTS[size])
    for case in VECTORS["consistency"]:
        path = tuple(map(bytes.fromhex, case["path"]))
        old, size = case["old"], case["size"]
        assert prove_consistency(old, LEAVES[:size]) == path
        assert is_consistent(old, size, ROOTS[old], ROOTS[size], path)


def test_a_range_that_goes_on_in_steps_is_the_tree_built_at_once() -> None:
    whole = CompactRange().extend(MANY)
    for size in range(71):
        part = CompactRange().extend(MANY[:size])
        assert part.root == HEADS[size]
        assert CompactRange(part.size, part.hashes).extend(MANY[size:]) == whole
    with pytest.raises(ValueError, match="bits"):
        CompactRange(3, (MANY[0],))


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize("size", range(1, 71))
def test_every_inclusion_proof_verifies_and_no_changed_one_does(size: int) -> None:
    for index in range(size):
        path = prove_inclusion(index, MANY[:size])
        root = HEADS[size]
        assert is_included(index, size, MANY[index], path, root)
        assert not is_included(index, size, leaf_hash(b"another"), path, root)
        assert not is_included(index, size, MANY[index], (*path, root), root)
        assert not is_included(index, size, MANY[index], path, HEADS[size - 1])
        assert not is_included(size, size, MANY[index], path, root)
        assert not is_included(-1, size, MANY[index], path, root)
        if path:
            assert not is_included(index, size, MANY[index], path[:-1], root)
            assert not is_included(index ^ 1, size, MANY[index], path, root)


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize("size", range(1, 71))
def test_every_consistency_proof_verifies_and_no_changed_one_does(size: int) -> None:
    for old in range(1, size):
        path = prove_consistency(old, MANY[:size])
        assert is_consistent(old, size, HEADS[old], HEADS[size], path)
        assert not is_consistent(old, size, HEADS[old - 1], HEADS[size], path)
        assert not is_consistent(old, size, HEADS[old], HEADS[size - 1], path)
        assert not is_consistent(old, size, HEADS[old], HEADS[size], path[:-1])
        assert not is_consistent(old, size, HEADS[old], HEADS[size], (*path, MANY[0]))
        assert not is_consistent(size, old, HEADS[size], HEADS[old], path)
    assert is_consistent(size, size, HEADS[size], HEADS[size], ())
    assert not is_consistent(size, size, HEADS[size - 1], HEADS[size], ())
    assert not is_consistent(size, size, HEADS[size], HEADS[size], (MANY[0],))
    assert is_consistent(0, size, EMPTY_ROOT, HEADS[size], ())
    assert not is_consistent(0, size, MANY[0], HEADS[size], ())


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert leaf_hash(MANY[0] + MANY[1]) != node_hash(MANY[0], MANY[1])


def test_a_proof_of_what_is_not_there_is_not_made() -> None:
    with pytest.raises(ValueError, match="no leaf"):
        prove_inclusion(3, MANY[:3])
    with pytest.raises(ValueError, match="not larger"):
        prove_consistency(4, MANY[:3])

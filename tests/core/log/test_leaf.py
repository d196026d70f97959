# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.canonical import INTEGER_MAX, canonical, parse_canonical
from vestibule.core.event import EventRecord
from vestibule.core.log.leaf import (
    EventLeaf,
    Manifest,
    TenantHead,
    event_leaf,
    manifest_root,
    parse_event_leaf,
    parse_global_leaf,
)
from vestibule.core.log.tree import leaf_hash, root_of
from vestibule.errors import InvalidRequestError

VECTORS = Path(__file__).parents[2] / "vectors/log"
EVENTS = json.loads((VECTORS / "events.json").read_text())
GLOBAL = json.loads((VECTORS / "global.json").read_text())

_NAMES = st.text(st.characters(max_codepoint=0x7F), max_size=8)
_LEAVES = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text()
_DOCUMENTS = st.dictionaries(
    _NAMES,
    st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner), max_leaves=8),
)


@pytest.mark.covers("AUD-03")
@given(_DOCUMENTS)
def test_the_spelling_is_that_of_rfc_8785_and_is_read_back(document: dict[str, Any]) -> None:
    spelled = canonical(document).encode()
    assert spelled == rfc8785.dumps(document)
    assert parse_canonical(spelled) == document


@pytest.mark.parametrize(
    "document",
    [{"a": 1.5}, {"a": INTEGER_MAX + 1}, {"\u00e9": 1}, {"a": ["\ud800"]}, {"a": {"b": b""}}, {1: 2}],
)
def test_what_lies_outside_the_profile_is_not_spelled(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        canonical(document)


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"a":1,"a":1}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\/"}',
        b'{"a":1}\n',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_every_other_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_canonical(data)
    assert parse_canonical(b'{"a":1}') == {"a": 1}


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize("case", EVENTS)
def test_the_golden_events_have_these_bytes_and_hashes(case: dict[str, Any]) -> None:
    facts = {name: value for name, value in case.items() if name not in ("bytes", "leaf_hash")}
    data = bytes.fromhex(case["bytes"])
    assert EventLeaf(**facts).encode() == data
    assert leaf_hash(data).hex() == case["leaf_hash"]
    assert parse_event_leaf(data) == EventLeaf(**facts)


def test_columns_make_the_same_bytes() -> None:
    case = EVENTS[0]
    record = EventRecord(
        event_id=case["event_id"],
        kind=case["kind"],
        tenant_id=case["tenant_id"],
        invitation_id=case["invitation_id"],
        actor_id=case["actor_id"],
        correlation_id=case["correlation_id"],
        source=case["source"],
        body=json.dumps(case["body"]),
    )
    moment = datetime(2025, 10, 9, 8, 53, 20, 123999, tzinfo=UTC)
    assert event_leaf(record, moment).hex() == case["bytes"]


@pytest.mark.parametrize(
    "name,value",
    [
        ("v", 2),
        ("v", True),
        ("at", -1),
        ("at", "1"),
        ("at", True),
        ("body", []),
        ("id", None),
        ("i", 1),
        ("more", 1),
    ],
)
def test_what_is_no_event_is_refused(name: str, value: object) -> None:
    document = json.loads(bytes.fromhex(EVENTS[0]["bytes"]))
    assert parse_event_leaf(canonical(document).encode()).kind == "tenant.put"
    with pytest.raises(InvalidRequestError):
        parse_event_leaf(canonical(document | {name: value}).encode())
    del document["corr"]
    with pytest.raises(InvalidRequestError):
        parse_event_leaf(canonical(document).encode())


@pytest.mark.covers("AUD-03")
def test_the_golden_global_leaves_are_read_and_written_alike() -> None:
    heads = [parse_global_leaf(text.encode()) for text in GLOBAL["heads"]]
    manifest = parse_global_leaf(GLOBAL["manifest"].encode())
    assert isinstance(manifest, Manifest)
    tenants = [head for head in heads if isinstance(head, TenantHead)]
    assert len(tenants) == len(heads)
    assert manifest_root(reversed(tenants)) == manifest.root
    everything: list[TenantHead | Manifest] = [*tenants, manifest]
    assert [leaf.encode().decode() for leaf in everything] == [*GLOBAL["heads"], GLOBAL["manifest"]]
    assert root_of(leaf_hash(leaf.encode()) for leaf in everything).hex() == GLOBAL["root"]


@pytest.mark.parametrize(
    "document",
    [
        {"v": 1},
        {"v": 1, "tenant": "ab", "size": 1, "root": "00" * 32},
        {"v": 1, "tenant": "AB" * 32, "size": 1, "root": "00" * 32},
        {"v": 1, "tenant": "ab" * 32, "size": -1, "root": "00" * 32},
        {"v": 1, "tenant": "ab" * 32, "size": 1, "root": "00" * 31},
        {"v": 2, "tenant": "ab" * 32, "size": 1, "root": "00" * 32},
        {"v": 1, "manifest": {"day": "20261121", "root": "00" * 32}},
        {"v": 1, "manifest": {"day": "2026-11-31", "root": "00" * 32}},
        {"v": 1, "manifest": {"day": "2026-11-21"}},
        {"v": 1, "manifest": {"day": "2026-11-21", "root": "00" * 32}, "size": 1},
    ],
)
def test_what_is_no_global_leaf_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        parse_global_leaf(canonical(document).encode())

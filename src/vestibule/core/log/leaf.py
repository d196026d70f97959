# SPDX-License-Identifier: Apache-2.0
"""What is hashed: the canonical bytes of an event, of a tenant's head in the global log, of a day's manifest.

The bytes are stored as they are and never made again from columns: what is hashed is what is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vestibule.core.canonical import canonical, parse_canonical
from vestibule.core.log.note import malformed
from vestibule.core.log.tree import leaf_hash, root_of

if TYPE_CHECKING:  # the offline verifier reads leaves without the rest of the service
    from vestibule.core.event.record import EventRecord

VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = re.compile(r"[0-9a-f]{64}")
_EVENT = {"v", "id", "t", "i", "kind", "at", "actor", "corr", "source", "body"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLeaf:
    """One audit event as it is hashed. ``at``: milliseconds since 1970; ``body``: the event's own facts."""

    event_id: str
    tenant_id: str
    invitation_id: str | None
    kind: str
    at: int
    actor_id: str
    correlation_id: str
    source: str
    body: Mapping[str, Any]

    def encode(self) -> bytes:
        """The bytes to store, and to hash with ``tree.leaf_hash``."""
        document = {
            "v": VERSION,
            "id": self.event_id,
            "t": self.tenant_id,
            "i": self.invitation_id,
            "kind": self.kind,
            "at": self.at,
            "actor": self.actor_id,
            "corr": self.correlation_id,
            "source": self.source,
            "body": self.body,
        }
        return canonical(document).encode()


@dataclass(frozen=True, slots=True)
class TenantHead:
    """A leaf of the global log: one tenant's tree, under a keyed pseudonym (64 hex digits)."""

    pseudonym: str
    size: int
    root: bytes

    def encode(self) -> bytes:
        document = {"v": VERSION, "tenant": self.pseudonym, "size": self.size, "root": self.root.hex()}
        return canonical(document).encode()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A leaf of the global log, once a day: the root over every tenant's head, so none can be held back."""

    day: date
    root: bytes

    def encode(self) -> bytes:
        inner = {"day": self.day.isoformat(), "root": self.root.hex()}
        return canonical({"v": VERSION, "manifest": inner}).encode()


def event_leaf(record: EventRecord, occurred_at: datetime) -> bytes:
    """The bytes of one event as it is written; its time is the database's."""
    leaf = EventLeaf(
        event_id=record.event_id,
        tenant_id=record.tenant_id,
        invitation_id=record.invitation_id,
        kind=record.kind,
        at=milliseconds(occurred_at),
        actor_id=record.actor_id,
        correlation_id=record.correlation_id,
        source=record.source,
        body=json.loads(record.body),
    )
    return leaf.encode()


def parse_event_leaf(data: bytes) -> EventLeaf:
    """The event that *data* spells, strictly."""
    document = parse_canonical(data)
    texts = ("id", "t", "kind", "actor", "corr", "source")
    _expect(set(document) == _EVENT and document["v"] == VERSION and document["v"] is not True)
    _expect(all(isinstance(document[name], str) for name in texts))
    _expect(document["i"] is None or isinstance(document["i"], str))
    _expect(_is_count(document["at"]) and isinstance(document["body"], dict))
    return EventLeaf(
        event_id=document["id"],
        tenant_id=document["t"],
        invitation_id=document["i"],
        kind=document["kind"],
        at=document["at"],
        actor_id=document["actor"],
        correlation_id=document["corr"],
        source=document["source"],
        body=document["body"],
    )


def parse_global_leaf(data: bytes) -> TenantHead | Manifest:
    """A leaf of the global log, strictly."""
    document = parse_canonical(data)
    _expect(document.get("v") == VERSION and document["v"] is not True)
    if "manifest" in document:
        inner = document["manifest"]
        _expect(
            set(document) == {"v", "manifest"} and isinstance(inner, dict) and set(inner) == {"day", "root"}
        )
        return Manifest(_read(inner["day"], date.fromisoformat), _read_hash(inner["root"]))
    _expect(set(document) == {"v", "tenant", "size", "root"} and _is_count(document["size"]))
    pseudonym = document["tenant"]
    _expect(isinstance(pseudonym, str) and _HEX.fullmatch(pseudonym) is not None)
    return TenantHead(pseudonym, document["size"], _read_hash(document["root"]))


def manifest_root(heads: Iterable[TenantHead]) -> bytes:
    """The root over the newest head of every tenant, sorted by pseudonym."""
    ordered = sorted(heads, key=lambda head: head.pseudonym)
    return root_of(leaf_hash(head.encode()) for head in ordered)


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _read_hash(value: object) -> bytes:
    _expect(isinstance(value, str) and _HEX.fullmatch(value) is not None)
    return bytes.fromhex(str(value))


def _read(value: object, reader: Callable[[str], date]) -> date:
    try:
        found = reader(str(value))
    except ValueError:
        found = None
    _expect(found is not None and found.isoformat() == value)
    assert found is not None
    return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _expect(is_so: bool) -> None:  # noqa: FBT001 - one line per expectation
    if not is_so:
        raise malformed("/leaf", "This is not a leaf of this log.")

# SPDX-License-Identifier: Apache-2.0
"""The sealed trail: what waits, the trees, the log's entries, signed checkpoints (AUD-03)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.core.event import StoredEvent
from vestibule.core.log.growth import LogTree, Node
from vestibule.core.log.leaf import TenantHead


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvent:
    """An event that waits to be sealed; *event* is None where its row has gone meanwhile."""

    place: int
    event_id: str
    event: StoredEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLeaf:
    """Where an event stands in its tenant's tree."""

    tenant_id: str
    seq: int
    event_id: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A leaf of the log itself, as exact bytes: a tenant's head, or (with *day*) a manifest."""

    position: int
    entry: bytes
    tenant_id: str | None = None
    size: int | None = None
    day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A signed checkpoint: *note* is the text that was signed, with its signature lines."""

    size: int
    root_hash: bytes
    note: str
    key_id: str
    signed_at: datetime


class Log(Protocol):
    """Trees and entries. Writing needs ``lock``; nothing that is written ever changes."""

    def lock(self) -> bool:
        """Whether this unit of work is the one that seals; it waits for nobody."""

    def list_queued(self, limit: int) -> Sequence[QueuedEvent]:
        """What waits, in the order in which it was written."""

    def unqueue(self, places: Sequence[int]) -> None: ...

    def measure(self, at_most: int) -> tuple[int, float]:
        """How many events wait (counted up to *at_most*), and for how many seconds the first of them."""

    def get_log(self) -> LogTree:
        """The log's own tree."""

    def find_trees(self, tenant_ids: Sequence[str]) -> Mapping[str, LogTree]: ...

    def put_trees(self, trees: Sequence[LogTree], nodes: Sequence[tuple[str, Node]]) -> None:
        """Trees as they stand now, and the new nodes of each by its tree's id."""

    def add_leaves(self, leaves: Sequence[SealedLeaf]) -> None: ...

    def add_entries(self, entries: Sequence[LogEntry]) -> None: ...

    def list_heads(self) -> Iterator[TenantHead]:
        """The newest head of every tenant, by pseudonym."""

    def find_manifest_day(self) -> str | None:
        """The day of the newest manifest."""

    def find_leaf(self, event_id: str) -> SealedLeaf | None: ...

    def find_entry(self, tenant_id: str, seq: int, *, within: int) -> LogEntry | None:
        """The first head of the tenant that holds *seq*, among the first *within* entries."""

    def list_entries(self, start: int, end: int) -> Sequence[LogEntry]: ...

    def read_hashes(self, tree: LogTree, level: int, start: int, end: int) -> Sequence[bytes]:
        """Stored hashes of a level whose height is a whole number of tiles."""


class Checkpoints(Protocol):
    """Signed heads of the log: one note to a size, for ever."""

    def find_newest(self) -> StoredCheckpoint | None: ...

    def find(self, size: int) -> StoredCheckpoint | None: ...

    def claim(self, size: int, root_hash: bytes, *, claimed_by: str, until: datetime) -> bool:
        """The right to sign this head; False while somebody else has it, or when it is signed."""

    def keep(self, size: int, note: str, *, claimed_by: str, key_id: str) -> bool:
        """The note stands; False when the claim was lost."""

    def put_off(self, size: int, *, claimed_by: str, until: datetime) -> None:
        """Signing failed: nobody tries before *until*."""

    def add_cosignature(self, size: int, *, witness: str, line: str) -> None:
        """A witness's signature line; the first of each witness stays."""

    def find_witnessed_size(self, witness: str) -> int:
        """The newest size that *witness* has cosigned; 0 when there is none."""

    def list_cosignatures(self, size: int) -> Sequence[str]: ...

# SPDX-License-Identifier: Apache-2.0
"""The sealed trail in tables: queue, trees, leaves, nodes and the log's entries.

Only the sealer writes here, one at a time: an advisory lock on PostgreSQL, the write lock on SQLite. Accepts
touch nothing but the end of the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vestibule.core.log.growth import LogTree, Node
from vestibule.core.log.leaf import TenantHead
from vestibule.core.log.tree import HASH_LENGTH, CompactRange, leaf_hash
from vestibule.ports import LogEntry, QueuedEvent, SealedLeaf
from vestibule.storage.audit import read_event
from vestibule.storage.schema import (
    audit_events,
    log_entries,
    log_leaves,
    log_nodes,
    log_queue,
    log_trees,
)

LOG_TREE = "log"
_HEADS_AT_ONCE = 1_000


class SqlLog:
    """Implements ``ports.Log``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def lock(self) -> bool:
        if self._connection.dialect.name == "sqlite":
            if not self._connection.in_transaction():
                self._connection.begin()
            return True
        name = sa.func.hashtextextended("vestibule log", 0)
        return bool(self._connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(name))).scalar_one())

    def list_queued(self, limit: int) -> Sequence[QueuedEvent]:
        joined = log_queue.outerjoin(audit_events, audit_events.c.event_id == log_queue.c.event_id)
        waiting = log_queue.c.event_id.label("queued_id")
        query = sa.select(log_queue.c.place, waiting, audit_events).select_from(joined)
        return [
            QueuedEvent(
                place=row.place,
                event_id=row.queued_id,
                event=None if row.event_id is None else read_event(row),
            )
            for row in self._connection.execute(query.order_by(log_queue.c.place).limit(limit))
        ]

    def unqueue(self, places: Sequence[int]) -> None:
        # By their places, never up to one: what commits late may have a lower place.
        self._connection.execute(sa.delete(log_queue).where(log_queue.c.place.in_(places)))

    def measure(self, at_most: int) -> tuple[int, float]:
        waiting = sa.select(log_queue.c.place).limit(at_most).subquery()
        count: int = self._connection.execute(sa.select(sa.func.count()).select_from(waiting)).scalar_one()
        first = (
            sa.select(audit_events.c.occurred_at)
            .join(log_queue, log_queue.c.event_id == audit_events.c.event_id)
            .order_by(log_queue.c.place)
            .limit(1)
        )
        since = self._connection.execute(first).scalar()
        return count, 0.0 if since is None else max(0.0, (self._now() - since).total_seconds())

    def get_log(self) -> LogTree:
        row = self._connection.execute(sa.select(log_trees).where(log_trees.c.tree_id == LOG_TREE)).first()
        return LogTree(tree_id=LOG_TREE, tenant_id=None, edge=CompactRange()) if row is None else _tree(row)

    def find_trees(self, tenant_ids: Sequence[str]) -> Mapping[str, LogTree]:
        query = sa.select(log_trees).where(log_trees.c.tenant_id.in_(tenant_ids))
        return {row.tenant_id: _tree(row) for row in self._connection.execute(query)}

    def put_trees(self, trees: Sequence[LogTree], nodes: Sequence[tuple[str, Node]]) -> None:
        flavour: Any = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        put = flavour.insert(log_trees)
        changed = {"size": put.excluded.size, "frontier": put.excluded.frontier}
        put = put.on_conflict_do_update(index_elements=[log_trees.c.tree_id], set_=changed)
        rows = [
            {
                "tree_id": tree.tree_id,
                "tenant_id": tree.tenant_id,
                "size": tree.edge.size,
                "frontier": b"".join(tree.edge.hashes),
            }
            for tree in trees
        ]
        if rows:
            self._connection.execute(put, rows)
        made = [
            {"tree_id": tree_id, "level": node.level, "place": node.place, "node_hash": node.node_hash}
            for tree_id, node in nodes
        ]
        if made:
            self._connection.execute(sa.insert(log_nodes), made)

    def add_leaves(self, leaves: Sequence[SealedLeaf]) -> None:
        rows = [
            {
                "tenant_id": leaf.tenant_id,
                "seq": leaf.seq,
                "event_id": leaf.event_id,
                "leaf_hash": leaf.leaf_hash,
            }
            for leaf in leaves
        ]
        if rows:
            self._connection.execute(sa.insert(log_leaves), rows)

    def add_entries(self, entries: Sequence[LogEntry]) -> None:
        rows = [
            {
                "position": one.position,
                "entry": one.entry,
                "tenant_id": one.tenant_id,
                "size": one.size,
                "day": one.day,
            }
            for one in entries
        ]
        if rows:
            self._connection.execute(sa.insert(log_entries), rows)

    def list_heads(self) -> Iterator[TenantHead]:
        after = ""
        while True:
            query = (
                sa.select(log_trees)
                .where(log_trees.c.tenant_id.is_not(None), log_trees.c.tree_id > after)
                .order_by(log_trees.c.tree_id)
                .limit(_HEADS_AT_ONCE)
            )
            rows = self._connection.execute(query).all()
            for row in rows:
                edge = _tree(row).edge
                yield TenantHead(row.tree_id, edge.size, edge.root)
            if len(rows) < _HEADS_AT_ONCE:
                return
            after = rows[-1].tree_id

    def find_manifest_day(self) -> str | None:
        day: str | None = self._connection.execute(sa.select(sa.func.max(log_entries.c.day))).scalar()
        return day

    def find_leaf(self, event_id: str) -> SealedLeaf | None:
        row = self._connection.execute(sa.select(log_leaves).where(log_leaves.c.event_id == event_id)).first()
        if row is None:
            return None
        return SealedLeaf(
            tenant_id=row.tenant_id, seq=row.seq, event_id=row.event_id, leaf_hash=bytes(row.leaf_hash)
        )

    def find_entry(self, tenant_id: str, seq: int, *, within: int) -> LogEntry | None:
        query = (
            sa.select(log_entries)
            .where(log_entries.c.tenant_id == tenant_id, log_entries.c.size > seq)
            .order_by(log_entries.c.size)
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return None if row is None or row.position >= within else _entry(row)

    def list_entries(self, start: int, end: int) -> Sequence[LogEntry]:
        query = (
            sa.select(log_entries)
            .where(log_entries.c.position >= start, log_entries.c.position < end)
            .order_by(log_entries.c.position)
        )
        return [_entry(row) for row in self._connection.execute(query)]

    def read_hashes(self, tree: LogTree, level: int, start: int, end: int) -> Sequence[bytes]:
        if level == 0 and tree.tenant_id is None:
            return [leaf_hash(one.entry) for one in self.list_entries(start, end)]
        if level == 0:
            of_tree, place, value = (
                log_leaves.c.tenant_id == tree.tenant_id,
                log_leaves.c.seq,
                log_leaves.c.leaf_hash,
            )
        else:
            of_tree = sa.and_(log_nodes.c.tree_id == tree.tree_id, log_nodes.c.level == level)
            place, value = log_nodes.c.place, log_nodes.c.node_hash
        query = sa.select(value).where(of_tree, place >= start, place < end).order_by(place)
        return [bytes(found) for found in self._connection.execute(query).scalars()]


def _tree(row: sa.Row[Any]) -> LogTree:
    edge = bytes(row.frontier)
    hashes = tuple(edge[at : at + HASH_LENGTH] for at in range(0, len(edge), HASH_LENGTH))
    return LogTree(tree_id=row.tree_id, tenant_id=row.tenant_id, edge=CompactRange(row.size, hashes))


def _entry(row: sa.Row[Any]) -> LogEntry:
    return LogEntry(
        position=row.position,
        entry=bytes(row.entry),
        tenant_id=row.tenant_id,
        size=row.size,
        day=row.day,
    )

# SPDX-License-Identifier: Apache-2.0
"""Seal what was written since the last time: into its tenant's tree, and each tree's head into the log (AUD-03).

One sealer works at a time, whichever worker gets the lock; the order in the trees is the order in which it
finds the events, so nothing depends on who committed when. A sealer that dies leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vestibule.core.event import AuditEventMissing, StoredEvent
from vestibule.core.identity import RequestContext
from vestibule.core.log.growth import LogTree, Node, grow
from vestibule.core.log.events import leaf_of
from vestibule.core.log.leaf import Manifest, TenantHead, manifest_root
from vestibule.core.log.tree import CompactRange, leaf_hash
from vestibule.core.token import mint_secret_bytes
from vestibule.ports import LogEntry, QueuedEvent, SealedLeaf, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What one round did. *is_behind*: as much as one round takes, so there may be more."""

    events: int = 0
    missing: int = 0
    is_behind: bool = False


def has_unsealed(uow: UnitOfWork) -> bool:
    """Whether a round would do anything: a look that takes no lock."""
    if uow.log.list_queued(1):
        return True
    return uow.log.get_log().edge.size > 0 and _is_manifest_due(uow)


def measure_sealing(uow: UnitOfWork, *, at_most: int = 100_000) -> tuple[int, float]:
    """How many events wait to be sealed, and for how many seconds the first of them."""
    return uow.log.measure(at_most)


def seal_events(uow: UnitOfWork, *, limit: int, context: RequestContext) -> Sealed:
    """At most *limit* events are sealed, all of them or, when it dies on the way, none."""
    if not uow.log.lock():
        return Sealed()
    queued = uow.log.list_queued(limit)
    found = [one.event for one in queued if one.event is not None]
    missing = _report_missing(uow, queued, context)
    nodes: list[tuple[str, Node]] = []
    heads = _extend_trees(uow, found, nodes)
    _extend_log(uow, heads, nodes)
    uow.log.unqueue([one.place for one in queued])
    uow.commit()
    return Sealed(events=len(found), missing=missing, is_behind=len(queued) == limit)


def _report_missing(uow: UnitOfWork, queued: Sequence[QueuedEvent], context: RequestContext) -> int:
    # Nobody may take an event out of the trail, so somebody went round the service.
    missing = [one for one in queued if one.event is None]
    for one in missing:
        uow.audit.append(AuditEventMissing(event_id=one.event_id), actor="clock", context=context)
    return len(missing)


def _extend_trees(
    uow: UnitOfWork, events: Sequence[StoredEvent], nodes: list[tuple[str, Node]]
) -> list[LogTree]:
    """Every tenant's tree holds its *events*; the trees that grew."""
    by_tenant: dict[str, list[StoredEvent]] = {}
    for event in events:
        by_tenant.setdefault(event.record.tenant_id, []).append(event)
    known = uow.log.find_trees(list(by_tenant))
    grown: list[LogTree] = []
    leaves: list[SealedLeaf] = []
    for tenant_id, theirs in by_tenant.items():
        tree = known.get(tenant_id) or _plant(tenant_id)
        hashes = [leaf_hash(leaf_of(event)) for event in theirs]
        edge, made = grow(tree.edge, hashes)
        leaves += [
            SealedLeaf(tenant_id=tenant_id, seq=seq, event_id=event.record.event_id, leaf_hash=found)
            for seq, (event, found) in enumerate(zip(theirs, hashes, strict=True), tree.edge.size)
        ]
        nodes += [(tree.tree_id, node) for node in made]
        grown.append(replace(tree, edge=edge))
    uow.log.add_leaves(leaves)
    if grown:
        uow.log.put_trees(grown, ())
    return sorted(grown, key=lambda tree: tree.tree_id)


def _plant(tenant_id: str) -> LogTree:
    # Random, so that whoever watches the log can't tell a tenant by hashing names.
    return LogTree(tree_id=mint_secret_bytes().hex(), tenant_id=tenant_id, edge=CompactRange())


def _extend_log(uow: UnitOfWork, trees: Sequence[LogTree], nodes: list[tuple[str, Node]]) -> None:
    """The log holds the head of each of *trees*, and once a day the manifest over all heads."""
    log = uow.log.get_log()
    entries = [
        LogEntry(
            position=position,
            entry=TenantHead(tree.tree_id, tree.edge.size, tree.edge.root).encode(),
            tenant_id=tree.tenant_id,
            size=tree.edge.size,
        )
        for position, tree in enumerate(trees, log.edge.size)
    ]
    if (entries or log.edge.size) and _is_manifest_due(uow):
        day = uow.now().date()
        manifest = Manifest(day, manifest_root(uow.log.list_heads()))
        position = log.edge.size + len(entries)
        entries.append(LogEntry(position=position, entry=manifest.encode(), day=day.isoformat()))
    if not entries:
        return
    edge, made = grow(log.edge, [leaf_hash(one.entry) for one in entries])
    nodes += [(log.tree_id, node) for node in made]
    uow.log.add_entries(entries)
    uow.log.put_trees([replace(log, edge=edge)], nodes)


def _is_manifest_due(uow: UnitOfWork) -> bool:
    return (uow.log.find_manifest_day() or "") < uow.now().date().isoformat()

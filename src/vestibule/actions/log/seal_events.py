# SPDX-License-Identifier: Apache-2.0
"""Seal what was written since the last time: in its tenant's tree, each tree's head in the log (AUD-03).

One sealer works at a time, whichever worker gets the lock; the order in the trees is the order in which it
finds the events, so nothing depends on who committed when. A sealer that dies leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vestibule.core.event import AuditEventUnsealed
from vestibule.core.identity import RequestContext
from vestibule.core.log.growth import LogTree, Node, grow
from vestibule.core.log.leaf import Manifest, TenantHead, event_leaf, manifest_root
from vestibule.core.log.tree import CompactRange, leaf_hash
from vestibule.core.token import mint_secret_bytes
from vestibule.errors import InvalidRequestError
from vestibule.ports import LogEntry, QueuedEvent, SealedLeaf, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What one round did; *unsealed* are those that can't be."""

    events: int = 0
    unsealed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    tenant_id: str
    event_id: str
    leaf_hash: bytes


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
    leaves = [leaf for one in queued if (leaf := _read(uow, one, context)) is not None]
    _extend_log(uow, _extend_trees(uow, leaves))
    uow.log.unqueue([one.place for one in queued])
    uow.commit()
    return Sealed(events=len(leaves), unsealed=len(queued) - len(leaves))


def _read(uow: UnitOfWork, queued: QueuedEvent, context: RequestContext) -> _Leaf | None:
    """The leaf of an event; where it has none, that is an event itself, and holds up no other."""
    reason = "missing"
    if (event := queued.event) is not None:
        try:
            hashed = leaf_hash(event_leaf(event.record, event.occurred_at))
        except (ValueError, InvalidRequestError):
            reason = "malformed"
        else:
            return _Leaf(tenant_id=event.record.tenant_id, event_id=queued.event_id, leaf_hash=hashed)
    fact = AuditEventUnsealed(event_id=queued.event_id, reason=reason)
    uow.audit.append(fact, actor="clock", context=context)
    return None


def _extend_trees(uow: UnitOfWork, leaves: Sequence[_Leaf]) -> list[LogTree]:
    """Every tenant's tree holds its *leaves*; the trees that grew, by their pseudonyms."""
    by_tenant: dict[str, list[_Leaf]] = {}
    for leaf in leaves:
        by_tenant.setdefault(leaf.tenant_id, []).append(leaf)
    known = uow.log.find_trees(list(by_tenant))
    grown: list[LogTree] = []
    sealed: list[SealedLeaf] = []
    nodes: list[tuple[str, Node]] = []
    for tenant_id, theirs in by_tenant.items():
        tree = known.get(tenant_id) or _plant(tenant_id)
        edge, made = grow(tree.edge, [leaf.leaf_hash for leaf in theirs])
        sealed += [
            SealedLeaf(tenant_id=tenant_id, seq=seq, event_id=leaf.event_id, leaf_hash=leaf.leaf_hash)
            for seq, leaf in enumerate(theirs, tree.edge.size)
        ]
        nodes += [(tree.tree_id, node) for node in made]
        grown.append(replace(tree, edge=edge))
    uow.log.add_leaves(sealed)
    uow.log.put_trees(grown, nodes)
    return sorted(grown, key=lambda tree: tree.tree_id)


def _plant(tenant_id: str) -> LogTree:
    # Random, so that whoever watches the log can't tell a tenant by hashing names.
    return LogTree(tree_id=mint_secret_bytes().hex(), tenant_id=tenant_id, edge=CompactRange())


def _extend_log(uow: UnitOfWork, trees: Sequence[LogTree]) -> None:
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
    uow.log.add_entries(entries)
    uow.log.put_trees([replace(log, edge=edge)], [(log.tree_id, node) for node in made])


def _is_manifest_due(uow: UnitOfWork) -> bool:
    return (uow.log.find_manifest_day() or "") < uow.now().date().isoformat()

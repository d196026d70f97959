# SPDX-License-Identifier: Apache-2.0
"""The sealed trail looked at as an auditor would: every tree is built again from the rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.lanes import Call
from tests.world import HOST, World
from vestibule.actions.keys.turn_keys import create_key
from vestibule.actions.log.seal_events import Sealed, has_unsealed, seal_events
from vestibule.actions.log.sign_checkpoint import ClaimedHead, claim_head, keep_checkpoint
from vestibule.core.event import EventRecord
from vestibule.core.keys import KeyRecord
from vestibule.core.log.leaf import Manifest, TenantHead, event_leaf, parse_global_leaf
from vestibule.core.log.tree import leaf_hash, root_of
from vestibule.core.token import mint_secret
from vestibule.delivery.sealing import sign_head
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey, create_store
from vestibule.ports import KeyProvider, StoredCheckpoint
from vestibule.storage.schema import audit_events, log_entries, log_leaves, log_queue, log_trees

ORIGIN = "vestibule.example.com/vestibule"


@dataclass(frozen=True)
class Trail:
    """A world and what is done with its log."""

    world: World

    def seal(self, limit: int = 2_000) -> Sealed:
        return self.world.do(self.sealing(limit))

    def sealing(self, limit: int = 2_000) -> Call[Sealed]:
        return Call("run", lambda uow: seal_events(uow, limit=limit, context=self.world.context))

    def is_behind(self) -> bool:
        return self.world.do(Call("read", has_unsealed))

    def make_key(self, provider: KeyProvider, purpose: str = "checkpoint") -> KeyRecord:
        return self.world.do(
            Call(
                "run",
                lambda uow: create_key(uow, HOST, purpose, provider=provider, context=self.world.context),
            )
        )

    def claim(self, **lease: float) -> ClaimedHead | None:
        from datetime import timedelta  # noqa: PLC0415

        length = timedelta(**(lease or {"seconds": 60}))
        return self.world.do(Call("run", lambda uow: claim_head(uow, origin=ORIGIN, lease=length)))

    def keep(self, head: ClaimedHead, note: str) -> bool:
        return self.world.do(Call("run", lambda uow: keep_checkpoint(uow, head, note)))

    def sign(self, provider: KeyProvider) -> bool:
        head = self.claim()
        return head is not None and self.keep(head, sign_head(provider, head))

    def newest(self) -> StoredCheckpoint | None:
        return self.world.do(Call("read", lambda uow: uow.checkpoints.find_newest()))

    def check(self) -> int:
        """One tree to a tenant, every event in it once and unchanged, every head true; events sealed."""
        return check_trail(self.world.lane.engine)


def check_trail(engine: sa.Engine) -> int:
    """See ``Trail.check``."""
    with engine.connect() as connection:
        events = {row.event_id: row for row in connection.execute(sa.select(audit_events))}
        queued = set(connection.execute(sa.select(log_queue.c.event_id)).scalars())
        leaves = connection.execute(
            sa.select(log_leaves).order_by(log_leaves.c.tenant_id, log_leaves.c.seq)
        ).all()
        trees = {row.tree_id: row for row in connection.execute(sa.select(log_trees))}
        entries = connection.execute(sa.select(log_entries).order_by(log_entries.c.position)).all()
    sealed = {leaf.event_id for leaf in leaves}
    assert len(sealed) == len(leaves)
    assert sealed | queued >= set(events)
    assert not sealed & queued
    by_tenant: dict[str, list[bytes]] = {}
    for leaf in leaves:
        theirs = by_tenant.setdefault(leaf.tenant_id, [])
        assert leaf.seq == len(theirs)
        assert leaf.leaf_hash == leaf_hash(_leaf(events[leaf.event_id]))
        theirs.append(leaf.leaf_hash)
    of_tree = {tree_id: by_tenant.get(row.tenant_id, []) for tree_id, row in trees.items()}
    sizes: dict[str, int] = {}
    for position, entry in enumerate(entries):
        assert entry.position == position
        head = parse_global_leaf(entry.entry)
        if isinstance(head, TenantHead):
            assert (trees[head.pseudonym].tenant_id, head.size) == (entry.tenant_id, entry.size)
            assert head.size > sizes.get(head.pseudonym, 0)
            assert head.root == root_of(of_tree[head.pseudonym][: head.size])
            sizes[head.pseudonym] = head.size
        else:
            assert isinstance(head, Manifest)
    assert {tree_id: len(found) for tree_id, found in of_tree.items() if tree_id != "log"} == sizes
    if entries:
        log = trees["log"]
        assert log.size == len(entries)
    return len(sealed)


def _leaf(row: Any) -> bytes:
    names = ("event_id", "kind", "tenant_id", "invitation_id", "actor_id", "correlation_id", "source", "body")
    return event_leaf(EventRecord(**{name: getattr(row, name) for name in names}), row.occurred_at)


def make_provider(folder: Path) -> FileProvider:
    """An encrypted key store of its own."""
    master = MasterKey(mint_secret(""))
    create_store(folder / "keys", master)
    return FileProvider(folder / "keys", master)

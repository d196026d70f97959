# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.actions.trail import ORIGIN, Trail, make_provider
from tests.lanes import Call
from tests.world import VERA, World, person
from vestibule.auditing.signatures import verify_signature
from vestibule.core.keys import KeyRecord
from vestibule.core.log.checkpoint import parse_checkpoint
from vestibule.core.log.leaf import Manifest, TenantHead, manifest_root, parse_global_leaf
from vestibule.core.log.note import note_key, parse_note, signed_by
from vestibule.core.log.tree import leaf_hash, root_of
from vestibule.delivery.sealing import LogSealer, SealPolicy, sign_head
from vestibule.errors import KeyProviderError
from vestibule.keys.file import FileProvider
from vestibule.storage.schema import audit_events, checkpoints, log_entries, log_leaves, log_queue


@pytest.fixture
def trail(world: World) -> Trail:
    """A founded service with a trail."""
    world.found()
    return Trail(world)


class DeadProvider(FileProvider):
    """Its signatures fail."""

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        raise KeyProviderError(f"no signature of {len(data)} bytes by {key.key_id} today")


class Plainly:
    """The world's lane as a runner of the event loop."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(
            self._world.lane.do, Call("run", lambda uow: action(uow, *args, **kwargs))
        )

    read = claim = run


def make_sealer(world: World, provider: FileProvider | None) -> LogSealer:
    policy = SealPolicy(retry_after=timedelta(seconds=30))
    return LogSealer(
        runner=Plainly(world),
        provider=provider,
        public_url=f"https://{ORIGIN.partition('/')[0]}",
        policy=policy,
    )


@pytest.mark.covers("AUD-03")
def test_what_happened_is_sealed_once_in_the_order_it_was_written(trail: Trail) -> None:
    issued = trail.world.do(trail.world.issue(VERA))
    trail.world.do(trail.world.accept(VERA, issued))
    assert trail.is_behind()
    sealed = trail.seal()
    assert sealed.events == len(trail.world.events()) == trail.check()
    order = [row["event_id"] for row in trail.world.rows(log_leaves, tenant_id="acme")]
    assert order == [one["event_id"] for one in trail.world.events(tenant_id="acme")]
    assert not trail.is_behind()
    assert trail.seal().events == 0


@pytest.mark.covers("AUD-03")
def test_batches_make_the_tree_that_one_batch_makes(trail: Trail) -> None:
    for number in range(5):
        trail.world.do(trail.world.issue(person(f"p{number}")))
    rounds = 0
    while trail.is_behind():
        assert trail.seal(limit=3).events <= 3
        trail.check()
        rounds += 1
    assert rounds == -(-len(trail.world.events()) // 3)
    leaves = [bytes(row["leaf_hash"]) for row in trail.world.rows(log_leaves, tenant_id="acme")]
    heads = [
        parse_global_leaf(bytes(row["entry"])) for row in trail.world.rows(log_entries, tenant_id="acme")
    ]
    last = heads[-1]
    assert isinstance(last, TenantHead)
    assert (last.size, last.root) == (len(leaves), root_of(leaves))


@pytest.mark.covers("AUD-03")
def test_each_day_has_one_manifest_over_every_head(trail: Trail) -> None:
    trail.seal()
    trail.world.found(tenant="other")
    trail.seal()
    if trail.world.lane.is_sqlite:
        # PostgreSQL's own clock does not move: there the second day is still to come.
        trail.world.pass_time(days=1)
        assert trail.is_behind()
        trail.seal()
    assert not trail.is_behind()
    entries = [bytes(row["entry"]) for row in trail.world.rows(log_entries)]
    found = [parse_global_leaf(entry) for entry in entries]
    manifests = [one for one in found if isinstance(one, Manifest)]
    newest = {one.pseudonym: one for one in found if isinstance(one, TenantHead)}
    if trail.world.lane.is_sqlite:
        assert manifests[-1] == found[-1]
        assert manifests[-1].root == manifest_root(newest.values())
        assert len(manifests) == 2
    first = found.index(manifests[0])
    before = [one for one in found[:first] if isinstance(one, TenantHead)]
    assert manifests[0].root == manifest_root(before)


@pytest.mark.covers("AUD-03", "K08")
def test_K08_an_event_that_is_gone_before_it_is_sealed_is_an_event_itself(trail: Trail) -> None:
    trail.world.meddle()
    trail.seal()
    trail.world.do(trail.world.issue(VERA))
    [gone] = [one["event_id"] for one in trail.world.events("invitation.issued")]
    _without_guards(trail.world, "DELETE FROM vestibule_audit_events WHERE event_id = :one", one=gone)
    # Not by the world, whose invariants miss the event as well.
    assert trail.world.lane.do(trail.sealing()).unsealed == 1
    [told] = trail.world.rows(audit_events, kind="audit.event_unsealed")
    assert json.loads(told["body"]) == {"event_id": gone, "reason": "missing"}
    trail.world.lane.do(trail.sealing())
    assert trail.world.rows(log_queue) == []


@pytest.mark.covers("AUD-03", "K08")
def test_K08_a_malformed_event_holds_up_no_other(trail: Trail) -> None:
    trail.world.execute(
        "INSERT INTO vestibule_audit_events SELECT 'odd', tenant_id, invitation_id, kind, occurred_at, actor_id,"
        " correlation_id, source, '{\"share\"\\:0.5}' FROM vestibule_audit_events WHERE kind = 'tenant.put'"
    )
    sealed = trail.seal()
    assert (sealed.events, sealed.unsealed) == (len(trail.world.rows(audit_events)) - 2, 1)
    [told] = trail.world.rows(audit_events, kind="audit.event_unsealed")
    assert json.loads(told["body"]) == {"event_id": "odd", "reason": "malformed"}


@pytest.mark.covers("AUD-02", "AUD-03")
@pytest.mark.parametrize("table", ["log_leaves", "log_entries", "checkpoints"])
@pytest.mark.parametrize("act", ["UPDATE {} SET size = 0", "DELETE FROM {}"])
def test_what_is_sealed_or_signed_can_be_neither_changed_nor_removed(
    trail: Trail, tmp_path: Path, table: str, act: str
) -> None:
    provider = make_provider(tmp_path)
    trail.make_key(provider)
    trail.seal()
    assert trail.sign(provider)
    change = act.replace("size = 0", "seq = 0" if table == "log_leaves" else "size = 0")
    with pytest.raises(sa.exc.IntegrityError, match="append only"):
        trail.world.execute(change.format(f"vestibule_{table}"))
    trail.check()


@pytest.mark.covers("AUD-03", "TOK-04")
def test_a_head_gets_one_note_by_one_signer(trail: Trail, tmp_path: Path) -> None:
    provider = make_provider(tmp_path)
    assert trail.claim() is None
    key = trail.make_key(provider)
    trail.seal()
    head = trail.claim()
    assert head is not None
    assert trail.claim() is None
    assert trail.keep(head, sign_head(provider, head))
    assert not trail.keep(head, "another note")
    assert trail.claim() is None
    kept = trail.newest()
    assert kept is not None
    assert key.public_key is not None
    note = parse_note(kept.note)
    assert set(signed_by(note, [note_key(ORIGIN, key.public_key)], verify_signature))
    entries = [leaf_hash(bytes(row["entry"])) for row in trail.world.rows(log_entries)]
    checkpoint = parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, len(entries), root_of(entries))


@pytest.mark.covers("AUD-03", "TOK-04")
def test_a_signer_that_dies_is_followed_and_what_it_brings_late_is_not_kept(
    trail: Trail, tmp_path: Path
) -> None:
    provider = make_provider(tmp_path)
    trail.make_key(provider)
    trail.seal()
    slow = trail.claim(seconds=60)
    assert slow is not None
    trail.world.pass_time(seconds=61)
    follower = trail.claim()
    assert follower is not None
    assert follower.checkpoint == slow.checkpoint
    assert not trail.keep(slow, sign_head(provider, slow))
    assert trail.keep(follower, sign_head(provider, follower))
    assert len(trail.world.rows(checkpoints)) == 1


@pytest.mark.covers("AUD-03", "TOK-05")
def test_a_dead_provider_stops_no_sealing_and_its_head_is_signed_later(trail: Trail, tmp_path: Path) -> None:
    provider = make_provider(tmp_path)
    trail.make_key(provider)
    dead = DeadProvider.__new__(DeadProvider)
    dead.__dict__.update(vars(provider))
    sealer = make_sealer(trail.world, dead)
    assert asyncio.run(sealer.seal()) == len(trail.world.events())
    assert asyncio.run(sealer.sign()) is False
    trail.world.do(trail.world.issue(VERA))
    assert asyncio.run(sealer.seal()) > 0
    alive = make_sealer(trail.world, provider)
    # It is left alone for a while, whoever asks.
    assert asyncio.run(alive.sign()) is False
    assert trail.newest() is None
    trail.check()
    trail.world.pass_time(seconds=31)
    assert asyncio.run(alive.sign()) is True
    newest = trail.newest()
    assert newest is not None
    assert newest.size == len(trail.world.rows(log_entries))


@pytest.mark.covers("AUD-03")
def test_without_a_key_ring_everything_is_sealed_and_nothing_signed(trail: Trail) -> None:
    sealer = make_sealer(trail.world, None)
    assert asyncio.run(sealer.seal()) == trail.check()
    assert asyncio.run(sealer.sign()) is False
    assert trail.world.rows(checkpoints) == []


@pytest.mark.covers("AUD-03")
def test_every_time_in_the_trail_is_exact_to_the_millisecond(trail: Trail) -> None:
    issued = trail.world.do(trail.world.issue(VERA))
    trail.world.do(trail.world.accept(VERA, issued))
    other = trail.world.do(trail.world.issue(person("mallory")))
    trail.world.refuse(trail.world.accept(VERA, other))
    moments = [row["occurred_at"] for row in trail.world.rows(audit_events)]
    assert {moment.microsecond % 1000 for moment in moments} == {0}


def _without_guards(world: World, sql: str, **values: Any) -> None:
    """What a database's administrator can do."""
    if world.lane.is_sqlite:
        trigger = world.lane.engine.connect()
        with trigger:
            [made] = trigger.exec_driver_sql(
                "SELECT sql FROM sqlite_master WHERE name = 'vestibule_audit_events_no_delete'"
            ).scalars()
        world.execute("DROP TRIGGER vestibule_audit_events_no_delete")
        world.execute(sql, **values)
        world.execute(made)
        return
    with world.lane.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.execute(sa.text(sql), values)

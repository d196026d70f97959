# SPDX-License-Identifier: Apache-2.0
"""Sealing against everything that can happen at the same moment: other sealers, writers, sudden death."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.actions.trail import Trail
from tests.lanes import LaneKeeper, migrate_template
from tests.races.conftest import Arena
from tests.servers import PostgresServer
from tests.world import VERA, World, person
from vestibule.storage.schema import log_leaves, log_queue


@pytest.mark.covers("AUD-03", "F10")
def test_many_sealers_among_writers_make_one_tree_and_lose_nothing(arena: Arena) -> None:
    for world in arena:
        world.found()
        world.found(tenant="other")
        trail = Trail(world)
        writers: list[Any] = [
            world.issue(person(f"p{number}"), tenant=tenant)
            for number in range(8)
            for tenant in ("acme", "other")
        ]
        sealers: list[Any] = [trail.sealing(limit) for limit in (2_000, 2_000, 3, 1, 2_000)]
        outcomes = world.race(*writers, *sealers)
        assert [one for one in outcomes if isinstance(one, BaseException)] == []
        trail.check()
        while trail.is_behind():
            trail.seal()
        assert trail.check() == len(world.events())


@pytest.mark.covers("AUD-03")
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_sealer_killed_at_any_statement_beside_another_leaves_one_whole_tree(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path / 'killed.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    migrate_template(url)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.races.sealer", url],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    killed, written, sealed = map(int, done.stdout.split())
    assert killed >= 8
    assert sealed == written


@pytest.mark.covers("AUD-03")
def test_what_commits_late_is_sealed_late_and_not_lost(lanes: LaneKeeper) -> None:
    world = World(lanes.open("postgresql-plain"))
    world.found()
    trail = Trail(world)
    trail.seal()
    insert = sa.text(
        "INSERT INTO vestibule_audit_events SELECT :event_id, tenant_id, invitation_id, kind, occurred_at,"
        " actor_id, correlation_id, source, body FROM vestibule_audit_events WHERE kind = 'tenant.put'"
    )
    with world.lane.engine.connect() as early, world.lane.engine.connect() as late:
        late.execute(insert, {"event_id": "late"})
        early.execute(insert, {"event_id": "early"})
        early.commit()
        assert trail.seal().events == 1
        late.commit()
    assert trail.seal().events == 1
    sealed = [row["event_id"] for row in world.rows(log_leaves, tenant_id="acme")]
    assert sealed[-2:] == ["early", "late"]
    assert world.rows(log_queue) == []
    trail.check()


@pytest.mark.covers("AUD-03")
def test_accepting_waits_for_no_sealer(lanes: LaneKeeper) -> None:
    world = World(lanes.open("postgresql-plain"))
    world.found()
    issued = world.do(world.issue(VERA))
    with world.lane.engine.connect() as sealing:
        sealing.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('vestibule log', 0))"))
        sealing.execute(sa.text("DELETE FROM vestibule_log_queue"))
        sealing.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        world.do(world.accept(VERA, issued))
        assert Trail(world).seal().events == 0
        sealing.rollback()
    assert Trail(world).seal().events == len(world.events())

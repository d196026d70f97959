# SPDX-License-Identifier: Apache-2.0
"""Connections that die, wait, deadlock or are given up: nothing is half written, and the next one works."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import Call, LaneKeeper, PostgresLane, PostgresLooped
from tests.servers import PostgresServer
from tests.world import VERA, XENIA, Link, World
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import UnavailableError
from vestibule.ports import EventStamp, UnitOfWork
from vestibule.storage.engine import make_async_engine
from vestibule.storage.runners import LoopRunner
from vestibule.storage.schema import invitations

_WAITS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_KILL_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(params=["postgresql-plain", "postgresql-loop"])
def either(request: pytest.FixtureRequest, lanes: LaneKeeper) -> World:
    world = World(lanes.open(request.param))
    world.found()
    return world


@contextmanager
def _watching(world: World) -> Iterator[sa.Connection]:
    """A connection of its own that survives what it does to the others."""
    assert isinstance(world.lane, PostgresLane)
    engine = sa.create_engine(world.lane.url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _holding(world: World, issued: IssuedInvitation) -> Iterator[None]:
    """The invitation's row is locked by somebody else."""
    assert isinstance(world.lane, PostgresLane)
    engine = sa.create_engine(world.lane.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        one = invitations.c.invitation_id == issued.invitation.invitation_id
        connection.execute(sa.select(invitations.c.role).where(one).with_for_update())
        yield
        connection.rollback()
    engine.dispose()


def _waiting_backend(watcher: sa.Connection) -> int:
    deadline = time.monotonic() + 20
    while (pid := watcher.execute(sa.text(_WAITS)).scalar()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(pid)


@pytest.mark.covers("OBS-05", "F08")
def test_a_connection_that_died_while_idle_costs_no_request(either: World) -> None:
    issued = either.do(either.issue(VERA))
    either.race(*[either.preview(issued) for _ in range(8)])
    with _watching(either) as watcher:
        assert len(watcher.execute(sa.text(_KILL_OTHERS)).all()) >= 1
    either.lane.do(either.preview(issued))
    either.do(either.accept(VERA, issued))
    assert "vera" in either.members()


@pytest.mark.covers("F07", "ACC-06")
def test_a_connection_that_dies_in_the_middle_of_an_accept_leaves_nothing_behind(either: World) -> None:
    issued = either.do(either.issue(VERA))
    outcomes: list[Any] = []
    claim = either.accept(VERA, issued)
    accepting = threading.Thread(target=lambda: outcomes.extend(either.lane.race([claim])))
    with _holding(either, issued), _watching(either) as watcher:
        accepting.start()
        watcher.execute(
            sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": _waiting_backend(watcher)}
        )
        accepting.join(timeout=30)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError]
    either.check()
    assert either.invitation(issued)["consumed_at"] is None
    assert either.events("invitation.accepted") == []
    either.do(either.accept(VERA, issued))


@pytest.mark.covers("F07", "F08")
def test_a_request_that_is_given_up_does_not_poison_the_pool(wire: World, looped: PostgresLooped) -> None:
    issued = wire.do(wire.issue(VERA))
    other = wire.do(wire.issue(XENIA))

    async def give_up(link: Link, *, by_wire: bool) -> None:
        claim = wire.accept(VERA, link)
        waiting = asyncio.ensure_future(
            looped.runner.claim(claim.work) if by_wire else looped.runner.run(claim.work)
        )
        with _watching(wire) as watcher:
            deadline = time.monotonic() + 20
            while watcher.execute(sa.text(_WAITS)).scalar() is None:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    for by_wire in (True, False):
        with _holding(wire, issued):
            for _ in range(3):
                looped.loop.run(give_up(issued, by_wire=by_wire))
            with _watching(wire) as watcher:  # the server itself still waits in our name
                watcher.execute(
                    sa.text("SELECT pg_terminate_backend(pid, 5000) FROM (" + _WAITS + ") AS waiting")
                )
    wire.check()
    assert wire.invitation(issued)["consumed_at"] is None
    wire.race(*[wire.preview(other) for _ in range(40)])
    wire.do(wire.accept(XENIA, other))
    wire.do(wire.accept(VERA, issued))


@pytest.mark.covers("F07")
def test_a_name_that_no_column_can_hold_is_an_error_before_anything_is_written(either: World) -> None:
    issued = either.do(either.issue(VERA))
    for name in ("Ve\0ra", "V" * 300):
        with pytest.raises(Exception, match=r"^(?!.*Ve)"):
            either.do(either.accept(replace(VERA, name=name), issued))
        assert either.invitation(issued)["consumed_at"] is None
    either.do(either.accept(VERA, issued))


@pytest.mark.covers("F08")
def test_a_deadlock_is_tried_again_and_both_succeed(lanes: LaneKeeper) -> None:
    world = World(lanes.open("postgresql-plain"))
    world.found()
    first, second = world.do(world.issue(VERA)), world.do(world.issue(XENIA))
    met = threading.Barrier(2)
    tries: list[int] = []

    def touch_both(one: IssuedInvitation, other: IssuedInvitation) -> Call[None]:
        def work(uow: UnitOfWork) -> None:
            tries.append(1)
            is_first = len(tries) <= 2
            uow.invitations.record_sent(one.invitation.invitation_id)
            if is_first:
                met.wait(timeout=20)
            uow.invitations.record_sent(other.invitation.invitation_id)
            uow.commit()

        return Call("run", work)

    assert world.race(touch_both(first, second), touch_both(second, first)) == [None, None]
    assert len(tries) >= 3  # one was the victim
    assert [world.invitation(issued)["send_count"] for issued in (first, second)] == [2, 2]


@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.covers("F08", "F01")
def test_a_serialization_failure_on_any_road_is_tried_again(either: World, state: str) -> None:
    issued = either.do(either.issue(VERA))
    with _failing_once(either, state):
        either.do(either.accept(VERA, issued))
    with _failing_once(either, state):
        either.do(either.issue(XENIA))
    assert len(either.events("invitation.accepted")) == 1


@contextmanager
def _failing_once(world: World, state: str) -> Iterator[None]:
    # A sequence is not undone by a rollback, so the second try gets past.
    world.execute("CREATE SEQUENCE fault")
    world.execute(
        "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF nextval('fault') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '{state}'; END IF; "
        "RETURN NEW; END $$"
    )
    world.execute(
        "CREATE TRIGGER fail_once BEFORE INSERT ON vestibule_audit_events FOR EACH ROW "
        "EXECUTE FUNCTION fail_once()"
    )
    try:
        yield
    finally:
        world.execute("DROP TRIGGER fail_once ON vestibule_audit_events")
        world.execute("DROP FUNCTION fail_once()")
        world.execute("DROP SEQUENCE fault")


@pytest.mark.covers("OBS-05")
def test_a_database_that_is_not_there_is_said_to_be_unavailable(postgres_server: PostgresServer) -> None:
    stamp = EventStamp(actor_id="clock", correlation_id="request-1", source="library")

    async def knock() -> None:
        runner = LoopRunner(make_async_engine(postgres_server.url("no_such_database")))
        for attempt in (
            runner.run(lambda uow: uow.tenants.find("acme")),
            runner.claim(lambda unit: unit.claims.release_stale_seats("acme", stamp)),
        ):
            with pytest.raises(UnavailableError):
                await attempt
        await runner.close()

    asyncio.run(knock())

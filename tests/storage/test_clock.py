# SPDX-License-Identifier: Apache-2.0
"""The clock that decides is read after the lock is held (CRYPTO.md 6.1)."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from tests.lanes import Act, LaneKeeper, PostgresLane, PostgresPlain
from tests.world import VERA, World
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import RejectReason

_NAIVE = """
UPDATE vestibule_invitations SET consumed_at = clock_timestamp(), consumed_by_principal_id = 'vera'
WHERE invitation_id = :one AND consumed_at IS NULL AND revoked_at IS NULL AND expires_at > {clock}
"""


def _hold_past_expiry(world: World, issued: IssuedInvitation, waiting: threading.Thread) -> None:
    """Hold the row until the invitation has expired, with *waiting* already queued for it."""
    one = {"one": issued.invitation.invitation_id}
    world.execute(
        "UPDATE vestibule_invitations SET expires_at = clock_timestamp() + interval '700 milliseconds' "
        "WHERE invitation_id = :one",
        **one,
    )
    with world.lane.engine.begin() as holder:
        holder.execute(
            sa.text("SELECT 1 FROM vestibule_invitations WHERE invitation_id = :one FOR UPDATE"), one
        )
        waiting.start()
        _wait_until(world, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
        _wait_until(world, "SELECT bool_and(expires_at <= clock_timestamp()) FROM vestibule_invitations")
        # The row must have changed, or the waiting statement would not be judged again.
        holder.execute(
            sa.text("UPDATE vestibule_invitations SET message = 'touched' WHERE invitation_id = :one"), one
        )
    waiting.join(timeout=30)


def _wait_until(world: World, condition: str) -> None:
    deadline = time.monotonic() + 20
    with world.lane.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(sa.text(condition)).scalar():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(params=["postgresql-plain", "postgresql-loop"])
def waiting_world(request: pytest.FixtureRequest, lanes: LaneKeeper) -> World:
    lane = lanes.open(request.param)
    assert isinstance(lane, PostgresLane)
    world = World(lane)
    world.found()
    return world


@pytest.mark.covers("LIF-01", "B10", "F08")
def test_an_accept_that_waited_for_the_lock_past_expiry_is_refused(waiting_world: World) -> None:
    world = waiting_world
    issued = world.do(world.issue(VERA))
    came_to: list[object] = []
    call = world.accept(VERA, issued)
    _hold_past_expiry(world, issued, threading.Thread(target=lambda: came_to.extend(world.lane.race([call]))))
    [refusal] = came_to
    assert getattr(refusal, "reason", None) is RejectReason.EXPIRED
    assert world.invitation(issued)["consumed_at"] is None
    assert "vera" not in world.members()


@pytest.mark.parametrize("clock, consumed", [
    ("now()", 1),
    ("statement_timestamp()", 1),
    ("clock_timestamp()", 0),
])  # fmt: skip
@pytest.mark.covers("LIF-01", "B10")
def test_the_naive_clock_would_have_let_it_in(lanes: LaneKeeper, clock: str, consumed: int) -> None:
    lane = lanes.open("postgresql-plain")
    assert isinstance(lane, PostgresPlain)
    world = World(lane)
    world.found()
    issued = world.do(world.issue(VERA))
    counts: list[int] = []

    def consume() -> None:
        with lane.engine.connect() as connection:
            done = connection.execute(
                sa.text(_NAIVE.format(clock=clock)), {"one": issued.invitation.invitation_id}
            )
            counts.append(done.rowcount)
            connection.rollback()

    _hold_past_expiry(world, issued, threading.Thread(target=consume))
    assert counts == [consumed]


@pytest.mark.parametrize("verb", ["revoke", "resend", "decline"])
@pytest.mark.covers("LIF-01", "B10", "F08")
def test_every_other_verb_waits_and_looks_at_the_clock_again(waiting_world: World, verb: str) -> None:
    world = waiting_world
    issued = world.do(world.issue(VERA))
    calls: dict[str, Act] = {
        "revoke": world.revoke(issued),
        "resend": world.resend(issued),
        "decline": world.decline(VERA, issued),
    }
    call = calls[verb]
    came_to: list[object] = []
    _hold_past_expiry(world, issued, threading.Thread(target=lambda: came_to.extend(world.lane.race([call]))))
    [refusal] = came_to
    assert isinstance(refusal, Exception)
    row = world.invitation(issued)
    assert [row[name] for name in ("revoked_at", "declined_at", "generation")] == [None, None, 1]

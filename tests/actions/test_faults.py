# SPDX-License-Identifier: Apache-2.0
"""F07: whatever fails in the middle, nothing is half done, and trying again works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lanes import Act
from tests.world import ADAM, VERA, World
from vestibule.storage.schema import audit_events, invitations, outbox_messages


@contextmanager
def _failing(world: World, event: str, table: str) -> Iterator[None]:
    """While this lasts, the database refuses that change of that table."""
    if world.lane.is_sqlite:
        fail = f"CREATE TRIGGER fault BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'fault'); END"
        mend = ["DROP TRIGGER fault"]
    else:
        world.execute(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'fault'; END $$"
        )
        fail = f"CREATE TRIGGER fault BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION fault()"
        mend = [f"DROP TRIGGER fault ON {table}", "DROP FUNCTION fault()"]
    world.execute(fail)
    try:
        yield
    finally:
        for statement in mend:
            world.execute(statement)


_STEPS = [
    ("UPDATE", "vestibule_invitations"),
    ("INSERT", "vestibule_memberships"),
    ("INSERT", "vestibule_audit_events"),
    ("INSERT", "vestibule_outbox_messages"),
    ("INSERT", "vestibule_principals"),
    ("INSERT", "vestibule_principal_addresses"),
    ("UPDATE", "vestibule_seat_shards"),
]


@pytest.mark.parametrize("event, table", _STEPS)
@pytest.mark.covers("F07", "ACC-06", "AUD-02")
def test_an_accept_that_fails_at_any_step_burns_nothing(every_world: World, event: str, table: str) -> None:
    world = every_world
    world.found({"seat_limit": 10})
    issued = world.do(world.issue(VERA))
    before = world.everything()
    with _failing(world, event, table), pytest.raises(Exception, match=r"^(?!.*vera)"):
        world.do(world.accept(VERA, issued))
    assert world.everything() == before
    world.do(world.accept(VERA, issued))
    assert world.seats() == (4, 10)


@pytest.mark.parametrize(
    "table", ["vestibule_audit_events", "vestibule_outbox_messages", "vestibule_invitations"]
)
@pytest.mark.covers("F07", "AUD-02", "DEL-02", "ISS-12")
def test_issuing_again_that_fails_leaves_the_first_link_alive(world: World, table: str) -> None:
    world.found({"seat_limit": 10, "seats_count_pending": True})
    first = world.do(world.issue(VERA))
    before = world.everything()
    with _failing(world, "INSERT", table), pytest.raises(Exception, match=r"^(?!.*vera)"):
        world.do(world.issue(VERA, deliver="email"))
    assert world.everything() == before
    if table != "vestibule_invitations":
        with _failing(world, "INSERT", table), pytest.raises(Exception, match=r"^(?!.*vera)"):
            world.do(world.resend(first, deliver="email"))
        assert world.everything() == before
    world.do(world.accept(VERA, first))


@pytest.mark.covers("F07", "AUD-02", "LIF-03")
def test_no_administrative_change_without_its_event(world: World) -> None:
    world.found({"seat_limit": 10, "seats_count_pending": True})
    issued = world.do(world.issue(VERA, by=ADAM, expires_in=900))
    before = world.everything()
    calls: tuple[Act, ...] = (
        world.revoke(issued),
        world.decline(VERA, issued),
        world.remove(ADAM),
        world.offboard(ADAM),
        world.put_member(ADAM, "member"),
        world.suspend(),
        world.delete(),
        world.put_tenant({}),
    )
    for call in calls:
        with (
            _failing(world, "INSERT", "vestibule_audit_events"),
            pytest.raises(Exception, match=r"^(?!.*vera)"),
        ):
            world.do(call)
        assert world.everything() == before
    world.pass_time(901)
    with _failing(world, "INSERT", "vestibule_audit_events"), pytest.raises(Exception, match=r"^(?!.*vera)"):
        world.do(world.sweep())
    assert [row["expired_at"] for row in world.rows(invitations)] == [None]
    assert world.do(world.sweep()) == 1
    assert len(world.rows(audit_events)) == len(before["vestibule_audit_events"]) + 1
    assert world.rows(outbox_messages) == []

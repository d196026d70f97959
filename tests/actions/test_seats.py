# SPDX-License-Identifier: Apache-2.0
"""The seat ledger, told as stories (ruling 8)."""

from __future__ import annotations

import pytest

from tests.world import MIA, VERA, XENIA, World, person
from vestibule.errors import NotPermittedError, RejectReason, SeatLimitError

_COUNTING = {"seats_count_pending": True}


@pytest.mark.covers("F03", "ACC-09")
def test_without_a_seat_the_link_is_not_burnt(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 3})
    issued = world.do(world.issue(VERA))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.NO_SEAT
    assert world.invitation(issued)["consumed_at"] is None
    world.do(world.put_tenant({"seat_limit": 4}))
    world.do(world.accept(VERA, issued))
    assert world.seats() == (4, 4)


@pytest.mark.covers("F04", "ACC-09")
def test_a_pending_invitation_holds_its_seat_and_accepting_converts_it(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 4, **_COUNTING})
    issued = world.do(world.issue(VERA))
    assert world.seats() == (4, 4)
    with pytest.raises(SeatLimitError):
        world.do(world.issue(XENIA))
    world.do(world.accept(VERA, issued))
    assert world.seats() == (4, 4)


@pytest.mark.parametrize("end", ["decline", "revoke", "sweep", "supersede", "issue again", "suspend"])
@pytest.mark.covers("F04", "ACC-09")
def test_every_other_end_gives_the_seat_back(every_world: World, end: str) -> None:
    world = every_world
    world.found({"seat_limit": 4, **_COUNTING})
    issued = world.do(world.issue(VERA, expires_in=900))
    if end == "decline":
        world.do(world.decline(VERA, issued))
    elif end == "revoke":
        world.do(world.revoke(issued))
    elif end == "sweep":
        world.pass_time(901)
        assert world.do(world.sweep()) == 1
    elif end == "supersede":
        world.do(world.revoke(world.do(world.issue(VERA))))
    elif end == "issue again":
        world.pass_time(901)
        world.do(world.revoke(world.do(world.issue(VERA))))
    else:
        world.do(world.suspend())
        world.do(world.resume())
    assert world.seats() == (3, 4)
    world.do(world.accept(XENIA, world.do(world.issue(XENIA))))


@pytest.mark.covers("F04", "B11", "LIF-04")
def test_stale_reservations_hold_nobody_up_though_no_sweeper_runs(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 5, **_COUNTING})
    for address in ("a@example.com", "b@example.com"):
        world.do(world.issue(address, expires_in=900))
    world.pass_time(901)
    assert world.seats() == (5, 5)
    issued = world.do(world.issue(VERA))
    assert world.seats() == (4, 5)
    assert [event["actor_id"] for event in world.events("invitation.expired")] == ["clock"] * 2
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("F04", "B11", "LIF-05")
def test_at_accept_what_the_clock_has_ended_makes_room(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 4})
    guest = person("guest")
    world.do(world.accept(guest, world.do(world.issue(guest, membership_expires_in=900))))
    issued = world.do(world.issue(VERA))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.NO_SEAT
    world.pass_time(901)
    world.do(world.accept(VERA, issued))
    assert "guest" not in world.members()
    assert world.seats() == (4, 4)
    [ended] = world.events("membership.ended")
    assert (ended["actor_id"], ended["body"]["principal_id"]) == ("clock", "guest")


@pytest.mark.covers("F04", "ACC-09")
def test_a_lowered_limit_holds_until_enough_have_left(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 10})
    people = [person(f"p{number}") for number in range(5)]
    for who in people:
        world.do(world.put_member(who, "member"))
    issued = world.do(world.issue(VERA))
    world.do(world.put_tenant({"seat_limit": 5}))
    assert world.seats() == (8, 5)
    for who in people[:3]:
        assert world.refuse(world.accept(VERA, issued)) is RejectReason.NO_SEAT
        with pytest.raises(SeatLimitError):
            world.do(world.put_member(XENIA, "member"))
        world.do(world.remove(who))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.NO_SEAT
    world.do(world.remove(people[3]))
    world.do(world.accept(VERA, issued))
    assert world.seats() == (5, 5)


@pytest.mark.covers("F04", "ACC-09", "TEN-02")
def test_a_lowered_limit_holds_for_reservations_too(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 12, **_COUNTING})
    links = [world.do(world.issue(f"p{number}@example.com")) for number in range(9)]
    world.do(world.put_tenant({"seat_limit": 9, **_COUNTING}))
    world.do(world.decline(person("p0"), links[0]))
    world.do(world.revoke(links[1]))
    assert world.seats() == (10, 9)
    with pytest.raises(SeatLimitError):
        world.do(world.issue(VERA))
    world.do(world.accept(person("p2"), links[2]))
    world.do(world.revoke(links[3]))
    with pytest.raises(SeatLimitError):
        world.do(world.issue(VERA))
    world.do(world.revoke(links[4]))
    world.do(world.issue(VERA))
    assert world.seats() == (9, 9)


@pytest.mark.covers("F04", "TEN-02")
def test_limits_come_go_and_begin_to_count_what_is_pending(world: World) -> None:
    world.found()
    pending = world.do(world.issue(VERA))
    assert world.seats() is None
    world.do(world.put_tenant({"seat_limit": 3}))
    assert world.seats() == (3, 3)
    world.do(world.put_tenant({"seat_limit": 3, **_COUNTING}))
    assert world.seats() == (4, 3)
    world.do(world.accept(VERA, pending))  # what was promised before is kept
    assert world.seats() == (4, 3)
    world.do(world.put_tenant({}))
    assert world.seats() is None
    world.do(world.accept(XENIA, world.do(world.issue(XENIA))))


@pytest.mark.covers("ACC-09", "D08")
def test_a_member_gives_back_what_was_reserved_for_another_address_of_its_own(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 4, **_COUNTING})
    issued = world.do(world.issue("m2@example.com"))
    world.do(world.accept(person("mia", "m2@example.com"), issued))
    assert world.seats() == (3, 4)
    with pytest.raises(NotPermittedError):
        world.do(world.issue(VERA, by=MIA))
    world.do(world.issue(VERA))


@pytest.mark.covers("E01", "E04", "LIF-05", "LIF-03")
def test_ending_a_membership_for_its_seat_revokes_what_it_had_issued_as_a_sweep_does(
    every_world: World,
) -> None:
    world = every_world
    world.found({"seat_limit": 5, "seats_count_pending": True})
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_expires_in=3600))))
    theirs = world.do(world.issue("guest@example.com", by=VERA))
    world.pass_time(3601)
    assert world.seats() == (5, 5)
    world.do(world.issue(XENIA))  # no sweeper has been by: the seat comes from what has ended
    row = world.invitation(theirs)
    assert (row["revoked_reason"], row["expired_at"]) == ("inviter_ended", None)
    [event] = world.events("invitation.revoked")
    assert (event["actor_id"], event["body"]["reason"]) == ("clock", "inviter_ended")
    assert "vera" not in world.members()
    world.do(world.put_member(VERA, "admin"))
    assert world.refuse(world.accept(person("guest"), theirs)) is RejectReason.REVOKED

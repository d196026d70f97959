# SPDX-License-Identifier: Apache-2.0
"""Memberships with a start and an end, events that close, emergency access that is reviewed afterwards."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.lanes import Call
from tests.world import ADAM, MIA, OLGA, VERA, World, by_id, person
from vestibule.actions.invitations.review_held import close_review, list_reviews
from vestibule.core.identity import Actor
from vestibule.core.invitation import InvitationState
from vestibule.core.paging import PageRequest
from vestibule.errors import (
    AlreadyMemberError,
    EventOverError,
    InvalidRequestError,
    NotFoundError,
    NotPendingError,
    NotPermittedError,
    RejectReason,
    ReviewOverdueError,
    StepUpRequiredError,
)
from vestibule.ports import Review
from vestibule.storage.schema import memberships


def when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.covers("LIF-05", "ISS-15")
def test_a_membership_starts_and_ends_by_the_clock_alone(every_world: World) -> None:
    world = every_world
    world.found({"assignable": {"owner": ["owner", "admin", "member"], "admin": ["member"]}})
    start = world.lane.now() + timedelta(hours=2)
    issued = world.do(world.issue(VERA, "admin", membership_starts_at=start, membership_expires_in=3600))
    world.do(world.accept(VERA, issued))
    assert world.members()["vera"] == "admin", "listed before it begins"
    with pytest.raises(NotFoundError):
        world.do(world.issue("x@example.com", by=VERA))
    with pytest.raises(AlreadyMemberError):
        world.do(world.issue(VERA, "member"))
    world.pass_time(hours=2, seconds=1)
    promised = world.do(world.issue("x@example.com", by=VERA))
    world.pass_time(hours=1)
    with pytest.raises(NotFoundError):
        world.do(world.issue("y@example.com", by=VERA))
    assert world.refuse(world.accept(dataclasses.replace(VERA, principal_id="x"), promised)) is (
        RejectReason.INVITER_GONE
    )


@pytest.mark.covers("LIF-05")
def test_the_end_is_announced_once_in_time_and_audited(world: World) -> None:
    world.found({"announce_end": 3600})
    issued = world.do(world.issue(VERA, membership_expires_in=7200))
    world.do(world.accept(VERA, issued))
    world.deliver()
    assert world.do(world.sweep()) == 0
    world.pass_time(3700)
    assert world.do(world.sweep()) == 1
    assert world.do(world.sweep()) == 0
    [letter] = world.deliver()
    assert (letter.kind, letter.recipient.address_key) == ("ending_notice", "vera@example.com")
    world.pass_time(3600)
    assert world.do(world.sweep()) == 1
    assert [event["body"]["principal_id"] for event in world.events("membership.ended")] == ["vera"]
    assert "vera" not in world.members()


@pytest.mark.covers("LIF-05", "ISS-07")
def test_policy_gives_the_end_and_limits_it(world: World) -> None:
    world.found({"roles": {"member": {"grant_default": 600, "grant_max": 1200}}})
    with pytest.raises(InvalidRequestError) as refusal:
        world.do(world.issue(VERA, membership_expires_in=1201))
    assert refusal.value.faults[0].pointer == "/membership_expires_in"
    assert world.do(world.issue(VERA)).invitation.membership_expires_in == 600
    assert world.do(world.issue(VERA, membership_expires_in=1200)).invitation.membership_expires_in == 1200


@pytest.mark.covers("LIF-05", "ACC-10")
def test_an_extension_is_a_new_request_and_changes_nothing_but_the_end(every_world: World) -> None:
    world = every_world
    world.found({"roles": {"admin": {"approvals": 1, "grant_max": 7200}}, "separation": 0})
    world.do(world.put_member(person("otto"), "owner"))
    first = world.do(world.issue(VERA, "admin", membership_expires_in=3600))
    world.do(world.approve(first, by=person("otto")))
    world.do(world.accept(VERA, by_id(first)))
    [before] = world.rows(memberships, principal_id="vera")
    with pytest.raises(AlreadyMemberError):
        world.do(world.issue(VERA, "member", membership_expires_in=3600))
    longer = world.do(world.issue(VERA, "admin", membership_expires_in=7200))
    assert longer.state is InvitationState.HELD, "asked and approved like the first"
    world.do(world.approve(longer, by=person("otto")))
    assert world.do(world.accept(VERA, by_id(longer))).kept_role
    [after] = world.rows(memberships, principal_id="vera")
    assert after["expires_at"] > before["expires_at"] + timedelta(minutes=30)
    unchanged = set(before) - {"expires_at", "end_announced_at"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert [event["body"]["extended"] for event in world.events("invitation.accepted")] == [False, True]
    shorter = world.do(world.issue(VERA, "admin", membership_expires_in=60))
    world.do(world.approve(shorter, by=person("otto")))
    world.do(world.accept(VERA, by_id(shorter)))
    [kept] = world.rows(memberships, principal_id="vera")
    assert kept["expires_at"] == after["expires_at"], "an extension never shortens"


@pytest.mark.covers("LIF-05", "ISS-10")
def test_a_lasting_membership_is_not_extended_into_one_that_ends(world: World) -> None:
    world.found()
    with pytest.raises(AlreadyMemberError):
        world.do(world.issue(MIA, "member", membership_expires_in=3600))
    world.do(world.issue(VERA, "member", membership_expires_in=3600))


@pytest.mark.covers("ISS-07", "TEN-05")
def test_nothing_outlives_the_event(every_world: World) -> None:
    world = every_world
    now = world.lane.now()
    event = {
        "starts_at": when(now + timedelta(hours=5)),
        "ends_at": when(now + timedelta(hours=8)),
        "close_before_start": 3600,
    }
    world.found({"event": event})
    issued = world.do(world.issue(VERA, membership_expires_in=86_400))
    closes = now + timedelta(hours=4)
    assert closes - timedelta(seconds=2) < issued.invitation.expires_at <= closes
    late = world.do(world.issue(MIA_FRIEND))
    world.do(world.accept(VERA, issued))
    [row] = world.rows(memberships, principal_id="vera")
    assert abs(row["expires_at"] - (now + timedelta(hours=8))) < timedelta(seconds=2)
    world.pass_time(hours=4)
    assert world.refuse(world.accept(dataclasses.replace(VERA, principal_id="late"), late)) is (
        RejectReason.EXPIRED
    )


MIA_FRIEND = "friend@example.com"


@pytest.mark.covers("ISS-07")
def test_an_event_that_closed_admits_nobody_any_more(world: World) -> None:
    now = world.lane.now()
    event = {"starts_at": when(now - timedelta(hours=2)), "ends_at": when(now - timedelta(hours=1))}
    world.found()
    issued = world.do(world.issue(VERA))
    world.do(world.put_tenant({"event": event}))
    with pytest.raises(EventOverError):
        world.do(world.issue(MIA_FRIEND))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.EVENT_OVER
    world.do(world.put_tenant({}))
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("S09", "ACC-08")
def test_S09_a_weak_session_is_asked_for_more_and_the_link_lives_on(every_world: World) -> None:
    world = every_world
    world.found({"roles": {"admin": {"auth_max_age": 600, "amr_any": ["mfa"]}}})
    issued = world.do(world.issue(VERA, "admin"))
    weak = dataclasses.replace(VERA, amr=("pwd",), authenticated_at=world.lane.now())
    for _ in range(3):
        with pytest.raises(StepUpRequiredError) as demand:
            world.do(world.accept(weak, issued))
        assert demand.value.max_age == 600
    assert world.invitation(issued)["bound_principal_id"] is None, "a weak try keeps no other account out"
    strong = dataclasses.replace(VERA, amr=("mfa",), authenticated_at=world.lane.now())
    assert world.do(world.accept(strong, issued)).role == "admin"


@pytest.mark.covers("ACC-16")
def test_whoever_claimed_it_keeps_it_when_the_address_moves_on(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 3})
    issued = world.do(world.issue(VERA))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.NO_SEAT
    again = dataclasses.replace(VERA, principal_id="recreated")
    assert world.refuse(world.accept(again, issued)) is RejectReason.BOUND_TO_ANOTHER
    world.do(world.put_tenant({"seat_limit": 5}))
    assert world.refuse(world.accept(again, issued)) is RejectReason.BOUND_TO_ANOTHER
    world.do(world.accept(VERA, issued))
    assert [event["body"]["principal_id"] for event in world.events("invitation.bound")] == ["vera"]
    assert "vera@" not in str(world.events("invitation.bound"))


_GLASS = {
    "assignable": {"owner": ["owner", "admin", "member", "rescuer"], "member": ["rescuer"]},
    "roles": {"rescuer": {"grant_max": 3600, "review_within": 7200}},
}


def review(world: World, invitation_id: str, note: str = "looked at", *, by: Actor = OLGA) -> Call[Review]:
    return Call("run", lambda uow: close_review(uow, by, "acme", invitation_id, note, context=world.context))


def reviews(world: World, *, by: Any = OLGA) -> list[Review]:
    page = world.do(
        Call("read", lambda uow: list_reviews(uow, by, "acme", PageRequest(scope="r"), is_open=True))
    )
    return list(page.items)


@pytest.mark.covers("TEN-05", "ISS-04")
def test_broken_glass_pages_everybody_and_blocks_the_next_until_it_is_reviewed(world: World) -> None:
    world.found(_GLASS)
    issued = world.do(world.issue("oncall@example.com", "rescuer", by=MIA))
    assert issued.state is InvitationState.PENDING, "nobody has to approve"
    told = {letter.recipient.address_key for letter in world.deliver() if letter.kind == "break_glass_notice"}
    assert told == {"olga@example.com", "adam@example.com"}
    [opened] = reviews(world)
    assert (opened.principal_id, opened.role) == ("mia", "rescuer")
    world.do(world.issue("second@example.com", "rescuer", by=MIA))
    world.pass_time(7201)
    with pytest.raises(ReviewOverdueError):
        world.do(world.issue("third@example.com", "rescuer", by=MIA))
    with pytest.raises(NotPermittedError):
        world.do(review(world, opened.invitation_id, by=MIA))
    with pytest.raises(InvalidRequestError):
        world.do(review(world, opened.invitation_id, "  "))
    for one in reviews(world):
        world.do(review(world, one.invitation_id))
    with pytest.raises(NotPendingError):
        world.do(review(world, opened.invitation_id, by=ADAM))
    world.do(world.issue("third@example.com", "rescuer", by=MIA))
    world.do(world.accept(person("oncall"), by_id(issued)))

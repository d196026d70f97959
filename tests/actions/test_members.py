# SPDX-License-Identifier: Apache-2.0
"""Members by the host's word, and everything that goes with them when they go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lanes import Act, Call
from tests.sealing import about_plain_rows
from tests.world import ADAM, HOST, MIA, OLGA, VERA, XENIA, World, person
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.core.identity import HostKey
from vestibule.errors import (
    InvalidRequestError,
    LastOwnerError,
    NotFoundError,
    NotPermittedError,
    RejectReason,
    SeatLimitError,
)
from vestibule.storage.schema import invitations, memberships, principals

_OTHER_KEY = HostKey(key_id="other", scopes=frozenset({"tenants"}))


@pytest.mark.covers("TEN-01", "AUD-01")
def test_the_host_puts_members_and_each_change_is_an_event(world: World) -> None:
    world.found()
    membership, is_new = world.do(world.put_member(VERA, "member"))
    assert (membership.email, is_new) == ("vera@example.com", True)
    again, is_new = world.do(world.put_member(VERA, "admin"))
    assert (again.created_at, is_new) == (membership.created_at, False)
    told = [e["body"] for e in world.events("membership.set") if e["body"]["principal_id"] == "vera"]
    assert [(b["previous_role"], b["role"]) for b in told] == [(None, "member"), ("member", "admin")]


@pytest.mark.covers("TEN-01")
@about_plain_rows
def test_what_the_host_leaves_out_of_a_member_is_kept(world: World) -> None:
    world.found()
    bare = MemberDraft(role="admin")
    world.do(Call("run", lambda uow: put_member(uow, HOST, "acme", "mia", bare, context=world.context)))
    [mia] = world.rows(memberships, principal_id="mia")
    assert (mia["role"], mia["email"], mia["name"]) == ("admin", "mia@example.com", "Mia")


@pytest.mark.covers("TEN-01", "LIF-05")
def test_putting_a_member_who_has_not_begun_does_not_let_it_in_early(world: World) -> None:
    world.found()
    start = world.lane.now() + timedelta(days=10)
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_starts_at=start))))
    for role in ("admin", "member"):
        membership, _ = world.do(world.put_member(VERA, role))
        assert membership.starts_at == start
    [row] = world.rows(memberships, principal_id="vera")
    assert row["starts_at"] is not None


@pytest.mark.covers("D14", "TEN-01", "LIF-05")
def test_unknown_roles_tenants_and_past_ends_are_refused(world: World) -> None:
    world.found()
    with pytest.raises(InvalidRequestError):
        world.do(world.put_member(VERA, "Owner"))
    with pytest.raises(InvalidRequestError):
        world.do(world.put_member(VERA, "member", expires_at=world.lane.now()))
    with pytest.raises(NotFoundError):
        world.do(world.put_member(VERA, "member", "nowhere"))
    for actor in (OLGA, _OTHER_KEY):
        with pytest.raises(NotPermittedError):
            world.do(world.put_member(VERA, "member", by=actor))
    world.do(world.put_member(VERA, "member", expires_at=world.lane.now() + timedelta(hours=1)))


@pytest.mark.covers("E01", "LIF-03", "TEN-01")
def test_removing_an_inviter_kills_every_link_it_made_here(every_world: World) -> None:
    world = every_world
    world.found()
    world.found(tenant="other")
    here, by_olga = world.do(world.issue(VERA, by=ADAM)), world.do(world.issue(XENIA))
    there = world.do(world.issue(VERA, by=ADAM, tenant="other"))
    world.do(world.remove(ADAM))
    assert world.refuse(world.accept(VERA, here)) is RejectReason.REVOKED
    assert world.invitation(here)["revoked_reason"] == "inviter_removed"
    [event] = world.events("invitation.revoked")
    assert event["body"]["reason"] == "inviter_removed"
    world.do(world.put_member(ADAM, "admin"))  # coming back revives nothing
    assert world.refuse(world.accept(VERA, here)) is RejectReason.REVOKED
    world.do(world.accept(VERA, there))
    world.do(world.accept(XENIA, by_olga))


@pytest.mark.covers("TEN-01", "E04", "E01")
def test_the_removed_cannot_walk_back_in_by_a_link_to_any_address_it_has(world: World) -> None:
    world.found()
    two = person("vera", "vera@example.com", "v2@example.com")
    spare = world.do(world.issue("v2@example.com"))
    world.do(world.accept(two, world.do(world.issue("vera@example.com"))))
    world.do(world.remove(two, by=ADAM))
    assert world.refuse(world.accept(two, spare)) is RejectReason.REVOKED
    assert world.invitation(spare)["revoked_reason"] == "person_removed"
    [gone] = world.events("membership.removed")
    assert (gone["actor_id"], gone["body"]["principal_id"]) == ("adam", "vera")
    world.do(world.accept(two, world.do(world.issue("v2@example.com"))))


@pytest.mark.covers("D13", "D02", "TEN-06")
def test_only_whom_one_may_make_one_may_remove(world: World) -> None:
    world.found()
    other = person("anna")
    world.do(world.put_member(other, "admin"))
    for actor, removed, error in (
        (MIA, ADAM, NotPermittedError),
        (ADAM, OLGA, NotPermittedError),
        (ADAM, other, NotPermittedError),
        (XENIA, MIA, NotFoundError),
        (_OTHER_KEY, MIA, NotPermittedError),
        (HOST, VERA, NotFoundError),
        (OLGA, VERA, NotFoundError),
    ):
        with pytest.raises(error):
            world.do(world.remove(removed, by=actor))
    with pytest.raises(NotFoundError):
        world.do(world.remove(MIA, "nowhere"))
    assert len(world.members()) == 4
    world.do(world.remove(MIA, by=ADAM))
    world.do(world.remove(ADAM, by=ADAM))
    world.do(world.remove(other, by=OLGA))
    assert world.members() == {"olga": "owner"}


@pytest.mark.covers("E02", "LIF-03")
def test_a_demotion_revokes_what_could_no_longer_be_issued_and_nothing_else(every_world: World) -> None:
    world = every_world
    world.found()
    world.do(world.put_member(VERA, "owner"))
    admin = world.do(world.issue("a@example.com", "admin", by=VERA))
    member = world.do(world.issue(XENIA, "member", by=VERA))
    world.do(world.put_member(VERA, "admin"))
    assert world.invitation(admin)["revoked_reason"] == "inviter_demoted"
    assert world.refuse(world.accept(person("a"), admin)) is RejectReason.REVOKED
    world.do(world.accept(XENIA, member))
    world.do(world.put_member(VERA, "owner"))
    assert world.refuse(world.accept(person("a"), admin)) is RejectReason.REVOKED


@pytest.mark.covers("TEN-01", "D13")
def test_the_last_owner_stays_on_every_road(world: World) -> None:
    world.found()
    end = world.lane.now() + timedelta(days=1)
    calls: list[Act] = [
        world.remove(OLGA),
        world.remove(OLGA, by=OLGA),
        world.put_member(OLGA, "admin"),
        world.put_member(OLGA, "owner", expires_at=end),
        world.put_member(OLGA, "member", expires_at=end),
    ]
    for call in calls:
        with pytest.raises(LastOwnerError):
            world.do(call)
    world.do(world.put_tenant(tenant="new"))
    with pytest.raises(LastOwnerError):  # the first owner lasts
        world.do(world.put_member(VERA, "owner", "new", expires_at=end))
    world.do(world.put_member(VERA, "owner", expires_at=end))
    with pytest.raises(LastOwnerError):  # an owner for a day is no heir
        world.do(world.remove(OLGA))
    world.do(world.put_member(VERA, "owner"))
    world.do(world.remove(OLGA, by=OLGA))
    assert world.members()["vera"] == "owner"


def promise_owner(world: World, days: int) -> None:
    """Vera is an owner, but not before *days* have passed."""
    start = world.lane.now() + timedelta(days=days)
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_starts_at=start))))
    world.do(world.put_member(VERA, "owner"))


@pytest.mark.covers("TEN-01", "D13", "LIF-05")
def test_an_owner_who_has_not_begun_is_no_heir(every_world: World) -> None:
    world = every_world
    world.found()
    promise_owner(world, days=30)
    calls: list[Act] = [
        world.remove(OLGA),
        world.remove(OLGA, by=OLGA),
        world.put_member(OLGA, "admin"),
    ]
    for call in calls:
        with pytest.raises(LastOwnerError):
            world.do(call)
    world.pass_time(days=31)
    world.do(world.remove(OLGA, by=OLGA))
    assert world.members() | {"vera": "owner"} == world.members()


@pytest.mark.covers("TEN-01", "LIF-03", "LIF-05")
def test_an_owner_kept_without_force_does_not_come_back_while_the_other_has_not_begun(
    every_world: World,
) -> None:
    world = every_world
    world.found()
    world.found(tenant="other")
    promise_owner(world, days=3)
    assert world.do(world.offboard(OLGA)).last_owner_of == ("acme", "other")
    world.do(world.put_member(OLGA, "owner", "other"))  # the host lifts the offboarding, but not here
    link = world.do(world.issue(OLGA, by=ADAM))
    assert world.refuse(world.accept(OLGA, link)) is RejectReason.OWNER_KEPT
    world.pass_time(days=4)
    assert world.do(world.accept(OLGA, link)).role == "member"


@pytest.mark.covers("LIF-03", "E01", "E10", "TEN-01")
def test_offboarding_ends_everything_at_once_everywhere(every_world: World) -> None:
    world = every_world
    world.found()
    world.found(tenant="other")
    sent = world.do(world.issue(VERA, by=ADAM))
    elsewhere = world.do(world.issue(XENIA, by=ADAM, tenant="other"))
    done = world.do(world.offboard(ADAM))
    assert (done.memberships_removed, done.invitations_revoked, done.last_owner_of) == (2, 2, ())
    assert "adam" not in world.members() | world.members("other")
    for who, link in ((VERA, sent), (XENIA, elsewhere)):
        assert world.refuse(world.accept(who, link)) is RejectReason.REVOKED
    with pytest.raises(NotFoundError):
        world.do(world.issue(VERA, by=ADAM))
    [event] = world.events("principal.offboarded")
    assert event["body"] == {
        "invitations_revoked": 2,
        "memberships_removed": 2,
        "principal_id": "adam",
    }


@pytest.mark.covers("LIF-03", "E10")
def test_what_was_sent_to_the_offboarded_is_revoked_at_every_address_it_had(world: World) -> None:
    world.found()
    world.found(tenant="other")
    two = person("vera", "vera@example.com", "v2@example.com")
    world.do(world.accept(two, world.do(world.issue("vera@example.com"))))
    links = [world.do(world.issue(key, tenant="other")) for key in ("vera@example.com", "v2@example.com")]
    bystander = world.do(world.issue(XENIA, tenant="other"))
    world.do(world.offboard(two))
    for link in links:
        assert world.invitation(link)["revoked_reason"] == "person_offboarded"
        assert world.refuse(world.accept(two, link)) is RejectReason.REVOKED
    world.do(world.accept(XENIA, bystander))


@pytest.mark.covers("TEN-01", "LIF-03", "E10")
def test_a_last_owner_who_is_offboarded_keeps_the_row_and_loses_its_force(world: World) -> None:
    world.found()
    assert world.do(world.offboard(OLGA)).last_owner_of == ("acme",)
    [row] = world.rows(memberships, principal_id="olga")
    assert row["suspended_at"] is not None
    calls: list[Act] = [world.issue(VERA), world.remove(MIA, by=OLGA)]
    for call in calls:
        with pytest.raises(NotFoundError):
            world.do(call)
    with pytest.raises(LastOwnerError):
        world.do(world.remove(OLGA))
    world.do(world.put_member(VERA, "owner"))
    world.do(world.remove(OLGA))
    assert "olga" not in world.members()


@pytest.mark.covers("TEN-01", "LIF-03")
def test_an_owner_kept_without_force_comes_back_by_the_host_or_by_invitation_once_there_is_another(
    every_world: World,
) -> None:
    world = every_world
    world.found()
    world.found(tenant="other")
    world.do(world.offboard(OLGA))
    world.do(world.put_member(OLGA, "owner", "other"))  # the host lifts the offboarding, but not here
    link = world.do(world.issue(OLGA, by=ADAM))
    assert world.refuse(world.accept(OLGA, link)) is RejectReason.OWNER_KEPT
    world.do(world.put_member(VERA, "owner"))
    assert world.do(world.accept(OLGA, link)).role == "member"
    [row] = world.rows(memberships, principal_id="olga", tenant_id="acme")
    assert (row["role"], row["suspended_at"]) == ("member", None)
    world.do(world.offboard(VERA))
    world.do(world.put_member(VERA, "owner"))  # and so does the host's word, at once
    world.do(world.issue("new@example.com", by=VERA))


@pytest.mark.covers("LIF-03", "AUD-01")
def test_every_event_of_an_offboarding_has_the_reason_of_its_row(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, by=ADAM))
    world.do(world.issue("a2@example.com", by=OLGA))
    adam = person("adam", "adam@example.com", "a2@example.com")
    world.do(world.issue(XENIA, by=adam))
    world.do(world.offboard(adam))
    told = {event["invitation_id"]: event["body"]["reason"] for event in world.events("invitation.revoked")}
    stored = {row["invitation_id"]: row["revoked_reason"] for row in world.rows(invitations)}
    assert told == stored
    assert sorted(told.values()) == ["inviter_offboarded", "inviter_offboarded", "person_offboarded"]
    world.do(world.offboard(OLGA))
    [kept] = world.events("membership.stripped")
    assert (kept["body"]["principal_id"], kept["body"]["reason"]) == ("olga", "offboarded")


@pytest.mark.covers("LIF-03")
def test_only_the_host_offboards_and_an_explicit_act_brings_back(world: World) -> None:
    world.found()
    for actor in (OLGA, HostKey(key_id="k", scopes=frozenset({"members"}))):
        with pytest.raises(NotPermittedError):
            world.do(world.offboard(MIA, by=actor))
    world.do(world.offboard(MIA))
    [record] = world.rows(principals, principal_id="mia")
    assert record["offboarded_at"] is not None
    world.do(world.put_member(MIA, "member"))
    [record] = world.rows(principals, principal_id="mia")
    assert record["offboarded_at"] is None


@pytest.mark.covers("LIF-03", "E10", "TEN-06")
def test_a_key_for_members_alone_does_not_undo_an_offboarding(world: World) -> None:
    world.found()
    world.do(world.offboard(MIA))
    narrow = HostKey(key_id="k", scopes=frozenset({"members"}))
    bound = HostKey(key_id="b", tenant_id="acme")
    for key in (narrow, bound):
        with pytest.raises(NotPermittedError):
            world.do(world.put_member(MIA, "member", by=key))
        world.do(world.put_member(VERA, "member", by=key))
    assert "mia" not in world.members()
    [record] = world.rows(principals, principal_id="mia")
    assert record["offboarded_at"] is not None
    world.do(
        world.put_member(MIA, "member", by=HostKey(key_id="w", scopes=frozenset({"members", "principals"})))
    )
    assert "mia" in world.members()


@pytest.mark.covers("TEN-06")
def test_a_bound_key_reaches_no_other_tenant(world: World) -> None:
    world.found()
    world.found(tenant="other")
    bound = HostKey(key_id="b", tenant_id="acme")
    acts: list[Act] = [
        world.put_member(VERA, "member", "other", by=bound),
        world.remove(MIA, "other", by=bound),
        world.suspend("other", by=bound),
        world.put_tenant({}, "other", by=bound),
    ]
    for act in acts:
        with pytest.raises(NotFoundError):
            world.do(act)
    with pytest.raises(NotPermittedError):
        world.do(world.offboard(MIA, by=bound))
    world.do(world.remove(MIA, by=bound))
    world.do(world.suspend(by=bound))


@pytest.mark.covers("LIF-05", "LIF-04")
def test_a_membership_with_an_end_ends_by_itself_and_is_recorded_once(world: World) -> None:
    world.found({"seat_limit": 5})
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_expires_in=3600))))
    world.do(world.issue(XENIA, by=VERA))
    world.pass_time(3601)
    calls: list[Act] = [world.issue("someone@example.com", by=VERA), world.list_all(by=VERA)]
    for call in calls:
        with pytest.raises(NotFoundError):
            world.do(call)
    assert world.seats() == (4, 5)
    assert world.do(world.sweep()) == 1
    assert world.do(world.sweep()) == 0
    [event] = world.events("membership.ended")
    assert event["body"] == {"principal_id": "vera", "role": "admin"}
    assert world.seats() == (3, 5)


@pytest.mark.covers("ACC-09", "F03")
def test_the_host_too_needs_a_seat_for_a_new_member_and_none_for_an_old_one(world: World) -> None:
    world.found({"seat_limit": 3})
    with pytest.raises(SeatLimitError):
        world.do(world.put_member(VERA, "member"))
    world.do(world.put_member(MIA, "admin"))
    world.do(world.remove(MIA))
    world.do(world.put_member(VERA, "member"))
    assert world.seats() == (3, 3)

# SPDX-License-Identifier: Apache-2.0
"""Looking at a link: shows the least, changes nothing; and asking for a new one."""

from __future__ import annotations

import pytest

from tests.world import ADAM, MIA, OLGA, VERA, XENIA, World, person
from vestibule.core.invitation import InvitationState
from vestibule.core.limits import Limit, Limits
from vestibule.errors import ClaimRejectedError, RateLimitedError, RejectReason
from vestibule.ports import ClaimKey
from vestibule.storage.schema import outbox_messages


@pytest.mark.covers("ACC-01", "G10", "F10")
def test_fifty_looks_change_not_one_byte(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA))
    before = world.everything()
    world.race(*[world.preview(issued, who) for who in (None, VERA, XENIA, MIA, OLGA) for _ in range(10)])
    assert world.everything() == before
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("ACC-01", "A12", "G12")
def test_everybody_with_the_link_sees_the_same_little(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    seen = [world.do(world.preview(issued, who)) for who in (None, XENIA, VERA)]
    for one in seen:
        assert (one.tenant_name, one.role, one.inviter_name) == ("Acme", "member", "Olga")
        assert one.invited_email.masked == "v***@example.com"
        assert "vera" not in repr(one)
        assert one.state is InvitationState.PENDING


@pytest.mark.covers("ACC-11", "A12", "B10")
def test_a_dead_link_shows_nothing_except_to_whom_it_made_a_member(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    world.do(world.accept(VERA, issued))
    own = world.do(world.preview(issued, VERA))
    assert (own.state, own.role) == (InvitationState.ACCEPTED, "member")
    for who in (None, XENIA, OLGA):
        assert world.refuse(world.preview(issued, who)) is RejectReason.CONSUMED
    expired = world.do(world.issue(XENIA, expires_in=900))
    world.pass_time(901)
    assert world.refuse(world.preview(expired, XENIA)) is RejectReason.EXPIRED
    world.do(world.put_member(VERA, "admin"))
    assert world.do(world.preview(issued, VERA)).role == "admin"


@pytest.mark.covers("E09")
def test_a_link_shows_the_tenants_name_of_today(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    world.do(world.put_tenant(None, name="New Acme"))
    assert world.do(world.preview(issued)).tenant_name == "New Acme"
    world.execute("UPDATE vestibule_tenants SET suspended_at = created_at")
    assert world.refuse(world.preview(issued)) is RejectReason.TENANT_SUSPENDED


@pytest.mark.covers("ACC-08")
def test_looking_at_nothing_is_throttled_and_a_live_link_is_not(every_world: World) -> None:
    world = every_world
    world.limits = Limits(preview_per_ip=Limit(2, 3600))
    world.found()
    issued = world.do(world.issue(VERA))
    nothing = world.preview(ClaimKey(claim_token_hash=b"?" * 32))
    for _ in range(2):
        with pytest.raises(ClaimRejectedError):
            world.do(nothing)
    with pytest.raises(RateLimitedError):
        world.do(nothing)
    world.do(world.preview(issued))
    assert world.events("claim.rejected") == []


@pytest.mark.covers("ACC-13")
def test_asking_for_a_new_one_tells_the_administrators_once_a_day(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA, expires_in=900))
    world.do(world.accept(XENIA, world.do(world.issue(XENIA))))
    world.pass_time(901)
    world.deliver()
    for who in (None, VERA, XENIA):
        world.do(world.request_new(issued, who))
    letters = world.deliver()
    assert {letter.recipient.address_key for letter in letters} == {"olga@example.com", "adam@example.com"}
    assert {letter.kind for letter in letters} == {"renewal_notice"}
    [event] = world.events("invitation.renewal_requested")
    assert event["actor_id"] == "anonymous"
    assert {letter.values["asker_address"] for letter in letters} == {""}
    world.pass_time(hours=25)
    world.do(world.request_new(issued, XENIA))
    assert [letter.values["asker_address"] for letter in world.deliver()] == ["x@evil.example"] * 2


@pytest.mark.covers("ACC-13", "K12")
def test_asking_about_nothing_or_too_often_or_a_closed_tenant_does_nothing(world: World) -> None:
    world.limits = Limits(request_new_per_ip=Limit(2, 3600))
    world.found()
    issued, other = world.do(world.issue(VERA)), world.do(world.issue(XENIA))
    world.do(world.request_new(ClaimKey(claim_token_hash=b"?" * 32)))
    assert world.rows(outbox_messages) == []
    world.do(world.request_new(issued))
    assert len(world.rows(outbox_messages)) == 2
    world.do(world.request_new(other))
    assert len(world.rows(outbox_messages)) == 2
    world.pass_time(3600)
    world.do(world.suspend())
    world.do(world.request_new(other))
    assert world.deliver() == []
    assert len(world.rows(outbox_messages)) == 2


@pytest.mark.covers("ACC-15", "ACC-10")
def test_declining_needs_the_right_person_and_tells_the_inviter(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA, by=ADAM))
    assert world.refuse(world.decline(XENIA, issued)) is RejectReason.WRONG_RECIPIENT
    assert world.do(world.decline(VERA, issued)) == issued.invitation.invitation_id
    assert world.refuse(world.decline(VERA, issued)) is RejectReason.DECLINED
    [letter] = world.deliver()
    assert (letter.kind, letter.recipient.address_key) == ("declined_notice", "adam@example.com")
    assert world.events("claim.rejected")[-1]["body"]["attempted"] == "decline"
    assert "vera" not in world.members()
    world.limits = Limits(claim_per_principal=Limit(1, 3600))
    world.refuse(world.decline(person("zoe"), issued))
    with pytest.raises(RateLimitedError):
        world.do(world.decline(person("zoe"), issued))

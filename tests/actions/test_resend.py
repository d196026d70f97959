# SPDX-License-Identifier: Apache-2.0
"""Resending and revoking: the same record, a new link, and the ends of both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lanes import Act
from tests.world import ADAM, MIA, OLGA, VERA, XENIA, World, by_id, person
from vestibule.errors import (
    AlreadyMemberError,
    DomainNotAllowedError,
    NotFoundError,
    NotPendingError,
    NotPermittedError,
    RejectReason,
    RoleNotAssignableError,
    TenantSuspendedError,
    TooSoonError,
)
from vestibule.storage.schema import invitations


@pytest.mark.covers("ISS-12", "B13", "B07")
def test_of_three_links_only_the_newest_works(every_world: World) -> None:
    world = every_world
    world.found({"resend_cooldown": 0})
    first = world.do(world.issue(VERA))
    second = world.do(world.resend(first))
    third = world.do(world.resend(first, by=ADAM))
    assert [issued.invitation.generation for issued in (first, second, third)] == [1, 2, 3]
    for old in (first, second):
        assert world.refuse(world.accept(VERA, old)) is RejectReason.UNKNOWN
    assert len(world.rows(invitations)) == 1
    world.do(world.accept(VERA, third))


@pytest.mark.covers("ISS-12", "B12")
def test_the_window_starts_anew_by_todays_policy_and_as_short_as_was_asked(world: World) -> None:
    world.found()
    plain, short = world.do(world.issue(VERA)), world.do(world.issue(XENIA, expires_in=7200))
    world.pass_time(3600)
    world.do(world.put_tenant({"ttl": {"member": 86_400}}))
    for issued, seconds in ((plain, 86_400), (short, 7200)):
        renewed = world.do(world.resend(issued)).invitation
        left = renewed.expires_at - world.lane.now()
        assert timedelta(seconds=seconds - 60) < left <= timedelta(seconds=seconds)
        assert renewed.policy_version == 2


@pytest.mark.covers("ISS-12", "G08")
def test_resending_has_a_cooldown(world: World) -> None:
    world.found({"resend_cooldown": 300})
    issued = world.do(world.issue(VERA))
    world.do(world.resend(issued))
    world.pass_time(100)
    with pytest.raises(TooSoonError) as refusal:
        world.do(world.resend(issued))
    assert 190 <= refusal.value.retry_after <= 200
    world.pass_time(201)
    world.do(world.resend(issued))


@pytest.mark.covers("ISS-12", "LIF-01", "E08")
def test_nothing_final_is_sent_again(world: World) -> None:
    world.found()
    accepted, declined = world.do(world.issue(VERA)), world.do(world.issue(XENIA))
    revoked, expired = world.do(world.issue("r@example.com")), world.do(world.issue("e@example.com"))
    superseded = world.do(world.issue("s@example.com"))
    live = world.do(world.issue("s@example.com"))
    world.do(world.accept(VERA, accepted))
    world.do(world.decline(XENIA, declined))
    world.do(world.revoke(revoked))
    world.execute(
        "UPDATE vestibule_invitations SET expires_at = created_at WHERE invitation_id = :one",
        one=expired.invitation.invitation_id,
    )
    world.do(world.remove(VERA))
    for dead in (accepted, declined, revoked, expired, superseded):
        calls: list[Act] = [world.resend(dead), world.revoke(dead)]
        for call in calls:
            with pytest.raises(NotPendingError):
                world.do(call)
    world.do(world.resend(live))


@pytest.mark.covers("ISS-12", "D07", "ISS-03")
def test_who_could_not_issue_it_can_not_resend_it(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA, "admin"))
    for who, error in ((MIA, NotPermittedError), (ADAM, RoleNotAssignableError), (XENIA, NotFoundError)):
        with pytest.raises(error):
            world.do(world.resend(issued, by=who))
    world.do(world.resend(issued))


@pytest.mark.covers("ISS-12", "ISS-09", "ISS-10")
def test_every_rule_of_issuing_is_asked_again(world: World) -> None:
    world.found()
    issued = world.do(world.issue("v2@example.com"))
    world.do(world.put_tenant({"allowed_domains": ["acme.example"]}))
    with pytest.raises(DomainNotAllowedError):
        world.do(world.resend(issued))
    world.do(world.put_tenant({}))
    two = person("vera", "vera@example.com", "v2@example.com")
    world.do(world.accept(two, world.do(world.issue(VERA))))
    with pytest.raises(AlreadyMemberError):
        world.do(world.resend(issued))
    other = world.do(world.issue(XENIA))
    world.execute("UPDATE vestibule_tenants SET suspended_at = created_at")
    with pytest.raises(TenantSuspendedError):
        world.do(world.resend(other))
    world.execute("UPDATE vestibule_tenants SET suspended_at = NULL")
    world.do(world.resend(other))


@pytest.mark.parametrize("verb", ["resend", "revoke"])
@pytest.mark.covers("D06", "TEN-06")
def test_another_tenants_invitation_is_not_there(world: World, verb: str) -> None:
    world.found()
    world.found(tenant="other")
    issued = world.do(world.issue(VERA))
    call: Any = getattr(world, verb)
    with pytest.raises(NotFoundError):
        world.do(call(issued, tenant="other"))
    with pytest.raises(NotFoundError):
        world.do(call(issued, by=XENIA))
    assert len(world.events(tenant_id="other")) == len(world.events(tenant_id="acme")) - 2
    world.do(call(issued))


@pytest.mark.covers("LIF-02", "E08")
def test_revoking_is_effective_at_once_on_every_road(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA, deliver="email"))
    [claimed] = world.do(world.claim_messages())
    with pytest.raises(NotPermittedError):
        world.do(world.revoke(issued, by=MIA))
    world.do(world.revoke(issued, by=ADAM))
    assert world.refuse(world.accept(VERA, by_id(issued))) is RejectReason.REVOKED
    assert world.do(world.prepare(claimed)) is None
    [event] = world.events("invitation.revoked")
    assert (event["actor_id"], event["body"]["reason"]) == ("adam", "revoked")
    world.do(world.accept(VERA, world.do(world.issue(VERA, by=OLGA))))

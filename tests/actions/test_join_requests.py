# SPDX-License-Identifier: Apache-2.0
"""Asking to join, and the decision: an ordinary invitation, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains import Domains
from tests.lanes import Call
from tests.sealing import about_plain_rows
from tests.world import ADAM, HOST, MIA, OLGA, VERA, World, by_id, person
from vestibule.core.domain import Door, Rung
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.joining import JoinRequestState
from vestibule.core.limits import Limit, Limits
from vestibule.core.message import JoinRequestNotice
from vestibule.errors import (
    JoinDecidedError,
    NotFoundError,
    NotPermittedError,
    RateLimitedError,
    RejectReason,
    RoleNotAssignableError,
)
from vestibule.storage.schema import invitations, join_requests, outbox_messages

ANN = person("ann", "ann@acme.com")


def doors(domains: Domains, who: VerifiedIdentity) -> list[Door]:
    return [one.door for one in domains.doors(who)]


@pytest.mark.covers("TEN-04", "AUD-01")
def test_a_request_is_told_to_administrators_once_and_becomes_an_invitation(
    world: World, domains: Domains
) -> None:
    domains.open(Rung.REQUEST)
    assert doors(domains, ANN) == [Door.REQUEST]
    world.do(domains.ask(ANN))
    world.do(domains.ask(ANN))
    [view] = domains.requests()
    assert (view.request.address.key, view.name) == ("ann@acme.com", "Ann")
    assert len(world.rows(outbox_messages, kind=JoinRequestNotice.kind)) == 2
    issued = world.do(domains.approve(view.request.request_id, by=ADAM))
    assert issued.invitation.inviter_principal_id == "adam"
    assert "ann" not in world.members()
    world.do(world.accept(ANN, by_id(issued)))
    assert world.members()["ann"] == "member"
    [row] = world.rows(join_requests)
    assert (row["decided_by_principal_id"], row["invitation_id"]) == ("adam", issued.invitation.invitation_id)
    told = [event["kind"] for event in world.events() if event["kind"].startswith("join.")]
    assert told == ["join.requested", "join.approved"]


@pytest.mark.covers("TEN-04", "N07")
@pytest.mark.parametrize("rung", [Rung.DENY, Rung.INVITE_ONLY, Rung.SUGGEST])
def test_where_no_request_is_admitted_none_is_kept_and_nobody_learns_it(
    world: World, domains: Domains, rung: Rung
) -> None:
    domains.open(rung)
    for tenant in ("acme", "nowhere"):
        world.do(domains.ask(ANN, tenant))
    world.do(domains.ask(person("eve", "eve@evilacme.com")))
    assert world.rows(join_requests) == []
    assert world.rows(outbox_messages, kind=JoinRequestNotice.kind) == []


@pytest.mark.covers("TEN-04", "ISS-03", "D12")
def test_a_request_is_decided_by_administrators_within_what_they_may_grant(
    world: World, domains: Domains
) -> None:
    domains.open(Rung.REQUEST)
    world.do(domains.ask(ANN))
    [view] = domains.requests()
    request_id = view.request.request_id
    with pytest.raises(NotPermittedError):
        domains.requests(by=MIA)
    for refused, who in ((NotPermittedError, MIA), (NotFoundError, VERA), (NotPermittedError, HOST)):
        calls: tuple[Call[Any], ...] = (
            domains.approve(request_id, by=who),
            domains.reject(request_id, by=who),
        )
        for call in calls:
            with pytest.raises(refused):
                world.do(call)
    with pytest.raises(RoleNotAssignableError):
        world.do(domains.approve(request_id, "owner", by=ADAM))
    assert world.rows(invitations) == []
    world.do(world.put_tenant(tenant="other", name="Other"))
    ursula = person("ursula")
    world.do(world.put_member(ursula, "owner", "other"))
    with pytest.raises(NotFoundError):
        world.do(domains.approve(request_id, by=ursula, tenant="other"))
    world.do(domains.approve(request_id, "admin", by=OLGA))


@pytest.mark.covers("TEN-04", "ISS-04", "S06")
def test_S06_an_approved_request_for_an_elevating_role_is_held_like_any_other(
    world: World, domains: Domains
) -> None:
    domains.open(Rung.REQUEST)
    world.do(domains.ask(ANN))
    [view] = domains.requests()
    issued = world.do(domains.approve(view.request.request_id, "owner", by=OLGA))
    assert issued.invitation.is_held
    assert world.refuse(world.accept(ANN, by_id(issued))) is RejectReason.NOT_APPROVED


@pytest.mark.covers("TEN-04")
def test_a_rejected_request_is_closed_and_can_not_be_raised_again_soon(
    world: World, domains: Domains
) -> None:
    domains.open(Rung.REQUEST)
    world.do(domains.ask(ANN))
    [view] = domains.requests()
    request_id = view.request.request_id
    world.do(domains.reject(request_id, by=ADAM))
    calls: tuple[Call[Any], ...] = (domains.reject(request_id), domains.approve(request_id))
    for call in calls:
        with pytest.raises(JoinDecidedError):
            world.do(call)
    with pytest.raises(NotFoundError):
        world.do(domains.reject("no-such-request"))
    world.do(domains.ask(ANN))
    assert domains.requests() == []
    assert [one.request.state for one in domains.requests(None)] == [JoinRequestState.REJECTED]
    world.pass_time(days=31)
    domains.publish()
    domains.check()
    world.do(domains.ask(ANN))
    assert len(domains.requests()) == 1


@pytest.mark.covers("TEN-04", "TEN-03")
def test_trying_is_limited_whatever_it_was_for(world: World, domains: Domains) -> None:
    world.limits = Limits(join_per_principal=Limit(3, 3600))
    domains.open(Rung.REQUEST)
    for tenant in ("nowhere", "acme"):
        world.do(domains.ask(ANN, tenant))
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN, "nowhere"))
    calls: tuple[Call[Any], ...] = (domains.ask(ANN), domains.ask(ANN, "nowhere"), domains.open_door(ANN))
    for call in calls:
        with pytest.raises(RateLimitedError):
            world.do(call)
    world.do(domains.ask(person("bea", "bea@acme.com")))
    assert len(domains.requests()) == 2


@pytest.mark.covers("TEN-04", "LIF-03", "E10")
def test_offboarding_closes_what_the_person_had_asked(world: World, domains: Domains) -> None:
    domains.open(Rung.REQUEST)
    world.do(domains.ask(ANN))
    world.do(domains.ask(person("bea", "bea@acme.com")))
    [bea, ann] = sorted(domains.requests(), key=lambda one: one.request.principal_id, reverse=True)
    world.do(world.offboard(ANN))
    assert [one.request.principal_id for one in domains.requests()] == ["bea"]
    with pytest.raises(JoinDecidedError):
        world.do(domains.approve(ann.request.request_id))
    world.do(domains.approve(bea.request.request_id))


@pytest.mark.covers("TEN-04", "TEN-03", "D15")
@about_plain_rows
def test_whom_the_directory_has_deactivated_finds_no_door(world: World, domains: Domains) -> None:
    domains.open()
    assert doors(domains, ANN) == [Door.JOIN]
    world.execute(
        "INSERT INTO vestibule_directory_bars (tenant_id, subject, user_id)"
        " VALUES ('acme', 'ann@acme.com', 'u1')"
    )
    assert doors(domains, ANN) == []
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    world.do(domains.ask(ANN))
    assert domains.requests() == []
    domains.join(person("bea", "bea@acme.com"))

# SPDX-License-Identifier: Apache-2.0
"""Joining by the rule of a domain, and asking to: every road ends in one grant and one accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.domains import Domains
from tests.lanes import Act, Call
from tests.nameserver import DnsServer
from tests.world import ADAM, HOST, MIA, OLGA, VERA, World, by_id, person
from vestibule.core.domain import Door, Rung
from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedAddress, VerifiedIdentity
from vestibule.core.joining import JoinRequestState
from vestibule.core.limits import Limit, Limits
from vestibule.core.message import InvitationMail, JoinRequestNotice
from vestibule.errors import (
    AlreadyMemberError,
    ClaimRejectedError,
    EmailUnverifiedError,
    JoinDecidedError,
    NotFoundError,
    NotPermittedError,
    RateLimitedError,
    RejectReason,
    RoleNotAssignableError,
)
from vestibule.storage.schema import invitations, join_requests, memberships, outbox_messages

ANN = person("ann", "ann@acme.com")
RECORD = "_vestibule.acme.com"


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.stop()


@pytest.fixture
def domains(world: World, server: DnsServer) -> Domains:
    server.forget(RECORD)
    world.found()
    return Domains(world, server)


def doors(domains: Domains, who: VerifiedIdentity) -> list[Door]:
    return [one.door for one in domains.doors(who)]


# Joining


@pytest.mark.covers("TEN-03", "ACC-02", "AUD-01")
def test_a_rule_admits_by_one_grant_and_one_accept(world: World, domains: Domains) -> None:
    domains.open()
    joined = domains.join(ANN)
    assert (joined.tenant_id, joined.role, joined.kept_role) == ("acme", "member", False)
    assert world.members()["ann"] == "member"
    [grant] = world.rows(invitations)
    assert grant["inviter_principal_id"] == "domain|acme.com"
    assert grant["consumed_by_principal_id"] == "ann"
    assert grant["claim_token_hash"] is None
    kinds = [event["kind"] for event in world.events(invitation_id=joined.invitation_id)]
    assert kinds == ["invitation.issued", "invitation.accepted"]
    assert world.rows(outbox_messages, kind=InvitationMail.kind) == []
    assert world.deliver() == []


@pytest.mark.covers("TEN-03")
def test_opening_a_door_makes_nobody_a_member(world: World, domains: Domains) -> None:
    domains.open()
    world.do(domains.open_door(ANN))
    assert "ann" not in world.members()


@pytest.mark.covers("TEN-03", "LIF-01")
def test_the_promise_of_a_rule_is_short(world: World, domains: Domains) -> None:
    domains.open()
    invitation_id = world.do(domains.open_door(ANN))
    world.pass_time(minutes=16)
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.EXPIRED
    domains.join(ANN)


@pytest.mark.covers("S03", "TEN-03", "ISS-09")
@pytest.mark.parametrize(
    "address",
    [
        "ann@evilacme.com",
        "ann@acme.com.evil.com",
        "ann@sub.acme.com",
        "ann@acmexcom.com",
        "acme.com@evil.com",
        "ann+acme.com@example.com",
    ],
)
def test_S03_no_other_domain_is_admitted(world: World, domains: Domains, address: str) -> None:
    domains.open()
    stranger = person("ann", address)
    assert domains.doors(stranger) == []
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(stranger))
    assert world.rows(invitations) == []
    domains.join(person("bea", "BEA@ACME.COM"))


@pytest.mark.covers("S05", "TEN-03")
def test_S05_who_has_verified_nothing_does_not_join(world: World, domains: Domains) -> None:
    domains.open()
    unverified = VerifiedIdentity(principal_id="ann")
    for call in (
        lambda: world.do(domains.open_door(unverified)),
        lambda: domains.doors(unverified),
        lambda: world.do(domains.ask(unverified)),
    ):
        with pytest.raises(EmailUnverifiedError):
            call()
    invitation_id = world.do(domains.open_door(ANN))
    with pytest.raises(EmailUnverifiedError):
        world.do(domains.accept(unverified, invitation_id))
    assert "ann" not in world.members()


@pytest.mark.covers("S05", "TEN-03")
def test_S05_an_address_that_changed_after_the_door_opened_admits_nobody(
    world: World, domains: Domains
) -> None:
    domains.open()
    invitation_id = world.do(domains.open_door(ANN))
    moved = person("ann", "ann@elsewhere.example")
    assert world.refuse(domains.accept(moved, invitation_id)) is RejectReason.WRONG_RECIPIENT
    assert "ann" not in world.members()


@pytest.mark.covers("S05", "ACC-05", "A18")
def test_evidence_of_another_tenant_opens_no_door(world: World, domains: Domains) -> None:
    domains.open()
    address = EmailAddress.parse_input("ann@acme.com")
    foreign = VerifiedIdentity(
        principal_id="idp|ann",
        addresses=(VerifiedAddress(address=address, evidence="sso", tenant_id="other"),),
    )
    assert domains.doors(foreign) == []
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(foreign))
    world.do(domains.ask(foreign))
    assert world.rows(join_requests) == []
    own = replace(foreign, addresses=(replace(foreign.addresses[0], tenant_id="acme"),))
    assert doors(domains, own) == [Door.JOIN]


@pytest.mark.covers("S07", "TEN-03", "TEN-06")
@pytest.mark.parametrize("rung", [Rung.DENY, Rung.INVITE_ONLY, Rung.SUGGEST, Rung.REQUEST])
def test_S07_no_lower_rung_lets_in(world: World, domains: Domains, rung: Rung) -> None:
    domains.open(rung)
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    assert world.rows(invitations) == []


@pytest.mark.covers("S07", "ACC-05")
def test_S07_where_the_tenant_requires_its_connection_the_rule_admits_through_no_other(
    world: World, domains: Domains
) -> None:
    domains.open()
    world.do(world.put_tenant({"require_connection": "idp"}))
    assert doors(domains, ANN) == [Door.SIGN_IN]
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    through = replace(ANN, connection="idp")
    invitation_id = world.do(domains.open_door(through))
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.WRONG_CONNECTION
    world.do(domains.accept(through, invitation_id))


@pytest.mark.covers("S07", "ACC-05")
def test_S07_a_guest_by_exception_is_none_on_the_rung_that_asks_for_the_connection(
    world: World, domains: Domains
) -> None:
    domains.prove()
    world.do(world.put_tenant({"require_connection": "idp", "connection_exceptions": ["acme.com"]}))
    world.do(domains.put(rung=Rung.SSO_REQUIRED))
    assert doors(domains, ANN) == [Door.SIGN_IN]
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    domains.join(replace(ANN, connection="idp"))


@pytest.mark.covers("S06", "S07", "ISS-04")
def test_S06_what_waits_for_an_approval_is_neither_overtaken_nor_replaced(
    world: World, domains: Domains
) -> None:
    domains.open()
    held = world.do(world.issue("ann@acme.com", "owner"))
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    assert world.invitation(held)["revoked_at"] is None
    assert "ann" not in world.members()


@pytest.mark.covers("S07")
def test_S07_a_role_that_comes_to_need_an_approval_is_no_longer_given_by_the_rule(
    world: World, domains: Domains
) -> None:
    domains.open()
    invitation_id = world.do(domains.open_door(ANN))
    world.do(world.put_tenant({"roles": {"member": {"approvals": 1}}}))
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.INVITER_GONE
    assert doors(domains, ANN) == [Door.REQUEST]
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))


@pytest.mark.covers("S07", "ISS-09")
def test_S07_the_allow_list_narrows_the_rule(world: World, domains: Domains) -> None:
    domains.open()
    invitation_id = world.do(domains.open_door(ANN))
    world.do(world.put_tenant({"allowed_domains": ["elsewhere.example"]}))
    assert domains.doors(ANN) == []
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.DOMAIN_NOT_ALLOWED


@pytest.mark.covers("TEN-03", "ISS-06")
def test_a_promise_that_a_person_made_before_is_what_is_accepted(world: World, domains: Domains) -> None:
    domains.open()
    issued = world.do(world.issue("ann@acme.com", "admin"))
    joined = domains.join(ANN)
    assert (joined.invitation_id, joined.role) == (issued.invitation.invitation_id, "admin")


@pytest.mark.covers("TEN-03")
def test_a_member_joins_no_second_time_and_is_told_of_no_door(world: World, domains: Domains) -> None:
    domains.open()
    domains.join(ANN)
    assert domains.doors(ANN) == []
    with pytest.raises(AlreadyMemberError):
        world.do(domains.open_door(ANN))


@pytest.mark.covers("TEN-01", "TEN-03")
def test_without_a_seat_the_door_is_shut(world: World, domains: Domains) -> None:
    domains.open()
    world.do(world.put_tenant({"seat_limit": 4, "seats_count_pending": True}))
    domains.join(ANN)
    bea = person("bea", "bea@acme.com")
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(bea))
    world.do(world.remove(MIA))
    domains.join(bea)
    assert world.seats() == (4, 4)


@pytest.mark.covers("LIF-03")
def test_a_suspended_or_deleted_tenant_opens_to_nobody(world: World, domains: Domains) -> None:
    domains.open()
    ends: tuple[Call[Any], ...] = (world.suspend(), world.delete())
    for end in ends:
        world.do(end)
        assert domains.doors(ANN) == []
        with pytest.raises(NotFoundError):
            world.do(domains.open_door(ANN))


# A rule that ends


@pytest.mark.covers("TEN-03", "ACC-09", "E01")
@pytest.mark.parametrize("end", ["lower", "other_role", "deny", "remove"])
def test_a_promise_of_a_rule_is_revoked_when_the_rule_changes(
    world: World, domains: Domains, end: str
) -> None:
    domains.open()
    invitation_id = world.do(domains.open_door(ANN))
    ends: dict[str, Any] = {
        "lower": lambda: domains.put(rung=Rung.REQUEST),
        "other_role": lambda: domains.put(role="admin"),
        "deny": lambda: domains.put(rung=Rung.DENY),
        "remove": domains.remove,
    }
    world.do(ends[end]())
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.REVOKED
    assert len(world.events("invitation.revoked")) == 1
    assert "ann" not in world.members()


@pytest.mark.covers("TEN-03", "ACC-16", "ACC-09")
def test_a_lapsed_proof_admits_nobody_though_nobody_has_recorded_it(world: World, domains: Domains) -> None:
    domains.open()
    world.pass_time(days=29, hours=23, minutes=55)
    invitation_id = world.do(domains.open_door(ANN))
    world.pass_time(minutes=6)
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.INVITER_GONE
    assert domains.doors(ANN) == []
    domains.server.forget(RECORD)
    assert domains.tend() == 1
    assert world.refuse(domains.accept(ANN, invitation_id)) is RejectReason.REVOKED
    assert "ann" not in world.members()


@pytest.mark.covers("ACC-09", "TEN-03")
def test_an_invitation_by_a_person_outlives_the_rule(world: World, domains: Domains) -> None:
    domains.open()
    issued = world.do(world.issue("ann@acme.com"))
    world.do(domains.put(rung=Rung.INVITE_ONLY))
    world.do(world.accept(ANN, issued))


# Who was removed before


@pytest.mark.covers("D15", "E04", "TEN-03")
def test_D15_who_was_removed_asks_and_does_not_walk_back_in(world: World, domains: Domains) -> None:
    domains.open()
    domains.join(ANN)
    world.do(world.remove(ANN, by=OLGA))
    assert doors(domains, ANN) == [Door.REQUEST]
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    world.do(domains.ask(ANN))
    [request] = domains.requests()
    assert request.request.principal_id == "ann"
    again = person("ann-again", "ann@acme.com")
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(again))
    domains.join(person("annabel", "annabel@acme.com"))
    domains.join(person("ann%", "ann-percent@acme.com"))
    world.pass_time(days=91)
    domains.publish()
    domains.check()
    domains.join(ANN)


@pytest.mark.covers("D15", "E04")
def test_who_left_by_itself_may_come_back(world: World, domains: Domains) -> None:
    domains.open()
    domains.join(ANN)
    world.do(world.remove(ANN, by=ANN))
    domains.join(ANN)


@pytest.mark.covers("D15", "LIF-03", "E10")
def test_D15_who_was_offboarded_neither_joins_nor_asks(world: World, domains: Domains) -> None:
    domains.open()
    domains.join(ANN)
    world.do(world.offboard(ANN))
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    world.do(domains.ask(ANN))
    assert domains.requests() == []
    assert "ann" not in world.members()


# Asking


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


# Races


@pytest.mark.covers("TEN-03", "E02", "ACC-09")
@pytest.mark.parametrize("end", ["lower", "deny", "remove", "lapse"])
def test_nobody_is_in_without_the_rule_in_force_at_that_moment(
    world: World, domains: Domains, end: str, rounds: int
) -> None:
    """A door that is being shut: the event that shut it is never followed by one that let somebody in."""
    domains.open()
    ends: dict[str, Any] = {
        "lower": lambda: domains.put(rung=Rung.SUGGEST),
        "deny": lambda: domains.put(rung=Rung.DENY),
        "remove": domains.remove,
        "lapse": lambda: _lapse(world, domains),
    }
    for number in range(max(1, rounds // 25)):
        who = person(f"ann{number}", f"ann{number}@acme.com")
        invitation_id = world.do(domains.open_door(who))
        acts: list[Act] = [*(domains.accept(who, invitation_id) for _ in range(3)), ends[end]()]
        outcomes = world.race(*acts)
        assert not [
            one for one in outcomes if isinstance(one, Exception) and not isinstance(one, ClaimRejectedError)
        ]
        row = next(one for one in world.rows(invitations) if one["invitation_id"] == invitation_id)
        is_in = who.principal_id in world.members()
        assert is_in == (row["consumed_at"] is not None)
        assert is_in != (row["revoked_at"] is not None)
        if end == "remove":
            domains.prove()
        else:
            domains.publish()
            domains.check()
        world.do(domains.put(rung=Rung.AUTO_JOIN))


def _lapse(world: World, domains: Domains) -> Act:
    world.execute("UPDATE vestibule_domains SET proof_expires_at = created_at")
    return domains.lapse()


@pytest.mark.covers("TEN-03", "F02")
def test_F02_two_people_at_one_address_get_one_membership(world: World, domains: Domains) -> None:
    domains.open()
    twin = person("twin", "ann@acme.com")
    first, second = world.race(domains.open_door(ANN), domains.open_door(twin))
    ids = {one for one in (first, second) if isinstance(one, str)}
    world.race(*(domains.accept(who, one) for who in (ANN, twin) for one in ids))
    rows = [row for row in world.rows(memberships) if row["principal_id"] in ("ann", "twin")]
    assert len(rows) == 1

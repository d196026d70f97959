# SPDX-License-Identifier: Apache-2.0
"""Joining by the rule of a domain: every road ends in one grant and one accept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.domains import Domains
from tests.lanes import Call
from tests.world import MIA, OLGA, World, person
from vestibule.core.domain import Door, Rung
from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedAddress, VerifiedIdentity
from vestibule.core.message import InvitationMail
from vestibule.errors import (
    AlreadyMemberError,
    EmailUnverifiedError,
    NotFoundError,
    RejectReason,
)
from vestibule.storage.schema import invitations, join_requests, outbox_messages

ANN = person("ann", "ann@acme.com")
RECORD = "_vestibule.acme.com"


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


@pytest.mark.covers("D15", "E04", "TEN-03")
def test_D15_who_was_removed_does_not_come_back_as_another_principal_of_its_address(
    world: World, domains: Domains
) -> None:
    domains.open()
    # What a tenant's own connection says of an address counts there only, and is remembered of nobody.
    address = VerifiedAddress(address=EmailAddress("ann@acme.com"), evidence="sso", tenant_id="acme")
    by_sso = VerifiedIdentity(principal_id="idp|ann", connection="idp", addresses=(address,))
    domains.join(by_sso)
    world.do(world.remove(by_sso, by=OLGA))
    assert doors(domains, ANN) == [Door.REQUEST]
    with pytest.raises(NotFoundError):
        world.do(domains.open_door(ANN))
    domains.join(person("annabel", "annabel@acme.com"))


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
    assert domains.doors(ANN) == []
    assert "ann" not in world.members()

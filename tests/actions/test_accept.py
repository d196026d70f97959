# SPDX-License-Identifier: Apache-2.0
"""Accepting: who gets in, and every reason why not, down to the trail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lanes import LaneKeeper
from tests.world import ADAM, HOST, MIA, OLGA, VERA, XENIA, World, by_id, key_of, person
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.limits import Limit, Limits
from vestibule.errors import (
    ClaimRejectedError,
    EmailUnverifiedError,
    NotPermittedError,
    RateLimitedError,
    RejectReason,
)
from vestibule.ports import ClaimKey


@pytest.mark.covers("ACC-02", "ACC-03", "ACC-17", "AUD-01", "F09")
def test_the_right_person_becomes_a_member_and_the_inviter_hears_of_it(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA, "member"))
    accepted = world.do(world.accept(VERA, issued))
    assert (accepted.role, accepted.kept_role) == ("member", False)
    assert world.members() == {"olga": "owner", "adam": "admin", "mia": "member", "vera": "member"}
    [event] = world.events("invitation.accepted")
    assert event["actor_id"] == "vera"
    assert event["body"]["evidence"] == "host"
    assert [letter.recipient.address_key for letter in world.deliver()] == ["olga@example.com"]


@pytest.mark.covers("A01", "ACC-03", "ACC-07", "B08", "TOK-02")
def test_a_forwarded_link_is_refused_and_stays_good_for_its_person(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA))
    assert world.refuse(world.accept(XENIA, issued)) is RejectReason.WRONG_RECIPIENT
    world.do(world.accept(VERA, issued))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.CONSUMED
    assert world.refuse(world.accept(XENIA, issued)) is RejectReason.CONSUMED
    assert "xenia" not in world.members()


@pytest.mark.covers("ACC-03", "A03")
def test_without_a_verified_address_the_link_is_not_even_looked_at(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    nobody = VerifiedIdentity(principal_id="vera")
    for link in (issued, ClaimKey(claim_token_hash=b"?" * 32)):
        with pytest.raises(EmailUnverifiedError):
            world.do(world.accept(nobody, link))
    with pytest.raises(NotPermittedError):
        world.do(world.accept(HOST, issued))
    assert world.events("claim.rejected") == []
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("B15", "B16", "ACC-07")
def test_an_unknown_hash_and_an_unknown_id_are_refused(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    for key in (
        ClaimKey(claim_token_hash=b"?" * 32),
        ClaimKey(invitation_id="no-such-invitation"),
        ClaimKey(claim_token_hash=issued.invitation.invitation_id.encode()),
    ):
        assert world.refuse(world.accept(VERA, key)) is RejectReason.UNKNOWN
    last = world.events("claim.rejected")[-1]
    assert (last["tenant_id"], last["invitation_id"]) == ("", None)
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("B10", "B11", "LIF-01")
def test_an_invitation_is_valid_until_its_expiry_and_not_a_moment_longer(world: World) -> None:
    world.found()
    lasts = world.do(world.issue(VERA, expires_in=3600))
    ended = world.do(world.issue(XENIA, expires_in=900))
    world.pass_time(3590)
    assert world.refuse(world.accept(XENIA, ended)) is RejectReason.EXPIRED
    assert world.refuse(world.decline(XENIA, ended)) is RejectReason.EXPIRED
    world.do(world.accept(VERA, lasts))
    assert world.events("invitation.expired") == []  # no sweeper ran


@pytest.mark.covers("B10", "LIF-01")
def test_the_interval_is_half_open_to_the_millisecond(lanes: LaneKeeper) -> None:
    world = World(lanes.open("sqlite-plain"))
    world.found()
    early = world.do(world.issue(VERA, expires_in=900))
    late = world.do(world.issue(XENIA, expires_in=900))
    world.pass_time(899.999)
    world.do(world.accept(VERA, early))
    world.pass_time(0.001)
    assert world.refuse(world.accept(XENIA, late)) is RejectReason.EXPIRED


@pytest.mark.covers("E08", "LIF-02", "ACC-15")
def test_revoked_and_declined_are_final(world: World) -> None:
    world.found()
    revoked, declined = world.do(world.issue(VERA)), world.do(world.issue(XENIA))
    world.do(world.revoke(revoked))
    world.do(world.decline(XENIA, declined))
    for key in (key_of(revoked), by_id(revoked)):
        assert world.refuse(world.accept(VERA, key)) is RejectReason.REVOKED
    assert world.refuse(world.accept(XENIA, declined)) is RejectReason.DECLINED
    assert world.refuse(world.decline(XENIA, declined)) is RejectReason.DECLINED
    world.do(world.accept(VERA, world.do(world.issue(VERA))))


@pytest.mark.covers("ACC-09", "E02", "C09")
def test_what_the_policy_no_longer_lets_the_inviter_grant_is_refused(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA, by=ADAM))
    world.do(world.put_tenant({"assignable": {"owner": ["member"], "admin": []}}))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.INVITER_NOT_ENTITLED
    world.do(world.put_tenant({}))
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("ACC-09")
def test_a_role_that_no_longer_exists_is_refused(world: World) -> None:
    world.found({"assignable": {"owner": ["editor"]}})
    issued = world.do(world.issue(VERA, "editor"))
    world.do(world.put_tenant({}))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.ROLE_GONE
    world.do(world.put_tenant({"assignable": {"owner": ["editor"]}}))
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("ACC-09", "E01", "LIF-05")
def test_an_inviter_whose_membership_has_ended_lets_nobody_in(world: World) -> None:
    world.found()
    guest = person("guest")
    world.do(world.put_member(guest, "admin", expires_at=world.lane.now() + timedelta(hours=1)))
    early, late = world.do(world.issue(VERA, by=guest)), world.do(world.issue(XENIA, by=guest))
    world.do(world.accept(VERA, early))
    world.pass_time(hours=2)
    assert world.refuse(world.accept(XENIA, late)) is RejectReason.INVITER_GONE


@pytest.mark.covers("ACC-05")
def test_the_session_must_have_come_through_the_required_connection(world: World) -> None:
    world.found({"require_connection": "okta"})
    issued = world.do(world.issue(VERA))
    for connection in (None, "google", "Okta"):
        other = person("vera", connection=connection)
        assert world.refuse(world.accept(other, issued)) is RejectReason.WRONG_CONNECTION
    world.do(world.accept(person("vera", connection="okta"), issued))


@pytest.mark.covers("ISS-09", "ACC-09")
def test_a_domain_that_is_no_longer_allowed_is_refused(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    world.do(world.put_tenant({"allowed_domains": ["acme.example"]}))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.DOMAIN_NOT_ALLOWED
    world.do(world.put_tenant({"allowed_domains": ["example.com"]}))
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("LIF-03", "E10", "D15")
def test_an_offboarded_principal_is_kept_out_until_the_host_puts_it_back(world: World) -> None:
    world.found()
    world.do(world.offboard(VERA))
    issued = world.do(world.issue(VERA))
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.PRINCIPAL_OFFBOARDED
    world.do(world.put_member(VERA, "member", "acme"))
    world.do(world.remove(VERA))
    world.do(world.accept(VERA, world.do(world.issue(VERA))))


@pytest.mark.covers("LIF-03", "F08")
def test_a_stripped_owner_does_not_get_its_force_back_by_an_invitation(world: World) -> None:
    world.do(world.put_tenant())
    world.do(world.put_tenant(tenant="other"))
    world.do(world.put_member(OLGA, "owner"))
    world.do(world.put_member(ADAM, "admin"))
    world.do(world.offboard(OLGA))
    world.do(world.put_member(OLGA, "member", "other"))  # which lifts the offboarding
    issued = world.do(world.issue(OLGA, by=ADAM))
    assert world.refuse(world.accept(OLGA, issued)) is RejectReason.OWNER_KEPT
    assert world.invitation(issued)["consumed_at"] is None
    world.do(world.accept(VERA, world.do(world.issue(VERA, by=ADAM))))


@pytest.mark.parametrize("column, reason", [
    ("suspended_at", RejectReason.TENANT_SUSPENDED),
    ("deleted_at", RejectReason.TENANT_DELETED),
])  # fmt: skip
@pytest.mark.covers("E03", "ACC-09")
def test_an_inactive_tenant_lets_nobody_in_even_if_something_were_pending(
    world: World, column: str, reason: RejectReason
) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    world.execute(f"UPDATE vestibule_tenants SET {column} = created_at")
    assert world.refuse(world.accept(VERA, issued)) is reason
    world.execute(f"UPDATE vestibule_tenants SET {column} = NULL")
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("D08", "ACC-10", "OBS-01")
def test_an_existing_membership_is_never_changed_by_accepting(every_world: World) -> None:
    world = every_world
    world.found()
    # Mia proves a second address that nobody had known to be hers.
    for role, address in (("admin", "m@example.com"), ("member", "mm@example.com")):
        issued = world.do(world.issue(address, role))
        accepted = world.do(world.accept(person("mia", address), issued))
        assert (accepted.role, accepted.kept_role) == ("member", True)
    adam = person("adam", "a@example.com")
    assert world.do(world.accept(adam, world.do(world.issue("a@example.com")))).role == "admin"
    assert world.members() == {"olga": "owner", "adam": "admin", "mia": "member"}
    assert [event["body"]["kept_role"] for event in world.events("invitation.accepted")] == [True] * 3


@pytest.mark.covers("LIF-05", "E07")
def test_a_membership_that_has_ended_is_made_anew_in_its_own_seat(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 4})
    world.do(world.accept(VERA, world.do(world.issue(VERA, membership_expires_in=3600))))
    world.pass_time(hours=2)
    accepted = world.do(world.accept(VERA, world.do(world.issue(VERA, "admin"))))
    assert (accepted.role, accepted.kept_role) == ("admin", False)
    assert world.members()["vera"] == "admin"
    assert world.seats() == (4, 4)


@pytest.mark.covers("TOK-06")
def test_ones_own_invitations_can_be_accepted_by_id(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA, deliver="email"))
    assert world.refuse(world.accept(XENIA, by_id(issued))) is RejectReason.WRONG_RECIPIENT
    [own] = world.do(world.list_own(VERA)).items
    assert own.inviter_name == "Olga"
    world.do(world.accept(VERA, ClaimKey(invitation_id=own.invitation.invitation_id)))
    assert world.do(world.list_own(VERA)).items == []
    assert world.deliver()[0].kind == "accepted_notice"  # the link that was never needed is not sent


@pytest.mark.covers("TEN-06", "TOK-06")
def test_the_list_of_ones_own_shows_what_could_be_accepted_and_nothing_else(world: World) -> None:
    world.found()
    world.found(tenant="closed")
    both = person("vera", "vera@example.com", "v2@example.com")
    for issued in (world.issue("vera@example.com"), world.issue("v2@example.com"), world.issue(XENIA)):
        world.do(issued)
    world.do(world.issue(VERA, tenant="closed"))
    world.do(world.suspend("closed"))
    world.do(world.revoke(world.do(world.issue(VERA, "admin"))))
    mine = [own.invitation.invited_email.key for own in world.do(world.list_own(both)).items]
    assert mine == ["v2@example.com"]
    with pytest.raises(EmailUnverifiedError):
        world.do(world.list_own(VerifiedIdentity(principal_id="vera")))


@pytest.mark.covers("ACC-08", "A01")
def test_wrong_tries_are_throttled_and_never_keep_the_right_person_out(every_world: World) -> None:
    world = every_world
    world.limits = Limits(claim_per_token=Limit(3, 3600), claim_per_principal=Limit(3, 3600))
    world.found()
    issued = world.do(world.issue(VERA))
    for _ in range(3):
        world.refuse(world.accept(XENIA, issued))
    with pytest.raises(RateLimitedError) as slower:
        world.do(world.accept(XENIA, issued))
    assert slower.value.retry_after == 1200
    assert len(world.events("claim.rejected")) == 3
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("ACC-07", "AUD-01")
def test_the_reason_is_in_the_trail_and_nowhere_in_the_error(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    with pytest.raises(ClaimRejectedError) as refusal:
        world.do(world.accept(XENIA, issued))
    assert "recipient" not in f"{refusal.value} {refusal.value!r}"
    [event] = world.events("claim.rejected")
    assert event["body"] == {"attempted": "accept", "reason": "wrong_recipient"}
    assert (event["actor_id"], event["tenant_id"]) == ("xenia", "acme")
    assert event["invitation_id"] == issued.invitation.invitation_id
    with pytest.raises(ClaimRejectedError):
        world.do(world.accept(MIA, issued))

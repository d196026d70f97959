# SPDX-License-Identifier: Apache-2.0
"""What happens to an invitation between its issue and its end, seen from outside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.web.harness import PLATFORM, Person, World, parse_time, read_token

DAY = 86_400


def arrange(world: World, **policy: object) -> tuple[str, Person, Person]:
    owner = world.new_person("owner")
    return world.new_tenant(owner=owner, **policy), owner, world.new_person("vera")


def resend(world: World, invited: object, who: Person) -> str:
    answer = world.call("POST", invited.path + "/resend", who, body={"deliver": "link"})  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text
    return f"/v1/invitations/{read_token(answer.json()['link'])}"


@pytest.mark.covers("B13", "ISS-12", "B07")
def test_B13_of_three_links_only_the_newest_works(world: World) -> None:
    tenant_id, owner, vera = arrange(world, resend_cooldown=0)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    roads = [invited.road, resend(world, invited, owner), resend(world, invited, owner)]
    assert len(set(roads)) == 3
    for road in roads[:2]:
        assert world.call("GET", road).status_code == 404
        assert world.call("POST", road + "/accept", vera).status_code == 404
    assert world.call("GET", invited.path, owner).json()["generation"] == 3
    assert world.call("POST", roads[2] + "/accept", vera).status_code == 204


@pytest.mark.covers("B12", "ISS-07", "ISS-12")
def test_B12_a_resend_opens_a_fresh_window_of_todays_policy(world: World) -> None:
    tenant_id, owner, vera = arrange(world, ttl={"member": 10 * DAY}, resend_cooldown=0)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    world.expire(invited.invitation_id, by=timedelta(days=5))
    world.put_policy(tenant_id, ttl={"member": DAY}, resend_cooldown=0)
    before = world.call("GET", invited.path, owner).json()
    resend(world, invited, owner)
    after = world.call("GET", invited.path, owner).json()
    left = parse_time(before["expires_at"]) - parse_time(before["created_at"])
    assert abs(left - timedelta(days=5)) <= timedelta(seconds=1)
    fresh = parse_time(after["expires_at"]) - parse_time(after["created_at"])
    assert timedelta(days=1) <= fresh <= timedelta(days=1, minutes=1)


@pytest.mark.covers("B12", "LIF-01", "ISS-12")
def test_B12_what_has_expired_can_not_be_resent(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    world.expire(invited.invitation_id)
    for method, path in (("POST", invited.path + "/resend"), ("DELETE", invited.path)):
        assert world.call(method, path, owner).json()["code"] == "not_pending"


@pytest.mark.covers("ISS-16")
def test_a_resend_too_soon_says_when(world: World) -> None:
    tenant_id, owner, vera = arrange(world, resend_cooldown=300)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    resend(world, invited, owner)
    answer = world.call("POST", invited.path + "/resend", owner)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_soon")
    assert 290 <= int(answer.headers["retry-after"]) <= 300
    assert answer.headers["ratelimit-remaining"] == "0"
    assert answer.headers["ratelimit-reset"] == answer.headers["retry-after"]


@pytest.mark.covers("ISS-07")
@pytest.mark.parametrize("role,days", [("member", 7), ("admin", 2)])
def test_lifetimes_come_from_policy_and_a_request_may_only_shorten(
    world: World, role: str, days: int
) -> None:
    tenant_id, owner, vera = arrange(world)
    shown = world.call("GET", world.invite(tenant_id, owner, vera.emails[0], role).path, owner).json()
    assert parse_time(shown["expires_at"]) - parse_time(shown["created_at"]) == timedelta(days=days)
    body = {"email": "x@example.com", "role": role, "expires_in": days * DAY + 1}
    answer = world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/expires_in")


@pytest.mark.covers("A07")
def test_A07_the_address_of_now_decides_not_the_one_of_then(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    moved = Person(principal_id=vera.principal_id, emails=("v2@example.com",), unverified=vera.emails)
    assert world.call("POST", invited.road + "/accept", moved).status_code == 404
    assert world.call("GET", "/v1/me/invitations", moved).json()["items"] == []
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204


@pytest.mark.covers("A04", "A03")
@pytest.mark.parametrize("verified", [False, None, "true", "false", 1, [True], {}])
def test_A04_only_a_literal_true_verifies_an_address(world: World, verified: object) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    emails = [{"email": vera.emails[0], "verified": verified}]
    token = world.assert_identity(vera, emails=emails)
    answer = world.call("POST", invited.road + "/accept", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "email_unverified")
    assert not world.has_member(tenant_id, vera)


@pytest.mark.covers("A12", "G12", "N04")
def test_A12_a_holder_of_the_link_sees_six_fields_and_the_dead_link_none(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0], message="private words", metadata={"k": "v"})
    for who in (None, world.new_person(), vera, PLATFORM):
        shown = world.call("GET", invited.road, who)
        assert set(shown.json()) == {
            "tenant_name", "role", "invited_email_hint", "inviter_name", "expires_at", "state",
        }  # fmt: skip
        for hidden in (vera.emails[0], owner.emails[0], owner.principal_id, invited.invitation_id, "private"):
            assert hidden not in shown.text


@pytest.mark.covers("B01", "K05", "TOK-02")
def test_B01_no_list_no_reading_and_no_second_answer_holds_the_token(world: World) -> None:
    tenant_id, owner, vera = arrange(world, resend_cooldown=0)
    admin, member = world.new_person("admin"), world.new_person("member")
    world.put_member(tenant_id, admin, "admin")
    world.put_member(tenant_id, member, "member")
    invited = world.invite(tenant_id, owner, vera.emails[0])
    emailed = world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body={
        "email": "will@example.com", "role": "member",
    })  # fmt: skip
    assert "vst_" not in emailed.text
    assert "link" not in emailed.json()
    seen = [
        world.call("GET", path, who).text
        for who in (owner, admin, member, vera, PLATFORM)
        for path in (invited.path, f"/v1/tenants/{tenant_id}/invitations", f"/v1/tenants/{tenant_id}/members",
                     f"/v1/tenants/{tenant_id}", "/v1/me/invitations", invited.road)
    ]  # fmt: skip
    assert "vst_" not in "".join(seen)
    assert "hash" not in "".join(seen)
    assert invited.token not in repr(world.contents())
    assert "vst_" not in world.call("POST", invited.path + "/resend", owner).text


@pytest.mark.covers("B02")
def test_B02_an_id_is_no_token(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    random = "00000000-0000-4000-8000-000000000000"
    for one in (invited.invitation_id, random):
        assert world.call("GET", f"/v1/invitations/{one}").status_code == 404
        assert world.call("POST", f"/v1/me/invitations/{one}/accept").status_code == 401
        assert world.call("GET", f"/v1/tenants/{tenant_id}/invitations/{one}").status_code == 401
        assert world.call("POST", f"/v1/tenants/{tenant_id}/invitations/{one}/join", vera).status_code == 404


@pytest.mark.covers("E03", "LIF-03", "TEN-01")
def test_E03_resuming_a_tenant_revives_nothing_and_lets_it_issue_again(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    body = {"email": vera.emails[0], "role": "member"}
    for verb, status in (("suspend", 423), ("resume", 201)):
        assert world.call("POST", f"/v1/tenants/{tenant_id}/{verb}", PLATFORM).status_code == 200
        assert world.call("POST", invited.road + "/accept", vera).status_code == 404
        answer = world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=body)
        assert answer.status_code == status
    assert world.call("GET", invited.path, owner).json()["revoked_reason"] == "tenant_suspended"


@pytest.mark.covers("E01", "E10", "LIF-03")
@pytest.mark.parametrize("act", ["remove", "offboard"])
def test_E01_E10_who_is_gone_takes_its_invitations_along_and_can_do_nothing(world: World, act: str) -> None:
    tenant_id, _, vera = arrange(world)
    admin = world.new_person("admin")
    world.put_member(tenant_id, admin, "admin")
    invited = world.invite(tenant_id, admin, vera.emails[0])
    if act == "remove":
        world.remove_member(tenant_id, admin)
    else:
        world.offboard(admin)
    assert world.call("POST", invited.road + "/accept", vera).status_code == 404
    for method, path in (("GET", invited.path), ("POST", invited.path + "/resend"), ("DELETE", invited.path)):
        assert world.call(method, path, admin).status_code == 404
    body = {"email": "x@example.com", "role": "member"}
    assert world.call("POST", f"/v1/tenants/{tenant_id}/invitations", admin, body=body).status_code == 404


@pytest.mark.covers("E02")
def test_E02_a_demoted_inviter_keeps_only_what_it_could_still_promise(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    second, will = world.new_person("second"), world.new_person("will")
    world.put_member(tenant_id, second, "owner")
    as_admin = world.invite(tenant_id, second, vera.emails[0], "admin")
    as_member = world.invite(tenant_id, second, will.emails[0], "member")
    world.put_member(tenant_id, second, "admin")
    assert world.call("POST", as_admin.road + "/accept", vera).status_code == 404
    assert world.call("GET", as_admin.path, owner).json()["revoked_reason"] == "inviter_demoted"
    assert world.call("POST", as_member.road + "/accept", will).status_code == 204


@pytest.mark.covers("E07")
@pytest.mark.parametrize("ending", ["removed", "revoked", "expired", "declined"])
def test_E07_after_every_end_the_same_address_can_be_invited_again(world: World, ending: str) -> None:
    tenant_id, owner, vera = arrange(world)
    first = world.invite(tenant_id, owner, vera.emails[0])
    if ending == "removed":
        assert world.call("POST", first.road + "/accept", vera).status_code == 204
        world.remove_member(tenant_id, vera)
    elif ending == "revoked":
        assert world.call("DELETE", first.path, owner).status_code == 204
    elif ending == "expired":
        world.expire(first.invitation_id)
    else:
        assert world.call("POST", first.road + "/decline", vera).status_code == 204
    again = world.invite(tenant_id, owner, vera.emails[0])
    assert world.call("POST", first.road + "/accept", vera).status_code == 404
    assert world.call("POST", again.road + "/accept", vera).status_code == 204


@pytest.mark.covers("E08", "LIF-02")
@pytest.mark.parametrize("road", ["link", "own"])
def test_E08_a_revoked_invitation_is_dead_on_every_road(world: World, road: str) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    assert world.call("DELETE", invited.path, owner).status_code == 204
    path = invited.road if road == "link" else f"/v1/me/invitations/{invited.invitation_id}"
    for verb in ("accept", "decline"):
        assert world.call("POST", f"{path}/{verb}", vera).status_code == 404
    assert world.call("GET", "/v1/me/invitations", vera).json()["items"] == []


@pytest.mark.covers("D08", "ACC-10")
@pytest.mark.parametrize("standing,promised", [("member", "admin"), ("admin", "member")])
def test_D08_accepting_never_changes_a_membership_that_stands(
    world: World, standing: str, promised: str
) -> None:
    tenant_id, owner, vera = arrange(world)
    invited = world.invite(tenant_id, owner, vera.emails[0], promised)
    world.put_member(tenant_id, vera, standing)
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204
    assert world.members(tenant_id)[vera.principal_id] == standing


@pytest.mark.covers("D09", "D10", "ISS-06", "A13")
def test_D09_two_promises_to_one_address_leave_the_newer_one(world: World) -> None:
    tenant_id, owner, vera = arrange(world)
    first = world.invite(tenant_id, owner, vera.emails[0], "admin")
    second = world.invite(tenant_id, owner, f" {vera.emails[0].upper()}\t", "member")
    assert second.email == vera.emails[0]
    assert world.call("GET", first.path, owner).json()["revoked_reason"] == "superseded"
    assert world.call("GET", second.road).json()["role"] == "member"
    assert world.call("POST", first.road + "/accept", vera).status_code == 404
    assert world.call("POST", second.road + "/accept", vera).status_code == 204
    assert world.members(tenant_id)[vera.principal_id] == "member"


@pytest.mark.covers("ISS-09", "ISS-10", "S03")
def test_issuing_says_why_not(world: World) -> None:
    tenant_id, owner, vera = arrange(
        world, allowed_domains=["example.com"], seat_limit=2, seats_count_pending=True
    )
    path = f"/v1/tenants/{tenant_id}/invitations"
    world.put_member(tenant_id, vera, "member", email=vera.emails[0])
    wanted = {
        vera.emails[0]: (409, "already_member"),
        "x@evilexample.com": (422, "domain_not_allowed"),
        "x@example.com.evil.com": (422, "domain_not_allowed"),
        "x@sub.example.com": (422, "domain_not_allowed"),
        "x@EXAMPLE.COM": (409, "seat_limit"),
    }
    for email, told in wanted.items():
        answer = world.call("POST", path, owner, body={"email": email, "role": "member"})
        assert (answer.status_code, answer.json()["code"]) == told


@pytest.mark.covers("F01", "F03", "ACC-06")
def test_F01_F03_twenty_at_once_for_one_invitation_and_for_one_seat(world: World) -> None:
    tenant_id, owner, vera = arrange(world, seat_limit=3)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    others = [world.new_person(f"o{number}-") for number in range(8)]
    roads = [(world.invite(tenant_id, owner, one.emails[0]).road, one) for one in others]
    with ThreadPoolExecutor(8) as pool:
        once = list(
            pool.map(lambda _: world.call("POST", invited.road + "/accept", vera).status_code, range(20))
        )
        seats = list(
            pool.map(lambda pair: world.call("POST", pair[0] + "/accept", pair[1]).status_code, roads)
        )
    assert (once.count(204), once.count(404)) == (1, 19)
    assert (seats.count(204), seats.count(404)) == (1, 7)
    assert len(world.members(tenant_id)) == 3
    world.put_policy(tenant_id)
    losers = [pair for pair, status in zip(roads, seats, strict=True) if status == 404]
    assert {world.call("POST", road + "/accept", who).status_code for road, who in losers} == {204}

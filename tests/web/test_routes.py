# SPDX-License-Identifier: Apache-2.0
"""Each route once, as its reader would use it: the happy paths of DESIGN.md section 5."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.harness import PLATFORM, PUBLIC_URL, World, parse_time, person, read_token


def test_a_tenant_is_put_read_suspended_resumed_and_deleted_for_good(world: World) -> None:
    path = f"/v1/tenants/{world.fresh('acme-')}"
    made = world.call("PUT", path, PLATFORM, body={"name": "Acme", "policy": {"seat_limit": 3}})
    assert (made.status_code, made.json()["state"], made.json()["policy"]["seat_limit"]) == (201, "active", 3)
    renamed = world.call("PUT", path, PLATFORM, body={"name": "Acme Ltd"})
    assert (renamed.status_code, renamed.json()["policy"]["seat_limit"]) == (200, 3)
    assert world.call("GET", path, PLATFORM).json()["seats"] == {"used": 0, "limit": 3}
    assert world.call("POST", path + "/suspend", PLATFORM).json()["state"] == "suspended"
    assert world.call("POST", path + "/resume", PLATFORM).json()["state"] == "active"
    gone = world.call("DELETE", path, PLATFORM)
    assert (gone.status_code, gone.content, "content-length" in gone.headers) == (204, b"", False)
    assert world.call("GET", path, PLATFORM).json()["code"] == "not_found"
    again = world.call("PUT", path, PLATFORM, body={"name": "Acme"})
    assert (again.status_code, again.json()["code"]) == (409, "tenant_deleted")


@pytest.mark.parametrize(
    "principal_id", ["user-7", "https://idp.example.com/realm|a:b/c", "sub with space", "Ünïcode"]
)
def test_members_come_and_go_whatever_their_id_looks_like(world: World, principal_id: str) -> None:
    tenant_id = world.new_tenant(owner=world.new_person())
    who = person(principal_id)
    ends = datetime.now(UTC) + timedelta(days=400)
    fields = {"email": " V@Example.COM", "name": "Vera", "expires_at": ends.isoformat()}
    world.put_member(tenant_id, who, "member", **fields)
    shown = world.call("GET", f"/v1/tenants/{tenant_id}/members", PLATFORM).json()["items"][1]
    assert (shown["principal_id"], shown["email"], shown["name"]) == (principal_id, "v@example.com", "Vera")
    assert parse_time(shown["expires_at"]) == ends.replace(microsecond=0)
    world.put_member(tenant_id, who, "admin")
    assert world.members(tenant_id)[principal_id] == "admin"
    world.remove_member(tenant_id, who)
    assert principal_id not in world.members(tenant_id)
    world.put_member(tenant_id, who, "member")
    world.offboard(who)
    assert principal_id not in world.members(tenant_id)


@pytest.mark.covers("ISS-01", "ISS-13", "ISS-15")
def test_an_invitation_is_issued_listed_read_resent_and_revoked(world: World) -> None:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    fields = {
        "email": "Vera@EXAMPLE.com ",
        "role": "member",
        "message": "Welcome\nto us",
        "scope": "project-1",
        "metadata": {"team": [1, {"a": None}]},
        "membership_expires_in": 86_400,
        "locale": "de",
        "expires_in": 3600,
    }
    made = world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=fields)
    shown = made.json()
    assert (made.status_code, shown["state"], shown["email"], shown["generation"]) == (
        201, "pending", "vera@example.com", 1,
    )  # fmt: skip
    assert {
        name: shown[name] for name in ("message", "scope", "metadata", "locale", "membership_expires_in")
    } == {name: fields[name] for name in ("message", "scope", "metadata", "locale", "membership_expires_in")}
    assert shown["inviter_principal_id"] == owner.principal_id
    assert parse_time(shown["expires_at"]) - parse_time(shown["created_at"]) == timedelta(hours=1)
    assert "link" not in shown
    path = f"/v1/tenants/{tenant_id}/invitations/{shown['invitation_id']}"
    assert world.call("GET", path, owner).json() == shown
    assert world.call("GET", f"/v1/tenants/{tenant_id}/invitations", owner).json() == {
        "items": [shown], "next_cursor": None,
    }  # fmt: skip
    resent = world.call("POST", path + "/resend", owner, body={"deliver": "link"})
    assert (resent.status_code, resent.json()["generation"]) == (200, 2)
    assert resent.json()["link"].startswith(PUBLIC_URL + "/i/vst_")
    assert world.call("DELETE", path, owner).status_code == 204
    ended = world.call("GET", path, owner).json()
    assert (ended["state"], ended["revoked_reason"]) == ("revoked", "revoked")
    for verb, road in (("DELETE", path), ("POST", path + "/resend")):
        again = world.call(verb, road, owner)
        assert (again.status_code, again.json()["code"]) == (409, "not_pending")


@pytest.mark.covers("TOK-06", "ACC-01", "ACC-02", "ACC-11")
def test_an_invitee_previews_accepts_and_sees_that_it_is_accepted(world: World) -> None:
    owner, vera = world.new_person("owner", name="Olga"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    shown = world.call("GET", invited.road).json()
    assert shown["invited_email_hint"] == f"v***@{vera.emails[0].partition('@')[2]}"
    assert (shown["role"], shown["state"], shown["inviter_name"]) == ("member", "pending", "Olga")
    own = world.call("GET", "/v1/me/invitations", vera).json()["items"]
    assert [(one["invitation_id"], one["inviter_name"]) for one in own] == [(invited.invitation_id, "Olga")]
    accepted = world.call("POST", invited.road + "/accept", vera)
    assert (accepted.status_code, accepted.content) == (204, b"")
    assert world.members(tenant_id)[vera.principal_id] == "member"
    assert world.call("GET", invited.road, vera).json()["state"] == "accepted"
    assert world.call("GET", "/v1/me/invitations", vera).json()["items"] == []
    assert world.call("GET", invited.path, owner).json()["accepted_at"] is not None


@pytest.mark.covers("TOK-06", "ACC-15")
@pytest.mark.parametrize("verb", ["accept", "decline"])
def test_an_invitee_settles_without_any_link(world: World, verb: str) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner)
    body = {"email": vera.emails[0], "role": "member"}
    made = world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=body).json()
    done = world.call("POST", f"/v1/me/invitations/{made['invitation_id']}/{verb}", vera)
    assert done.status_code == 204
    assert world.has_member(tenant_id, vera) == (verb == "accept")
    path = f"/v1/tenants/{tenant_id}/invitations/{made['invitation_id']}"
    assert world.call("GET", path, owner).json()["state"] == ("accepted" if verb == "accept" else "declined")


@pytest.mark.covers("ACC-13")
def test_asking_for_a_new_one_is_always_received(world: World) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    answers = {
        world.call("POST", f"/v1/invitations/{token}/request-new").content
        for token in (invited.token, "vst_nothing", "x" * 53)
    }
    assert answers == {b'{"status":"received"}'}


def test_a_fresh_link_kills_the_one_before(world: World) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner, resend_cooldown=0), owner, vera.emails[0])
    fresh = world.call("POST", invited.path + "/resend", owner, body={"deliver": "link"}).json()["link"]
    assert world.call("GET", invited.road).status_code == 404
    assert world.call("GET", f"/v1/invitations/{read_token(fresh)}").status_code == 200

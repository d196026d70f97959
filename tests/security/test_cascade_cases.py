# SPDX-License-Identifier: Apache-2.0
"""ATTACKS group E over HTTP, case by case: what ends takes its promises along, and nothing comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from tests.scim.provisioner import make_directory_key
from tests.web.harness import PLATFORM, Invited, Person, World
from vestibule.storage.schema import audit_events, principals


class Scene:
    """A tenant with its owner, an administrator who has invited Vera, and Vera."""

    def __init__(self, world: World, role: str = "member") -> None:
        self.world = world
        self.owner, self.admin = world.new_person("owner"), world.new_person("admin")
        self.vera = world.new_person("vera")
        self.tenant_id = world.new_tenant(owner=self.owner)
        world.put_member(self.tenant_id, self.admin, "admin", email=self.admin.emails[0])
        self.invited: Invited = world.invite(self.tenant_id, self.admin, self.vera.emails[0], role)

    @property
    def home(self) -> str:
        return f"/v1/tenants/{self.tenant_id}"

    def accept(self, invited: Invited | None = None, who: Person | None = None) -> int:
        road = (invited or self.invited).road
        return self.world.call("POST", f"{road}/accept", who or self.vera).status_code

    def member(self, who: Person, role: str) -> None:
        self.world.put_member(self.tenant_id, who, role)

    def reasons(self) -> list[str]:
        query = sa.select(audit_events.c.body).where(
            audit_events.c.invitation_id == self.invited.invitation_id,
            audit_events.c.kind == "invitation.revoked",
        )
        return [json.loads(row.body)["reason"] for row in self.world.rows(query)]


@pytest.mark.covers("E01", "LIF-03")
@pytest.mark.parametrize("road", ["remove", "leave", "offboard", "deactivate"])
def test_E01_with_the_inviter_go_its_invitations_and_the_trail_says_why(world: World, road: str) -> None:
    scene = Scene(world)
    path = f"{scene.home}/members/{scene.admin.principal_id}"
    if road == "remove":
        assert world.call("DELETE", path, scene.owner).status_code == 204
    elif road == "leave":
        assert world.call("DELETE", path, scene.admin).status_code == 204
    elif road == "offboard":
        world.offboard(scene.admin)
    else:
        key = make_directory_key(world, scene.tenant_id)
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "active": False}
        body = {**user, "userName": scene.admin.emails[0]}
        assert world.call("POST", "/scim/v2/Users", key, body=body).status_code == 201
    assert scene.accept() == 404
    expected = {"offboard": "inviter_offboarded", "deactivate": "inviter_deactivated"}
    assert scene.reasons() == [expected.get(road, "inviter_removed")]
    if road in {"remove", "leave"}:
        scene.member(scene.admin, "admin")
        assert scene.accept() == 404


@pytest.mark.covers("E02")
def test_E02_a_demoted_inviters_promises_die_and_a_promotion_revives_none(world: World) -> None:
    scene = Scene(world)
    scene.member(scene.admin, "member")
    assert scene.accept() == 404
    scene.member(scene.admin, "admin")
    assert scene.accept() == 404
    again = world.invite(scene.tenant_id, scene.admin, scene.vera.emails[0])
    assert scene.accept(again) == 204


@pytest.mark.covers("E03", "LIF-03")
def test_E03_suspending_and_deleting_kill_and_resuming_revives_nothing(world: World) -> None:
    scene = Scene(world)
    world.call("POST", f"{scene.home}/suspend", PLATFORM)
    assert scene.accept() == 404
    world.call("POST", f"{scene.home}/resume", PLATFORM)
    assert scene.accept() == 404
    alive = world.invite(scene.tenant_id, scene.owner, scene.vera.emails[0])
    world.call("DELETE", scene.home, PLATFORM)
    assert scene.accept(alive) == 404


@pytest.mark.covers("E03", "LIF-03", "TEN-01")
def test_E03_a_recycled_id_is_refused_and_a_recycled_name_revives_nothing(world: World) -> None:
    scene = Scene(world)
    name = {"name": f"Name of {scene.tenant_id}"}
    world.call("DELETE", scene.home, PLATFORM)
    again = world.call("PUT", scene.home, PLATFORM, body=name)
    assert (again.status_code, again.json()["code"]) == (409, "tenant_deleted")
    other = world.fresh("tenant-")
    assert world.call("PUT", f"/v1/tenants/{other}", PLATFORM, body=name).status_code == 201
    for who in (scene.owner, scene.admin):
        world.put_member(other, who, "owner")
    assert scene.accept() == 404
    assert world.call("GET", "/v1/me/invitations", scene.vera).json()["items"] == []
    assert set(world.members(other)) == {scene.owner.principal_id, scene.admin.principal_id}
    body = {"email": "x@example.com", "role": "member"}
    assert world.call("POST", f"{scene.home}/invitations", scene.owner, body=body).status_code == 404


@pytest.mark.covers("E04")
def test_E04_removal_leaves_no_right_and_another_invitation_brings_none_back(world: World) -> None:
    scene = Scene(world, role="member")
    resource = f"{scene.home}/resources/project-1"
    assert world.call("PUT", resource, PLATFORM, body={"name": "Project"}).status_code in {200, 201}
    grants = [{"resource_id": "project-1", "role": "member"}]
    bundle = world.invite(scene.tenant_id, scene.owner, scene.vera.emails[0], grants=grants)
    assert scene.accept(bundle) == 204
    held = f"{scene.home}/grants/{scene.vera.principal_id}"
    assert len(world.call("GET", held, PLATFORM).json()["items"]) == 1
    world.remove_member(scene.tenant_id, scene.vera)
    plain = world.invite(scene.tenant_id, scene.owner, scene.vera.emails[0])
    assert scene.accept(plain) == 204
    assert world.call("GET", held, PLATFORM).json()["items"] == []


@pytest.mark.covers("E05")
def test_E05_what_is_moved_to_another_tenant_leaves_no_promise_behind(world: World) -> None:
    scene = Scene(world)
    other = world.new_tenant(owner=scene.owner)
    for home in (scene.home, f"/v1/tenants/{other}"):
        world.call("PUT", f"{home}/resources/project-1", PLATFORM, body={"name": "Project"})
    grants = [{"resource_id": "project-1", "role": "member"}]
    bundle = world.invite(scene.tenant_id, scene.owner, scene.vera.emails[0], grants=grants)
    # Moving is removing it here; a resource of the same id there is another one.
    assert world.call("DELETE", f"{scene.home}/resources/project-1", PLATFORM).status_code == 204
    assert scene.accept(bundle) == 404
    world.call("PUT", f"{scene.home}/resources/project-1", PLATFORM, body={"name": "Project"})
    assert scene.accept(bundle) == 404


@pytest.mark.covers("E06")
def test_E06_lists_and_looks_work_when_the_inviter_is_gone_from_everywhere(world: World) -> None:
    scene = Scene(world)
    world.offboard(scene.admin)
    with world.engine.begin() as connection:
        connection.execute(sa.delete(principals).where(principals.c.principal_id == scene.admin.principal_id))
    listed = world.call("GET", f"{scene.home}/invitations", scene.owner)
    assert listed.status_code == 200
    assert [one["inviter_principal_id"] for one in listed.json()["items"]] == [scene.admin.principal_id]
    assert world.call("GET", scene.invited.path, scene.owner).json()["state"] == "revoked"
    alive = world.invite(scene.tenant_id, scene.owner, scene.vera.emails[0])
    with world.engine.begin() as connection:
        connection.execute(sa.delete(principals).where(principals.c.principal_id == scene.owner.principal_id))
    assert world.call("GET", alive.road).json()["inviter_name"] is None
    assert world.call("GET", "/v1/me/invitations", scene.vera).status_code == 200
    assert scene.accept(alive) == 204


@pytest.mark.covers("E07")
@pytest.mark.parametrize(
    "end", ["accept and remove", "revoke", "expire", "decline", "block elsewhere", "offboard", "deactivate"]
)
def test_E07_nothing_that_ended_stands_in_the_way_of_the_next_invitation(world: World, end: str) -> None:
    scene = Scene(world)
    _end(scene, end)
    again = world.invite(scene.tenant_id, scene.owner, scene.vera.emails[0])
    assert scene.accept(again) == 204
    assert world.has_member(scene.tenant_id, scene.vera)


def _end(scene: Scene, end: str) -> None:
    world, vera = scene.world, scene.vera
    if end == "accept and remove":
        assert scene.accept() == 204
        world.remove_member(scene.tenant_id, vera)
    elif end == "revoke":
        assert world.call("DELETE", scene.invited.path, scene.owner).status_code == 204
    elif end == "expire":
        world.expire(scene.invited.invitation_id)
    elif end == "decline":
        assert world.call("POST", f"{scene.invited.road}/decline", vera).status_code == 204
    elif end == "block elsewhere":
        other = Scene(world)
        blocked = world.invite(other.tenant_id, other.owner, vera.emails[0])
        assert world.call("POST", f"{blocked.road}/block").status_code == 204
    elif end == "offboard":
        world.offboard(vera)
        world.put_member(scene.tenant_id, vera, "member")
        world.remove_member(scene.tenant_id, vera)
    else:
        key = make_directory_key(world, scene.tenant_id)
        user: dict[str, Any] = {"userName": vera.emails[0], "active": False}
        user["schemas"] = ["urn:ietf:params:scim:schemas:core:2.0:User"]
        made = world.call("POST", "/scim/v2/Users", key, body=user).json()["id"]
        body = {**user, "active": True}
        assert world.call("PUT", f"/scim/v2/Users/{made}", key, body=body).status_code == 200


@pytest.mark.covers("E08", "LIF-02")
@pytest.mark.parametrize("end", ["revoke", "block", "report"])
def test_E08_what_is_cancelled_is_dead_on_every_road(world: World, end: str) -> None:
    scene = Scene(world)
    if end == "revoke":
        world.call("DELETE", scene.invited.path, scene.owner)
    else:
        assert world.call("POST", f"{scene.invited.road}/{end}").status_code == 204
    own = f"/v1/me/invitations/{scene.invited.invitation_id}"
    for road in (scene.invited.road, own):
        for verb in ("accept", "decline"):
            assert world.call("POST", f"{road}/{verb}", scene.vera).status_code == 404
    resent = world.call("POST", f"{scene.invited.path}/resend", scene.owner)
    assert (resent.status_code, resent.json()["code"]) == (409, "not_pending")
    assert not world.has_member(scene.tenant_id, scene.vera)


@pytest.mark.covers("E09")
def test_E09_a_renamed_tenant_shows_its_name_of_today_and_no_earlier_one(world: World) -> None:
    scene = Scene(world)
    world.call("PUT", scene.home, PLATFORM, body={"name": "Renamed"})
    shown = world.call("GET", scene.invited.road)
    assert shown.json()["tenant_name"] == "Renamed"
    assert "Name of" not in shown.text
    own = world.call("GET", "/v1/me/invitations", scene.vera)
    assert [one["tenant_name"] for one in own.json()["items"]] == ["Renamed"]
    assert scene.accept() == 204


@pytest.mark.covers("E10", "LIF-03")
def test_E10_a_disabled_inviter_issues_nothing_by_anything_it_still_holds(world: World) -> None:
    scene = Scene(world)
    assertion = world.assert_identity(scene.admin)
    world.offboard(scene.admin)
    body = {"email": "x@example.com", "role": "member"}
    for headers in ({"authorization": f"Bearer {assertion}"}, world.credentials(scene.admin)):
        refused = world.call("POST", f"{scene.home}/invitations", headers=headers, body=body)
        assert refused.status_code == 404
        assert world.call("GET", scene.home, headers=headers).status_code == 404
    resend = world.call("POST", f"{scene.invited.path}/resend", scene.admin)
    assert resend.status_code == 404
    key = make_directory_key(world, scene.tenant_id, "members")
    world.call("DELETE", scene.home, PLATFORM)
    assert world.call("GET", f"{scene.home}/members", key).status_code == 404

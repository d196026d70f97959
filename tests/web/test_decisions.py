# SPDX-License-Identifier: Apache-2.0
"""Held requests, corrections, ensuring, resources and reviews over HTTP: as a caller meets them."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from tests.web.harness import PLATFORM, Person, World, read_token

MFA = {"amr": ["mfa"]}


class Room:
    """A tenant with two owners and a held request of the first."""

    def __init__(self, world: World, **policy: Any) -> None:
        self.world = world
        self.olga, self.otto = world.new_person("olga"), world.new_person("otto")
        self.tenant_id = world.new_tenant(owner=self.olga, **policy)
        self.home = f"/v1/tenants/{self.tenant_id}"
        world.put_member(self.tenant_id, self.otto, "owner")
        self.vera = world.new_person("vera")

    def ask(self, role: str = "owner", **fields: Any) -> dict[str, Any]:
        made = self.post("/invitations", self.olga, {"email": self.vera.emails[0], "role": role, **fields})
        assert made.status_code == 201, made.text
        shown: dict[str, Any] = made.json()
        return shown

    def post(self, road: str, who: Person, body: object = ..., **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.world.call("POST", self.home + road, who, body=body, headers=sent)

    def get(self, road: str, who: Person) -> Any:
        return self.world.call("GET", self.home + road, who)


@pytest.mark.covers("ISS-04", "D01")
def test_an_owner_is_held_shown_approved_by_its_digest_and_only_then_may_accept(world: World) -> None:
    room = Room(world)
    held = room.ask(deliver="link")
    one = f"/invitations/{held['invitation_id']}"
    assert (held["state"], held.get("link")) == ("held", None)
    own = room.get(one + "/approval", room.olga).json()
    assert own["objection"]
    shown = room.get(one + "/approval", room.otto).json()
    assert (shown["approvals_counted"], shown["approvals_needed"], shown["objection"]) == (0, 1, None)
    wrong = room.post(one + "/approve", room.otto, {"digest": "sha256:" + "0" * 64})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "digest_mismatch")
    refused = room.post(one + "/approve", room.olga, {"digest": shown["digest"]})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    done = room.post(one + "/approve", room.otto, {"digest": shown["digest"]})
    assert (done.status_code, done.json()["state"], done.json()["approvals_counted"]) == (200, "pending", 1)
    for verb in ("approve", "reject"):
        again = room.post(f"{one}/{verb}", room.otto)
        assert (again.status_code, again.json()["code"]) == (409, "not_pending")
    assert room.get(one + "/approval", room.otto).json()["code"] == "not_pending"
    accepted = world.call("POST", f"/v1/me/invitations/{held['invitation_id']}/accept", room.vera)
    assert (accepted.status_code, world.members(room.tenant_id)[room.vera.principal_id]) == (204, "owner")


@pytest.mark.covers("ISS-04")
def test_one_rejection_ends_it_and_the_invitee_never_hears_of_it(world: World) -> None:
    room = Room(world)
    held = room.ask()
    one = f"/invitations/{held['invitation_id']}"
    assert world.call("GET", "/v1/me/invitations", room.vera).json()["items"] == []
    done = room.post(one + "/reject", room.otto)
    assert (done.status_code, done.json()["state"], done.json()["revoked_reason"]) == (
        200,
        "revoked",
        "rejected",
    )
    assert room.post(one + "/approve", room.otto).json()["code"] == "not_pending"
    assert (
        world.call("POST", f"/v1/me/invitations/{held['invitation_id']}/accept", room.vera).status_code == 404
    )


@pytest.mark.covers("ISS-04", "ACC-05", "S09")
def test_S09_a_weak_session_hears_what_is_asked_and_burns_nothing(world: World) -> None:
    room = Room(world, roles={"owner": {"approvals": 1, "auth_max_age": 600, "amr_any": ["mfa"]}})
    held = room.ask()
    one = f"/invitations/{held['invitation_id']}"
    own = f"/v1/me/invitations/{held['invitation_id']}/accept"

    def strong(who: Person, age: int = 5) -> Person:
        return dataclasses.replace(who, extra={**MFA, "auth_time": int(time.time()) - age})

    def check_demand(answer: Any) -> None:
        assert (answer.status_code, answer.json()["code"]) == (401, "step_up_required")
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="600"' in challenge or "max_age=600" in challenge

    for weak in (room.otto, strong(room.otto, age=700), dataclasses.replace(room.otto, extra=MFA)):
        check_demand(room.post(one + "/approve", weak))
    assert room.post(one + "/approve", strong(room.otto)).json()["state"] == "pending"
    check_demand(world.call("POST", own, room.vera))
    assert world.call("POST", own, world.new_person("mallory")).status_code == 404, "nobody else hears of it"
    assert world.call("POST", own, strong(room.vera)).status_code == 204


@pytest.mark.covers("ISS-11", "ISS-04")
def test_a_repeat_of_a_held_issue_is_the_same_held_request(world: World) -> None:
    room = Room(world)
    body = {"email": room.vera.emails[0], "role": "owner"}
    answers = [room.post("/invitations", room.olga, body, idempotency_key="key-1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len(room.get("/invitations?state=held", room.olga).json()["items"]) == 1


@pytest.mark.covers("ISS-19")
def test_a_correction_answers_the_new_one_and_the_mistyped_link_is_dead(world: World) -> None:
    room = Room(world)
    mistyped = room.ask("member", deliver="link", message="Welcome", scope="project-1")
    one = f"/invitations/{mistyped['invitation_id']}"
    right = world.new_person("right")
    same = room.post(one + "/correct", room.olga, {"email": room.vera.emails[0]})
    assert (same.status_code, same.json()["errors"][0]["pointer"]) == (422, "/email")
    done = room.post(one + "/correct", room.olga, {"email": right.emails[0]})
    assert (done.status_code, done.json()["email"], done.json()["message"]) == (
        201,
        right.emails[0],
        "Welcome",
    )
    assert done.json()["scope"] == "project-1"
    dead = world.call("GET", f"/v1/invitations/{read_token(mistyped['link'])}")
    assert dead.json()["code"] == "invitation_unavailable"
    assert room.post(one + "/correct", room.olga, {"email": "x@example.com"}).json()["code"] == "not_pending"
    new = done.json()["invitation_id"]
    assert world.call("POST", f"/v1/me/invitations/{new}/accept", room.vera).status_code == 404
    assert world.call("POST", f"/v1/me/invitations/{new}/accept", right).status_code == 204


@pytest.mark.covers("ISS-17")
def test_ensuring_is_repeated_at_will_and_tells_what_differs(world: World) -> None:
    room = Room(world)
    road = f"{room.home}/ensured/{room.vera.emails[0]}"

    def ensure(role: str) -> dict[str, Any]:
        answer = world.call("PUT", road, room.olga, body={"role": role})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    first, again = ensure("member"), ensure("member")
    assert (first["outcome"], again["outcome"]) == ("invited", "pending")
    assert first["ensured_id"] == again["ensured_id"]
    assert first["invitation_id"] == again["invitation_id"]
    assert ensure("owner")["outcome"] == "held"
    pending = ensure("member")["invitation_id"]
    assert world.call("POST", f"/v1/me/invitations/{pending}/accept", room.vera).status_code == 204
    member = ensure("admin")
    assert (member["outcome"], member["principal_id"]) == ("member", room.vera.principal_id)
    assert member["drift"] == [{"field": "role", "wanted": "admin", "actual": "member"}]
    assert world.members(room.tenant_id)[room.vera.principal_id] == "member"


_EDITORS = {"assignable": {"owner": ["owner", "admin", "member", "editor"]}}


@pytest.mark.covers("ISS-18", "E04", "E05")
def test_resources_are_put_granted_listed_and_end_with_their_grants(world: World) -> None:
    room = Room(world, **_EDITORS)
    wiki = f"{room.home}/resources/wiki"
    made = [world.call("PUT", wiki, PLATFORM, body={"name": name}) for name in ("Wiki", "The wiki")]
    assert [answer.status_code for answer in made] == [201, 200]
    assert [one["name"] for one in room.get("/resources", room.olga).json()["items"]] == ["The wiki"]
    asked = room.ask("member", grants=[{"resource_id": "wiki", "role": "editor"}])
    assert (
        world.call("POST", f"/v1/me/invitations/{asked['invitation_id']}/accept", room.vera).status_code
        == 204
    )
    road = f"/grants/{room.vera.principal_id}"
    for who in (room.olga, room.vera):
        [grant] = room.get(road, who).json()["items"]
        assert (grant["resource_id"], grant["role"], grant["expires_at"]) == ("wiki", "editor", None)
    again = world.new_person("again")
    pending = room.post(
        "/invitations",
        room.olga,
        {"email": again.emails[0], "role": "member", "grants": [{"resource_id": "wiki", "role": "editor"}]},
    ).json()["invitation_id"]
    assert world.call("DELETE", wiki, PLATFORM).status_code == 204
    assert room.get(road, room.olga).json()["items"] == []
    assert room.get(f"/invitations/{pending}", room.olga).json()["revoked_reason"] == "resource_deleted"
    assert world.call("DELETE", wiki, PLATFORM).json()["code"] == "not_found"


@pytest.mark.covers("TEN-05", "ISS-04")
def test_broken_glass_is_listed_and_closed_by_somebody_else(world: World) -> None:
    assignable = {"owner": ["owner", "admin", "member", "rescuer"]}
    room = Room(world, assignable=assignable, roles={"rescuer": {"grant_max": 3600, "review_within": 7200}})
    issued = room.ask("rescuer")
    [review] = room.get("/reviews", room.otto).json()["items"]
    assert (review["invitation_id"], review["principal_id"]) == (
        issued["invitation_id"],
        room.olga.principal_id,
    )
    road = f"/reviews/{issued['invitation_id']}"
    assert room.post(road, room.olga, {"note": "fine"}).json()["code"] == "not_permitted"
    empty = room.post(road, room.otto, {"note": "  "})
    assert (empty.status_code, empty.json()["errors"][0]["pointer"]) == (422, "/note")
    closed = room.post(road, room.otto, {"note": "It was needed."})
    assert (closed.status_code, closed.json()["reviewer_principal_id"]) == (200, room.otto.principal_id)
    assert room.post(road, room.otto, {"note": "Again."}).json()["code"] == "not_pending"
    assert room.get("/reviews", room.otto).json()["items"] == []


_BAD: dict[str, tuple[Any, str]] = {
    "a foreign resource": ([{"resource_id": "nowhere", "role": "editor"}], "/grants/0/resource_id"),
    "the same twice": ([{"resource_id": "wiki", "role": "editor"}] * 2, "/grants"),
    "an unknown field": (
        [{"resource_id": "wiki", "role": "editor", "tenant_id": "x"}],
        "/grants/0/tenant_id",
    ),
    "no role": ([{"resource_id": "wiki"}], "/grants/0/role"),
    "no time": ([{"resource_id": "wiki", "role": "editor", "expires_in": 0}], "/grants/0/expires_in"),
    "not an object": (["wiki"], "/grants/0"),
    "not a list": ({"resource_id": "wiki"}, "/grants"),
}


@pytest.mark.covers("ISS-18", "ISS-02", "D14")
@pytest.mark.parametrize("case", _BAD)
def test_D14_every_fault_of_a_bundle_is_named_by_its_pointer(world: World, case: str) -> None:
    room = Room(world, **_EDITORS)
    assert (
        world.call("PUT", f"{room.home}/resources/wiki", PLATFORM, body={"name": "Wiki"}).status_code == 201
    )
    given, pointer = _BAD[case]
    body = {"email": room.vera.emails[0], "role": "member", "grants": given}
    before = world.dump()
    answer = room.post("/invitations", room.olga, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert world.dump() == before
    sound = body | {"grants": [{"resource_id": "wiki", "role": "editor"}]}
    assert room.post("/invitations", room.olga, sound).status_code == 201


@pytest.mark.covers("ISS-02", "D04")
@pytest.mark.parametrize("verb", ["approve", "reject", "correct", "ensure", "review"])
def test_D04_no_body_has_a_say_in_more_than_it_is_asked(world: World, verb: str) -> None:
    room = Room(world)
    held = room.ask()
    one = f"/invitations/{held['invitation_id']}"
    calls: dict[str, tuple[str, str, dict[str, Any]]] = {
        "approve": ("POST", one + "/approve", {}),
        "reject": ("POST", one + "/reject", {}),
        "correct": ("POST", one + "/correct", {"email": "right@example.com"}),
        "ensure": ("PUT", "/ensured/x@example.com", {"role": "member"}),
        "review": ("POST", f"/reviews/{held['invitation_id']}", {"note": "fine"}),
    }
    method, road, body = calls[verb]
    before = world.dump()
    for field in ("tenant_id", "approver_principal_id", "inviter_principal_id", "approvals_counted", "state"):
        answer = world.call(method, room.home + road, room.otto, body={**body, field: "x"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{field}")
    assert world.dump() == before

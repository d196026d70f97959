# SPDX-License-Identifier: Apache-2.0
"""Who may call what, as data: every operation of the reference has a row, every actor a cell.

A route without a row fails. A cell that is refused changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from tests.web.harness import PLATFORM, Invited, Key, Person, Who, World, person
from vestibule.actions.api_keys import create_key
from vestibule.bootstrap import build_plain_runner
from vestibule.core.identity import HostKey, RequestContext, Scope
from vestibule.storage.schema import audit_events

ACTORS = ("anonymous", "stranger", "member", "admin", "owner", "other_owner", "weak_key", "platform")
PRINCIPALS = frozenset(ACTORS[1:6])
# operation: the status for each of ACTORS in the tenant that member, admin and owner belong to
MATRIX: dict[str, tuple[int, ...]] = {
    "put_tenant": (401, 403, 403, 403, 403, 403, 403, 200),
    "get_tenant": (401, 404, 403, 200, 200, 404, 403, 200),
    "suspend_tenant": (401, 403, 403, 403, 403, 403, 403, 200),
    "resume_tenant": (401, 403, 403, 403, 403, 403, 403, 200),
    "delete_tenant": (401, 403, 403, 403, 403, 403, 403, 204),
    "get_policy": (401, 404, 403, 200, 200, 404, 403, 200),
    "propose_policy": (401, 404, 403, 403, 201, 404, 403, 201),
    "list_policy_changes": (401, 404, 403, 200, 200, 404, 403, 200),
    "approve_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "activate_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "roll_back_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "compare_policy": (401, 404, 403, 200, 200, 404, 403, 200),
    "simulate_policy": (401, 404, 403, 200, 200, 404, 403, 200),
    "reevaluate_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "explain_decision": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "propose_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 201),
    "list_deployment_policy_changes": (401, 403, 403, 403, 403, 403, 403, 200),
    "approve_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "activate_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "roll_back_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "compare_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "list_members": (401, 404, 403, 200, 200, 404, 403, 200),
    "put_member": (401, 403, 403, 403, 403, 403, 403, 201),
    "remove_member": (401, 404, 403, 204, 204, 404, 403, 204),
    "offboard_principal": (401, 403, 403, 403, 403, 403, 403, 200),
    "issue_invitation": (401, 404, 403, 201, 201, 404, 403, 403),
    "list_invitations": (401, 404, 403, 200, 200, 404, 403, 403),
    "get_invitation": (401, 404, 403, 200, 200, 404, 403, 403),
    "list_attendance": (401, 404, 403, 200, 200, 404, 403, 200),
    "export_attendance": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_calendar": (401, 404, 200, 200, 200, 404, 403, 200),
    "resend_invitation": (401, 404, 403, 200, 200, 404, 403, 403),
    "revoke_invitation": (401, 404, 403, 204, 204, 404, 403, 403),
    "list_own_invitations": (401, 200, 200, 200, 200, 200, 403, 403),
    "accept_own_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "decline_own_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "list_connections": (401, 403, 403, 403, 403, 403, 403, 200),
    "put_connection": (401, 403, 403, 403, 403, 403, 403, 200),
    "get_connection": (401, 403, 403, 403, 403, 403, 403, 200),
    "remove_connection": (401, 403, 403, 403, 403, 403, 403, 204),
    "check_connection": (401, 403, 403, 403, 403, 403, 403, 200),
    "list_tenant_connections": (401, 404, 403, 200, 200, 404, 403, 200),
    "put_tenant_connection": (401, 404, 403, 403, 200, 404, 403, 200),
    "get_tenant_connection": (401, 404, 403, 200, 200, 404, 403, 200),
    "remove_tenant_connection": (401, 404, 403, 403, 204, 404, 403, 204),
    "check_tenant_connection": (401, 404, 403, 200, 200, 404, 403, 200),
    "preview_invitation": (200, 200, 200, 200, 200, 200, 200, 200),
    "accept_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "decline_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "request_new_invitation": (202, 202, 202, 202, 202, 202, 202, 202),
    "block_invitation": (204, 204, 204, 204, 204, 204, 204, 204),
    "report_invitation": (204, 204, 204, 204, 204, 204, 204, 204),
    "get_suppression": (401, 403, 403, 403, 403, 403, 403, 404),
    "put_suppression": (401, 403, 403, 403, 403, 403, 403, 201),
    "lift_suppression": (401, 403, 403, 403, 403, 403, 403, 404),
    "put_domain": (401, 404, 403, 403, 200, 404, 403, 200),
    "list_domains": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_domain": (401, 404, 403, 200, 200, 404, 403, 200),
    "check_domain": (401, 404, 403, 403, 200, 404, 403, 200),
    "remove_domain": (401, 404, 403, 403, 204, 404, 403, 204),
    "list_open_doors": (401, 200, 200, 200, 200, 200, 403, 403),
    "join_tenant": (401, 404, 409, 409, 409, 404, 403, 403),
    "ask_to_join": (401, 202, 202, 202, 202, 202, 403, 403),
    "list_join_requests": (401, 404, 403, 200, 200, 404, 403, 403),
    "approve_join_request": (401, 404, 403, 200, 200, 404, 403, 403),
    "reject_join_request": (401, 404, 403, 204, 204, 404, 403, 403),
}
FOR_HOLDERS = {"block_invitation", "report_invitation"}
FOR_PRINCIPALS = {"offboard_principal", "get_suppression", "put_suppression", "lift_suppression"}
WEAK_FOR_PRINCIPALS: frozenset[Scope] = frozenset(("tenants", "members"))
WEAK_FOR_THE_REST: frozenset[Scope] = frozenset(("principals",))
RECORDED = {"accept_own_invitation", "decline_own_invitation", "accept_invitation", "decline_invitation"}
# Only a label: what is put in force for the whole deployment must not change other stories.
DRAFT = {"policy": {"id": "draft"}}
CONNECTION = {"name": "Acme", "issuer": "https://127.0.0.1", "client_id": "client"}
ROADS: dict[str, tuple[str, Callable[[Scene], str], Any]] = {
    "put_tenant": ("PUT", lambda s: s.home, {"name": "Renamed"}),
    "get_tenant": ("GET", lambda s: s.home, ...),
    "suspend_tenant": ("POST", lambda s: s.home + "/suspend", ...),
    "resume_tenant": ("POST", lambda s: s.home + "/resume", ...),
    "delete_tenant": ("DELETE", lambda s: s.home, ...),
    "get_policy": ("GET", lambda s: s.home + "/policy", ...),
    "propose_policy": ("POST", lambda s: s.home + "/policy/changes", DRAFT),
    "list_policy_changes": ("GET", lambda s: s.home + "/policy/changes", ...),
    "approve_policy": ("POST", lambda s: s.change + "/approve", ...),
    "activate_policy": ("POST", lambda s: s.change + "/activate", ...),
    "roll_back_policy": ("POST", lambda s: s.home + "/policy/rollback", ...),
    "compare_policy": ("POST", lambda s: s.home + "/policy/compare", DRAFT),
    "simulate_policy": ("POST", lambda s: s.home + "/policy/simulate", DRAFT),
    "reevaluate_policy": ("POST", lambda s: s.home + "/policy/reevaluate", {"revoke": True}),
    "explain_decision": ("GET", lambda s: s.decision, ...),
    "get_deployment_policy": ("GET", lambda _: "/v1/policy", ...),
    "propose_deployment_policy": ("POST", lambda _: "/v1/policy/changes", DRAFT),
    "list_deployment_policy_changes": ("GET", lambda _: "/v1/policy/changes", ...),
    "approve_deployment_policy": ("POST", lambda s: s.change + "/approve", ...),
    "activate_deployment_policy": ("POST", lambda s: s.change + "/activate", ...),
    "roll_back_deployment_policy": ("POST", lambda _: "/v1/policy/rollback", ...),
    "compare_deployment_policy": ("POST", lambda _: "/v1/policy/compare", DRAFT),
    "list_members": ("GET", lambda s: s.home + "/members", ...),
    "put_member": ("PUT", lambda s: s.home + "/members/somebody-new", {"role": "member"}),
    "remove_member": ("DELETE", lambda s: s.home + f"/members/{s.colleague.principal_id}", ...),
    "offboard_principal": ("POST", lambda s: f"/v1/principals/{s.colleague.principal_id}/offboard", ...),
    "issue_invitation": (
        "POST",
        lambda s: s.home + "/invitations",
        {"email": "new@example.com", "role": "member"},
    ),
    "list_invitations": ("GET", lambda s: s.home + "/invitations", ...),
    "get_invitation": ("GET", lambda s: s.invited.path, ...),
    "list_attendance": ("GET", lambda s: s.home + "/attendance", ...),
    "export_attendance": ("GET", lambda s: s.home + "/attendance.csv", ...),
    "get_calendar": ("GET", lambda s: s.home + "/calendar", ...),
    "resend_invitation": ("POST", lambda s: s.invited.path + "/resend", ...),
    "revoke_invitation": ("DELETE", lambda s: s.invited.path, ...),
    "list_own_invitations": ("GET", lambda _: "/v1/me/invitations", ...),
    "accept_own_invitation": ("POST", lambda s: s.own + "/accept", ...),
    "decline_own_invitation": ("POST", lambda s: s.own + "/decline", ...),
    "list_connections": ("GET", lambda _: "/v1/connections", ...),
    "put_connection": ("PUT", lambda s: s.our_connection, CONNECTION),
    "get_connection": ("GET", lambda s: s.our_connection, ...),
    "remove_connection": ("DELETE", lambda s: s.our_connection, ...),
    "check_connection": ("POST", lambda s: s.our_connection + "/check", ...),
    "list_tenant_connections": ("GET", lambda s: s.home + "/connections", ...),
    "put_tenant_connection": ("PUT", lambda s: s.connection, CONNECTION),
    "get_tenant_connection": ("GET", lambda s: s.connection, ...),
    "remove_tenant_connection": ("DELETE", lambda s: s.connection, ...),
    "check_tenant_connection": ("POST", lambda s: s.connection + "/check", ...),
    "preview_invitation": ("GET", lambda s: s.invited.road, ...),
    "accept_invitation": ("POST", lambda s: s.invited.road + "/accept", ...),
    "decline_invitation": ("POST", lambda s: s.invited.road + "/decline", ...),
    "request_new_invitation": ("POST", lambda s: s.invited.road + "/request-new", ...),
    "block_invitation": ("POST", lambda s: s.invited.road + "/block", ...),
    "report_invitation": ("POST", lambda s: s.invited.road + "/report", ...),
    "get_suppression": ("GET", lambda s: f"/v1/suppressions/{s.tenant_id}@example.com", ...),
    "put_suppression": ("PUT", lambda s: f"/v1/suppressions/{s.tenant_id}@example.com", ...),
    "lift_suppression": ("DELETE", lambda s: f"/v1/suppressions/{s.tenant_id}@example.com", ...),
    "put_domain": ("PUT", lambda s: s.domain, {"role": "member"}),
    "list_domains": ("GET", lambda s: s.home + "/domains", ...),
    "get_domain": ("GET", lambda s: s.domain, ...),
    "check_domain": ("POST", lambda s: s.domain + "/check", ...),
    "remove_domain": ("DELETE", lambda s: s.domain, ...),
    "list_open_doors": ("GET", lambda _: "/v1/me/tenants", ...),
    "join_tenant": ("POST", lambda s: s.home + "/join", ...),
    "ask_to_join": ("POST", lambda s: s.home + "/join-requests", ...),
    "list_join_requests": ("GET", lambda s: s.home + "/join-requests", ...),
    "approve_join_request": ("POST", lambda s: s.join_request + "/approve", {"role": "member"}),
    "reject_join_request": ("POST", lambda s: s.join_request + "/reject", ...),
}


class Scene:
    """One tenant with everybody in it, an invitation, and people from elsewhere."""

    def __init__(self, world: World, *, weak: Key) -> None:
        self.world = world
        self.owner: Person = world.new_person("owner")
        self.admin: Person = world.new_person("admin")
        self.member: Person = world.new_person("member")
        self.colleague: Person = world.new_person("colleague")
        self.tenant_id: str = world.new_tenant(owner=self.owner)
        for who, role in ((self.admin, "admin"), (self.member, "member"), (self.colleague, "member")):
            world.put_member(self.tenant_id, who, role)
        self.other_owner = world.new_person("other")
        self.other_tenant_id = world.new_tenant(owner=self.other_owner)
        self.invited: Invited = world.invite(self.tenant_id, self.owner, f"{world.fresh('vera')}@example.com")
        self.weak = weak
        self.our_connection: str = f"/v1/connections/{self.tenant_id.lower()}-ours"
        self.connection: str = f"{self.home}/connections/{self.tenant_id.lower()}-own"
        for place in (self.our_connection, self.connection):
            assert world.call("PUT", place, PLATFORM, body=CONNECTION).status_code == 201
        self.change: str = self.home + "/policy/changes/none"
        self.decision: str = self.home + "/policy/decisions/none"

    def prepare(self, operation: str) -> None:
        """What an operation on policies needs: one before the one in force, a proposal, a decision; an event."""
        if operation == "get_calendar":
            event = {"starts_at": "2040-06-01T18:00:00Z", "ends_at": "2040-06-01T23:00:00Z"}
            self.world.put_policy(self.tenant_id, event=event)
        if "policy" not in operation and operation != "explain_decision":
            return
        key = find_key(self.world, frozenset(("tenants",)))
        root = "/v1/policy" if "deployment" in operation else self.home + "/policy"
        for label in ("one", "two"):
            self._propose(key, root, label)
            assert self.world.call("POST", self.change + "/activate", key).status_code == 200
        self._propose(key, root, "three")
        self.decision = f"{self.home}/policy/decisions/{find_event(self.world, self.invited.invitation_id)}"

    def _propose(self, key: Key, root: str, label: str) -> None:
        made = self.world.call("POST", root + "/changes", key, body={"policy": {"id": label}})
        assert made.status_code == 201, made.text
        self.change = f"{root}/changes/{made.json()['change_id']}"

    @property
    def home(self) -> str:
        return f"/v1/tenants/{self.tenant_id}"

    @property
    def own(self) -> str:
        return f"/v1/me/invitations/{self.invited.invitation_id}"

    @cached_property
    def domain(self) -> str:
        """The road to a proved domain of the tenant."""
        name = f"{self.tenant_id}.example.org"
        self.world.open_domain(self.tenant_id, name, "request")
        return f"{self.home}/domains/{name}"

    @cached_property
    def join_request(self) -> str:
        """The road to an open request to join."""
        name = self.domain.rpartition("/")[2]
        request_id = self.world.ask_to_join(self.tenant_id, person(self.world.fresh("asker"), f"ann@{name}"))
        return f"{self.home}/join-requests/{request_id}"

    def who(self, actor: str) -> Who:
        people: dict[str, Who] = {
            "anonymous": None,
            "stranger": self.world.new_person("stranger"),
            "member": self.member,
            "admin": self.admin,
            "owner": self.owner,
            "other_owner": self.other_owner,
            "weak_key": self.weak,
            "platform": PLATFORM,
        }
        return people[actor]

    def call(self, operation: str, who: Who) -> httpx2.Response:
        method, road, body = ROADS[operation]
        return self.world.call(method, road(self), who, body=body)


def find_event(world: World, invitation_id: str) -> str:
    """The decision behind an invitation."""
    query = sa.select(audit_events.c.event_id).where(
        audit_events.c.invitation_id == invitation_id, audit_events.c.kind == "invitation.issued"
    )
    with world.engine.connect() as connection:
        return str(connection.execute(query).scalar_one())


_keys: dict[tuple[int, frozenset[Scope]], Key] = {}


def find_key(world: World, scopes: frozenset[Scope]) -> Key:
    """A key with only *scopes*, the same one for a whole run."""
    wanted = (world.port, scopes)
    if wanted not in _keys:
        _keys[wanted] = make_key(world, scopes)
    return _keys[wanted]


def make_key(world: World, scopes: frozenset[Scope]) -> Key:
    runner = build_plain_runner(world.settings)
    try:
        made = runner.run(
            create_key,
            HostKey(key_id="test"),
            name="weak",
            scopes=scopes,
            context=RequestContext(correlation_id="test"),
        )
    finally:
        runner.close()
    return Key(made.secret)


@pytest.mark.covers("D03")
def test_every_operation_of_the_reference_has_a_row_and_every_row_an_operation(world: World) -> None:
    paths = world.call("GET", "/openapi.json").json()["paths"]
    operations = {operation["operationId"] for path in paths.values() for operation in path.values()}
    assert operations == set(MATRIX) == set(ROADS)


@pytest.mark.covers("D01", "D02", "D03", "D06", "D07", "TEN-06", "ISS-02")
@pytest.mark.parametrize("operation", MATRIX)
def test_the_matrix_holds_in_ones_own_tenant_and_a_refusal_changes_nothing(
    world: World, operation: str
) -> None:
    weak = find_key(world, WEAK_FOR_PRINCIPALS if operation in FOR_PRINCIPALS else WEAK_FOR_THE_REST)
    scene = Scene(world, weak=weak)
    scene.prepare(operation)
    for actor, expected in zip(ACTORS, MATRIX[operation], strict=True):
        who = scene.who(actor)
        # What the road needs is there before anybody looks.
        ROADS[operation][1](scene)
        before = world.dump()
        answer = scene.call(operation, who)
        assert (actor, answer.status_code) == (actor, expected), answer.text
        if expected >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            if operation not in RECORDED:
                assert world.dump() == before
        elif answer.request.method != "GET":
            scene = Scene(world, weak=weak)
            scene.prepare(operation)


@pytest.mark.covers("D06", "TEN-06", "K07")
@pytest.mark.parametrize("operation", MATRIX)
def test_in_a_foreign_tenant_everybody_is_a_stranger(world: World, operation: str) -> None:
    stranger = MATRIX[operation][ACTORS.index("stranger")]
    home = Scene(world, weak=PLATFORM)
    abroad = Scene(world, weak=PLATFORM)
    abroad.prepare(operation)
    # Whoever holds a link may end it, once.
    answers = [
        (Scene(world, weak=PLATFORM) if operation in FOR_HOLDERS else abroad).call(operation, home.who(actor))
        for actor in sorted(PRINCIPALS)
    ]
    assert {answer.status_code for answer in answers} == {stranger}
    if stranger == 404:
        unknown = Scene(world, weak=PLATFORM)
        for answer in answers:
            assert strip(answer) == strip(nowhere(unknown, operation, home.owner))


@pytest.mark.covers("D05", "D06", "B15", "TEN-06")
@pytest.mark.parametrize("operation", ["get_invitation", "resend_invitation", "revoke_invitation"])
def test_an_invitation_is_found_only_below_its_own_tenant(world: World, operation: str) -> None:
    home, abroad = Scene(world, weak=PLATFORM), Scene(world, weak=PLATFORM)
    method, road, _ = ROADS[operation]
    mixed = road(abroad).replace(abroad.tenant_id, home.tenant_id)
    before = world.dump()
    answer = world.call(method, mixed, home.owner)
    random = mixed.replace(abroad.invited.invitation_id, "00000000-0000-4000-8000-000000000000")
    assert (answer.status_code, strip(answer)) == (404, strip(world.call(method, random, home.owner)))
    assert world.dump() == before


@pytest.mark.covers("D05", "D04", "ISS-02")
@pytest.mark.parametrize(
    "field", ["tenant_id", "inviter_principal_id", "invited_by", "status", "id", "token"]
)
def test_the_tenant_and_the_inviter_are_never_the_bodys_to_say(world: World, field: str) -> None:
    scene = Scene(world, weak=PLATFORM)
    before = world.dump()
    body = {"email": "new@example.com", "role": "member", field: scene.other_tenant_id}
    answer = world.call("POST", scene.home + "/invitations", scene.owner, body=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{field}"]
    query = world.call(
        "POST",
        f"{scene.home}/invitations?{field}=x",
        scene.owner,
        body={"email": "a@example.com", "role": "member"},
    )
    assert query.status_code == 422
    assert world.dump() == before


@pytest.mark.covers("D01", "D02", "ISS-03", "ISS-04")
@pytest.mark.parametrize("inviter", ["owner", "admin", "member"])
def test_only_the_listed_pairs_of_roles_may_be_granted(world: World, inviter: str) -> None:
    allowed = {"owner": {"admin", "member"}, "admin": {"member"}, "member": set()}[inviter]
    scene = Scene(world, weak=PLATFORM)
    for role in ("owner", "admin", "member"):
        body = {"email": f"{world.fresh('new')}@example.com", "role": role}
        before = world.dump()
        answer = world.call("POST", scene.home + "/invitations", scene.who(inviter), body=body)
        assert answer.status_code == (201 if role in allowed else 403), (inviter, role)
        if role not in allowed:
            code = "not_permitted" if inviter == "member" else "role_not_assignable"
            assert (answer.json()["code"], world.dump()) == (code, before)


@pytest.mark.covers("D13")
def test_D13_an_admin_can_not_remove_an_owner_and_the_last_owner_stays(world: World) -> None:
    scene = Scene(world, weak=PLATFORM)
    path = f"{scene.home}/members/{scene.owner.principal_id}"
    assert world.call("DELETE", path, scene.admin).json()["code"] == "not_permitted"
    for who in (scene.owner, PLATFORM):
        answer = world.call("DELETE", path, who)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    demoted = world.call("PUT", path, PLATFORM, body={"role": "member"})
    assert (demoted.status_code, demoted.json()["code"]) == (409, "last_owner")
    world.put_member(scene.tenant_id, scene.colleague, "owner")
    assert world.call("DELETE", path, scene.owner).status_code == 204


@pytest.mark.covers("N06")
def test_N06_the_list_of_ones_own_can_not_be_pointed_at_somebody_else(world: World) -> None:
    scene = Scene(world, weak=PLATFORM)
    vera = Person(principal_id=world.fresh("v"), emails=(scene.invited.email,))
    mallory = Person(
        principal_id=world.fresh("m"), emails=("m@example.com",), unverified=(scene.invited.email,)
    )
    assert [one["email"] for one in world.call("GET", "/v1/me/invitations", vera).json()["items"]] == [
        scene.invited.email
    ]
    assert world.call("GET", "/v1/me/invitations", mallory).json()["items"] == []
    for query in (f"email={scene.invited.email}", "user_id=1", "principal_id=x"):
        assert world.call("GET", f"/v1/me/invitations?{query}", mallory).status_code == 422


def nowhere(scene: Scene, operation: str, who: Who) -> httpx2.Response:
    """The same call about what does not exist."""
    method, road, body = ROADS[operation]
    path = road(scene).replace(scene.tenant_id, "no-such-tenant")
    path = path.replace(scene.invited.invitation_id, "00000000-0000-4000-8000-000000000000")
    path = path.replace(scene.invited.token, "vst_unknown")
    return scene.world.call(method, path, who, body=body)


def strip(answer: httpx2.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """An answer without what names the one request."""
    body = answer.json()
    body.pop("request_id")
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status_code, body, headers

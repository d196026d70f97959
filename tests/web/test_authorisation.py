# SPDX-License-Identifier: Apache-2.0
"""Who may call what: every operation of the reference has a row in the matrix, every actor a cell.

A route without a row fails. A cell that is refused changes nothing at all.
"""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.web.harness import PLATFORM, Person, Who, World
from tests.web.matrix import (
    ACTORS,
    FOR_ANYBODY,
    FOR_HOLDERS,
    FOR_PRINCIPALS,
    MATRIX,
    PRINCIPALS,
    RECORDED,
    WEAK_FOR_PRINCIPALS,
    WEAK_FOR_THE_REST,
    cells,
)
from tests.web.roads import ROADS
from tests.web.scene import Scene, find_key
from vestibule.core.identity import ALL_SCOPES


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
    for actor, expected in cells(operation):
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


@pytest.mark.covers("D06", "TEN-01", "TEN-06")
@pytest.mark.parametrize("operation", MATRIX)
def test_a_key_that_is_bound_to_a_tenant_has_no_say_in_any_other(world: World, operation: str) -> None:
    home, abroad = Scene(world, weak=PLATFORM), Scene(world, weak=PLATFORM)
    bound = find_key(world, ALL_SCOPES, home.tenant_id)
    abroad.prepare(operation)
    ROADS[operation][1](abroad)
    before = world.dump()
    answer = abroad.call(operation, bound)
    as_platform = MATRIX[operation][ACTORS.index("platform")]
    if operation in FOR_ANYBODY:
        assert answer.status_code == as_platform
        return
    assert answer.status_code in ({403} if as_platform == 403 else {403, 404}), answer.text
    assert answer.json()["code"] in {"not_permitted", "not_found"}
    assert world.dump() == before


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
    body = {"email": "new@example.com", "role": "member", field: scene.other_tenant_id}
    before = world.dump()
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
    allowed = {"owner": {"owner", "admin", "member"}, "admin": {"member"}, "member": set()}[inviter]
    scene = Scene(world, weak=PLATFORM)
    who = scene.who(inviter)
    for role in ("owner", "admin", "member"):
        body = {"email": f"{world.fresh('new')}@example.com", "role": role}
        before = world.dump()
        answer = world.call("POST", scene.home + "/invitations", who, body=body)
        assert answer.status_code == (201 if role in allowed else 403), (inviter, role)
        if role in allowed:
            assert answer.json()["state"] == ("held" if role == "owner" else "pending")
        else:
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

# SPDX-License-Identifier: Apache-2.0
"""Who may speak for a directory: every route of ``/scim/v2`` has a row, and only its tenant's own key a yes.

A route without a row fails. A cell that is refused changes nothing at all.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.scim.provisioner import GROUP, PATCH, USER, Provisioner, make_directory_key
from tests.web.harness import PLATFORM, Who, World
from vestibule.web.services import Services

# Who has credentials, and speaks for no directory.
REFUSED = {
    "anonymous": 401, "stranger": 403, "member": 403, "admin": 403, "owner": 403, "other_owner": 403,
    "weak_key": 403, "platform": 403,
}  # fmt: skip
_USER_BODY = {"schemas": [USER], "userName": "new@example.com", "active": True}
_GROUP_BODY = {"schemas": [GROUP], "displayName": "New"}
_RENAME = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "Other"}]}
# route: what its own directory is told, what another tenant's is told about it, and the body.
ROUTES: dict[str, tuple[int, int, Any]] = {
    "GET Users": (200, 200, ...),
    "POST Users": (201, 201, _USER_BODY),
    "GET Users/{id}": (200, 404, ...),
    "PUT Users/{id}": (200, 404, _USER_BODY),
    "PATCH Users/{id}": (200, 404, _RENAME),
    "DELETE Users/{id}": (204, 404, ...),
    "GET Groups": (200, 200, ...),
    "POST Groups": (201, 201, _GROUP_BODY),
    "GET Groups/{id}": (200, 404, ...),
    "PUT Groups/{id}": (200, 404, _GROUP_BODY),
    "PATCH Groups/{id}": (200, 404, _RENAME),
    "DELETE Groups/{id}": (204, 404, ...),
}
# What this server speaks is the same for every tenant, and for whoever has credentials.
DISCOVERY = {
    "GET ServiceProviderConfig",
    "GET ResourceTypes",
    "GET ResourceTypes/{id}",
    "GET Schemas",
    "GET Schemas/{id}",
}


def ask(world: World, route: str, path: str, who: Who) -> httpx2.Response:
    body = ROUTES[route][2] if route in ROUTES else ...
    content = None if body is ... else json.dumps(body).encode()
    headers = {"content-type": "application/scim+json"}
    return world.call(route.partition(" ")[0], f"/scim/v2/{path}", who, content=content, headers=headers)


def locate(directory: Provisioner, route: str) -> str:
    """The path of *route* to what *directory* keeps; every time to something fresh."""
    path = route.partition(" ")[2]
    if path == "Users/{id}":
        return "Users/" + directory.add(f"{directory.world.fresh('kept')}@example.com", active=True)
    if path == "Groups/{id}":
        made = directory.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "Kept"})
        return f"Groups/{made.json()['id']}"
    return path.replace("{id}", "User" if path.startswith("ResourceTypes") else USER)


def people_of(directory: Provisioner) -> dict[str, Who]:
    world = directory.world
    member, admin, other = world.new_person("member"), world.new_person("admin"), world.new_person("other")
    world.put_member(directory.tenant_id, member, "member")
    world.put_member(directory.tenant_id, admin, "admin")
    world.new_tenant(owner=other)
    return {
        "anonymous": None,
        "stranger": world.new_person("stranger"),
        "member": member,
        "admin": admin,
        "owner": directory.owner,
        "other_owner": other,
        "weak_key": make_directory_key(world, directory.tenant_id, "tenants", "members"),
        "platform": PLATFORM,
    }


@pytest.mark.covers("D03", "LIF-03")
def test_every_scim_route_has_a_row_and_every_row_a_route(world: World) -> None:
    world.call("GET", "/scim/v2/Users")
    services: Services = world.deployment.make_app()._services  # type: ignore[attr-defined]
    from vestibule.web.scim.routes import _Scim  # noqa: PLC0415 - heavy

    scim = _Scim(services)
    lists = {f"{method} {kind}" for kind, methods in scim._lists.items() for method in methods}
    ones = {f"{method} {kind}/{{id}}" for kind, methods in scim._ones.items() for method in methods}
    assert lists | ones == set(ROUTES) | DISCOVERY


@pytest.mark.covers("D02", "D03", "D06", "LIF-03", "TEN-06")
@pytest.mark.parametrize("route", ROUTES)
def test_only_the_key_of_a_directory_speaks_for_it(directory: Provisioner, route: str) -> None:
    world = directory.world
    path, people = locate(directory, route), people_of(directory)
    abroad = Provisioner(world)
    own, foreign, _ = ROUTES[route]
    before = world.dump()
    for actor, expected in REFUSED.items():
        answer = ask(world, route, path, people[actor])
        assert (actor, answer.status_code) == (actor, expected), answer.text
        assert answer.headers["content-type"] == "application/scim+json"
    assert world.dump() == before
    answer = ask(world, route, path, abroad.key)
    assert answer.status_code == foreign, answer.text
    if foreign == 404:
        assert world.dump() == before
    elif route.startswith("GET"):
        assert answer.json()["totalResults"] == 0, "another tenant's directory is its own"
    assert ask(world, route, path, directory.key).status_code == own


@pytest.mark.covers("D03", "TEN-06")
@pytest.mark.parametrize("route", sorted(DISCOVERY))
def test_what_is_spoken_is_told_to_whoever_has_credentials(directory: Provisioner, route: str) -> None:
    world, path = directory.world, locate(directory, route)
    answers = [ask(world, route, path, who) for who in (directory.key, Provisioner(world).key)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert ask(world, route, path, None).status_code == 401

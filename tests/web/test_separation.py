# SPDX-License-Identifier: Apache-2.0
"""Which process serves what: every route has a role, and what is another role's does not exist here (OBS-06)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.web.harness import PLATFORM, World
from tests.web.separated import SERVED, read_proxy_map
from vestibule.bootstrap import build_deployment
from vestibule.core.process import ProcessRole
from vestibule.web.api import make_api
from vestibule.web.claim_routes import PREFIX
from vestibule.web.pages import make_pages
from vestibule.web.separation import AREAS, EVERYWHERE, ROLE_OF, is_served
from vestibule.web.services import Services

pytestmark = pytest.mark.covers("OBS-06")
_ISSUED = "/v1/tenants/acme/invitations"
# Some calls of each role's, and what the process of that role answers a stranger.
CALLS: dict[ProcessRole, tuple[tuple[str, str, int], ...]] = {
    ProcessRole.ISSUE: (("GET", _ISSUED, 401), ("GET", "/tenants/acme/settings", 303)),
    ProcessRole.CLAIM: (
        ("GET", "/v1/me/invitations", 401),
        ("POST", PREFIX + "none/request-new", 202),
        ("GET", "/sign-in", 200),
        ("GET", "/", 200),
    ),
    ProcessRole.ADMIN: (
        ("PUT", "/v1/tenants/acme", 401),
        ("GET", "/v1/tenants/acme/members", 401),
        ("GET", "/scim/v2/Users", 401),
        ("GET", "/.well-known/jwks.json", 200),
        ("GET", "/tenants/acme/settings/policy", 303),
    ),
}


@pytest.fixture(scope="module")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[ProcessRole, World]]:
    """Three services on one database, each of a role."""
    place = tmp_path_factory.mktemp("separated")
    url = f"sqlite:///{place / 'vestibule.db'}"
    first = World(url, place, role=SERVED[0]).start()
    others = [World(url, place, role=role, is_new=False).start() for role in SERVED[1:]]
    yield dict(zip(SERVED, [first, *others], strict=True))
    for world in (first, *others):
        world.stop()


@pytest.fixture
def services(world: World) -> Services:
    return world.deployment.make_services()


def test_every_route_has_a_role_and_every_row_a_route(services: Services) -> None:
    made = {route.path for app in (make_api(services), make_pages(services)) for route in app.routes}  # type: ignore[attr-defined]
    assert made | {*AREAS, "/metrics", "/healthz"} == {*ROLE_OF, *EVERYWHERE}
    assert set(ROLE_OF.values()) == set(SERVED)


@pytest.mark.parametrize("role", SERVED)
def test_what_is_another_roles_does_not_exist_here(
    separated: dict[ProcessRole, World], role: ProcessRole
) -> None:
    for owner, calls in CALLS.items():
        for method, path, expected in calls:
            answer = separated[role].call(method, path)
            assert (path, answer.status_code) == (path, expected if owner is role else 404)
            if owner is not role and path.startswith(("/v1/", "/scim/")):
                assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("role", SERVED)
def test_every_process_is_alive_and_shows_the_whole_reference(
    separated: dict[ProcessRole, World], role: ProcessRole
) -> None:
    world = separated[role]
    assert world.call("GET", "/healthz").status_code == 200
    assert world.call("GET", "/metrics").status_code == 200
    assert PREFIX + "{token}" in world.call("GET", "/openapi.json").json()["paths"]
    assert _ISSUED.replace("acme", "{tenant_id}") in world.call("GET", "/openapi.json").json()["paths"]


def test_where_invitees_are_served_no_key_of_a_host_is_known(separated: dict[ProcessRole, World]) -> None:
    answers = {
        role: separated[role].call("GET", "/metrics", PLATFORM, headers={"via": "a proxy"}).status_code
        for role in SERVED
    }
    assert answers == {ProcessRole.ISSUE: 200, ProcessRole.CLAIM: 401, ProcessRole.ADMIN: 200}


def test_an_unlisted_route_is_served_by_all_only() -> None:
    assert is_served(ProcessRole.ALL, "/v1/new")
    assert not any(is_served(role, "/v1/new") for role in SERVED)


def test_the_documented_proxy_sends_every_address_to_its_process() -> None:
    choose = read_proxy_map()
    for template, role in ROLE_OF.items():
        path = re.sub(r"\{[a-z_]+(:[a-z]+)?\}", "some.thing-1", template)
        assert (path, choose(path)) == (path, role)
    assert choose("/scim/v2/Users/1") is ProcessRole.ADMIN
    assert choose("/v1/tenants/acme/members/a/b") is ProcessRole.ADMIN
    assert choose("/i/vst_x/y") is ProcessRole.CLAIM


def test_a_process_needs_no_key_that_it_has_no_use_for(world: World) -> None:
    # A secret that no key opens stops whoever opens secrets, and nobody else.
    assert build_deployment(world.settings, role=ProcessRole.ISSUE).verifier is not None
    assert build_deployment(world.settings, role=ProcessRole.WORKER).verifier is None

# SPDX-License-Identifier: Apache-2.0
"""The whole service in its parts, each under its own database role: what they need they have (OBS-06).

The stories are those of the other tests; here every statement is run by a role that may do nothing else.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tests.servers import PostgresServer
from tests.web import (
    test_attendance,
    test_decisions,
    test_domains,
    test_lifecycle,
    test_lists,
    test_refusal,
    test_refusing_mail,
    test_routes,
)
from tests.web.harness import PLATFORM, World
from tests.web.matrix import ACTORS, MATRIX
from tests.web.page_matrix import PAGES
from tests.web.scene import Scene
from tests.web.separated import SeparatedWorld, grant_roles
from tests.web.separation_stories import kept, mailed, swept
from tests.web.test_page_authorisation import Visitors, locate

pytestmark = pytest.mark.covers("OBS-06")
Story = Callable[[World], None]
# One asks with an API key, of which the claim process knows nothing; one is surprised that mail goes out.
_ELSEWHERE = {
    "test_A12_a_holder_of_the_link_sees_six_fields_and_the_dead_link_none",
    "test_an_invitation_is_issued_listed_read_resent_and_revoked",
}


def _stories(*modules: ModuleType) -> list[Story]:
    """Those that need a running service and nothing else."""
    found = itertools.chain.from_iterable(vars(module).items() for module in modules)
    return [
        story
        for name, story in found
        if name.startswith("test_")
        and name not in _ELSEWHERE
        and list(inspect.signature(story).parameters) == ["world"]
    ]


STORIES = _stories(
    test_attendance,
    test_decisions,
    test_domains,
    test_lifecycle,
    test_lists,
    test_refusal,
    test_refusing_mail,
    test_routes,
)


@pytest.fixture(scope="module")
def worlds(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], SeparatedWorld]]:
    started: dict[str, SeparatedWorld] = {}

    def find(addresses: str) -> SeparatedWorld:
        if addresses not in started:
            database = postgres_server.create_database()
            logins = grant_roles(postgres_server, database)
            url, folder = postgres_server.url(database), tmp_path_factory.mktemp(addresses)
            started[addresses] = SeparatedWorld(url, folder, logins, {"ADDRESSES": addresses})
            started[addresses].start()
        return started[addresses]

    yield find
    for world in started.values():
        world.stop()


@pytest.fixture
def separated(request: pytest.FixtureRequest, worlds: Callable[[str], SeparatedWorld]) -> SeparatedWorld:
    """Addresses are sealed, which needs every right that plain ones need, unless a test says otherwise."""
    return worlds(getattr(request, "param", "sealed"))


in_plain_too = pytest.mark.parametrize("separated", ["plain", "sealed"], indirect=True)


@in_plain_too
@pytest.mark.slow
@pytest.mark.parametrize("operation", MATRIX)
def test_every_operation_works_under_its_role(separated: SeparatedWorld, operation: str) -> None:
    scene = Scene(separated, weak=PLATFORM)
    scene.prepare(operation)
    row = dict(zip(ACTORS, MATRIX[operation], strict=True))
    # Where invitees are served no key is known.
    actor = next((one for one in ACTORS[4:6] + ("platform",) if row[one] < 400), "owner")
    assert scene.call(operation, scene.who(actor)).status_code == row[actor]


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__.removeprefix("test_"))
def test_the_story_holds_under_separate_database_roles(separated: SeparatedWorld, story: Story) -> None:
    story(separated)


def test_every_page_works_under_its_role(separated: SeparatedWorld) -> None:
    visitors = Visitors(separated)
    try:
        for route, opens in PAGES.items():
            if opens == "anybody" and "/with/" in route:
                # That way leads to a provider; tests/pages walks it.
                continue
            scene = visitors.enter()
            answer = visitors.visit(scene, "owner", route.partition(" ")[0], locate(scene, route))
            assert (route, answer.status_code < 500) == (route, True)
    finally:
        visitors.close()


@in_plain_too
@pytest.mark.parametrize("story", [mailed, swept, kept])
def test_what_the_worker_does_works_under_its_role(
    separated: SeparatedWorld, story: Callable[[SeparatedWorld], None]
) -> None:
    story(separated)

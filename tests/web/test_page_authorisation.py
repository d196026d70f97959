# SPDX-License-Identifier: Apache-2.0
"""Who may do what on the hosted pages: every route of theirs has a row, every actor a cell.

A route without a row fails. A cell that is refused changes nothing at all. A page takes no key: whoever has
only that is nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import httpx2
import pytest
from starlette.routing import Route

from tests.web.harness import PLATFORM, Person, World
from tests.web.page_matrix import ACTORS, FORM, LET_IN, PAGES, RECORDED
from tests.web.scene import Scene
from vestibule.actions.accounts.sign_in import create_account, open_session
from vestibule.bootstrap import build_plain_runner
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostKey, RequestContext

_HEADERS = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


class Visitors:
    """One local account for each actor, and a tenant for them to look into."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runner = build_plain_runner(world.settings)
        self._people = {actor: self._register(actor) for actor in ACTORS[2:]}

    def close(self) -> None:
        self._runner.close()

    def enter(self) -> Scene:
        """A fresh tenant that each of them stands in as its name says."""
        scene = Scene(self._world, weak=PLATFORM)
        for role in ("member", "admin", "owner"):
            self._world.put_member(scene.tenant_id, self._people[role], role)
        self._world.put_member(scene.other_tenant_id, self._people["other_owner"], "owner")
        return scene

    def visit(self, scene: Scene, actor: str, method: str, path: str) -> httpx2.Response:
        headers = dict(_HEADERS)
        if actor == "key":
            headers["authorization"] = f"Bearer {PLATFORM.secret}"
        elif actor != "anonymous":
            secret = self._runner.run(open_session, self._people[actor].principal_id)
            headers["cookie"] = f"__Host-vestibule-session={secret}"
        # Whom it went to is asked only where that is not kept.
        unasked = {"email"} if path.endswith(("/resend", "/link")) else set()
        fields = {name: value for name, value in FORM.items() if name not in unasked}
        form = urlencode({**fields, "digest": scene.digest if "/approvals/" in path else ""})
        content = form.encode() if method == "POST" else None
        return self._world.client.request(method, path, headers=headers, content=content)

    def _register(self, actor: str) -> Person:
        address = EmailAddress.parse_input(f"{self._world.fresh(actor.replace('_', '-'))}@people.example")
        made = self._runner.run(
            create_account,
            HostKey(key_id="test"),
            address,
            name=actor,
            password_hash="none",
            context=RequestContext(correlation_id="test"),
        )
        return Person(principal_id=made, emails=(address.key,))


@pytest.fixture
def visitors(world: World) -> Iterator[Visitors]:
    here = Visitors(world)
    yield here
    here.close()


def locate(scene: Scene, route: str) -> str:
    """The path of *route* to what there is in *scene*."""
    method, _, path = route.partition(" ")

    def change() -> str:
        scene.prepare(f"{method} policy")
        return last(scene.change)

    def invitation() -> str:
        if "/reviews/" in path:
            return last(scene.review)
        return last(scene.held) if "/approvals/" in path else scene.invited.invitation_id

    parts: dict[str, Callable[[], str]] = {
        "{tenant_id}": lambda: scene.tenant_id,
        "{invitation_id}": invitation,
        "{event_id}": lambda: last(scene.event),
        "{request_id}": lambda: last(scene.join_request),
        "{connection_id}": lambda: last(scene.connection),
        "{domain}": lambda: last(scene.domain),
        "{anonymous_id}": lambda: last(scene.anonymous),
        "{change_id}": change,
        "{principal_id:path}": lambda: quote(scene.colleague.principal_id),
        "{token:path}": lambda: scene.invited.token,
    }
    if path.endswith("/rollback"):
        change()
    for name, find in parts.items():
        if name in path:
            path = path.replace(name, find())
    return path


def last(road: str) -> str:
    return road.rpartition("/")[2]


def look(world: World) -> dict[str, int]:
    """Everything but who is signed in, and who is just on the way to a provider."""
    ignored = {"vestibule_sessions", "vestibule_sign_ins"}
    return {name: written for name, written in world.dump().items() if name not in ignored}


@pytest.mark.covers("D03", "TEN-06")
def test_every_route_of_the_pages_has_a_row_and_every_row_a_route(world: World) -> None:
    pages = world.deployment.make_app()._app._pages  # type: ignore[attr-defined]
    found = {
        f"{method} {route.path}"
        for route in pages.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert found == set(PAGES)


@pytest.mark.covers("D01", "D02", "D03", "D06", "D12", "TEN-06")
@pytest.mark.parametrize("route", [route for route, opens in PAGES.items() if opens != "anybody"])
def test_a_page_opens_to_whom_its_row_names_and_a_refusal_changes_nothing(
    world: World, visitors: Visitors, route: str
) -> None:
    method = route.partition(" ")[0]
    scene = visitors.enter()
    path = locate(scene, route)
    for actor in ACTORS:
        before = look(world)
        answer = visitors.visit(scene, actor, method, path)
        signs_in = answer.headers.get("location", "").startswith("/sign-in?")
        if actor in LET_IN[PAGES[route]]:
            # A wrong password is not the question.
            is_wrong_password = route == "POST /sign-in/again" and answer.status_code == 403
            assert answer.status_code in {200, 303} or is_wrong_password, (actor, answer.text)
            assert not signs_in, actor
            scene = visitors.enter()
            path = locate(scene, route)
            continue
        if actor in {"anonymous", "key"}:
            assert (actor, answer.status_code, signs_in) == (actor, 303, True)
        else:
            is_hidden = actor in {"stranger", "other_owner"} or PAGES[route] == "nobody"
            assert (actor, answer.status_code) == (actor, 404 if is_hidden else 403), answer.text
        if route not in RECORDED or signs_in:
            assert look(world) == before, actor


@pytest.mark.covers("D06", "TEN-06")
@pytest.mark.parametrize("route", [route for route, opens in PAGES.items() if opens == "anybody"])
def test_a_page_for_anybody_tells_and_does_the_same_whoever_looks(
    world: World, visitors: Visitors, route: str
) -> None:
    method = route.partition(" ")[0]
    scene = visitors.enter()
    path = locate(scene, route)
    before = look(world)
    statuses = {actor: visitors.visit(scene, actor, method, path).status_code for actor in ACTORS}
    if route != "GET /sign-in":
        assert len(set(statuses.values())) == 1, statuses
    assert max(statuses.values()) <= 404 or path.startswith("/sign-in/with/"), statuses
    assert look(world) == before

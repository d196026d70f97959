# SPDX-License-Identifier: Apache-2.0
"""What verifiers fetch over HTTP: fresh after a rotation, kept by caches, signed once for each state."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.factories import make_context
from tests.rings import MASTER, fill_ring, make_store, name_store
from tests.web.harness import World
from vestibule.actions.keys.turn_keys import compromise_key, rotate_key
from vestibule.core.identity import HostKey
from vestibule.core.keys import KeyRecord, KeySchedule
from vestibule.errors import KeyProviderError
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey
from vestibule.storage.runners import PlainRunner
from vestibule.web.app import _Switch
from vestibule.web.guard import Guard
from vestibule.web.keys import KEY_PATHS, KeyRoutes

KEY_SET, SCHEDULE = KEY_PATHS
MakeWorld = Callable[..., World]
OPERATOR = HostKey(key_id="cli")
AT_ONCE = timedelta(0)


class CountingProvider(FileProvider):
    """The store, with its signatures counted; it can be told to fail."""

    signed = 0
    is_down = False

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        if self.is_down:
            raise KeyProviderError("nobody answers")
        self.signed += 1
        return super().sign(key, data)


class Ringed:
    """A service with a full ring, whose documents are read again at every look."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.provider = CountingProvider(directory, MasterKey(MASTER))
        self.keys = fill_ring(world.engine, self.provider)
        self.runner = PlainRunner(world.engine)

    def open(self, **schedule: Any) -> KeyRoutes:
        """The routes of another process, with a schedule of the test's."""
        guard = self.world.deployment.make_app()
        assert isinstance(guard, Guard)
        assert isinstance(guard._app, _Switch)
        services = replace(guard._app._services, provider=self.provider)
        return KeyRoutes(services, replace(KeySchedule(), **{"reread": AT_ONCE, **schedule}))

    def rotate(self, purpose: str) -> KeyRecord:
        about: dict[str, Any] = {"provider": self.provider, "schedule": KeySchedule()}
        return self.runner.run(rotate_key, OPERATOR, purpose, at_once=True, context=make_context(), **about)

    def compromise(self, key_id: str) -> None:
        self.runner.run(
            compromise_key, OPERATOR, key_id, "a drill", provider=self.provider, context=make_context()
        )

    def ask(self, routes: KeyRoutes, path: str, **headers: str) -> httpx2.Response:
        """One answer of *routes*, in the service's own loop."""

        async def get() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=routes)
            async with httpx2.AsyncClient(transport=transport, base_url="http://in.example") as client:
                return await client.get(path, headers=headers)

        return asyncio.run_coroutine_threadsafe(get(), self.world._loop).result(30)


@pytest.fixture
def ringed(make_world: MakeWorld, tmp_path: Path) -> Ringed:
    make_store(tmp_path / "ring")
    return Ringed(make_world(name_store(tmp_path / "ring")), tmp_path / "ring")


def read_schedule(answer: httpx2.Response, key_set: httpx2.Response) -> dict[str, Any]:
    """The payload, believed because another library verified it with the published key set."""
    known = KeySet.import_key_set(key_set.json())
    registry = jws.JWSRegistry(algorithms=["Ed25519"])
    payload: dict[str, Any] = json.loads(
        jws.deserialize_json(answer.json(), known, registry=registry).payload
    )
    return payload


@pytest.mark.covers("TOK-04")
def test_without_a_key_ring_the_key_set_is_empty_and_there_is_no_schedule(world: World) -> None:
    answer = world.call("GET", KEY_SET)
    assert (answer.status_code, answer.json()) == (200, {"keys": []})
    missing = world.call("GET", SCHEDULE)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert missing.headers["cache-control"] == "no-store"


@pytest.mark.covers("TOK-04", "W06")
def test_both_documents_may_be_kept_and_asked_after_and_nothing_else_may(ringed: Ringed) -> None:
    world = ringed.world
    kinds = {KEY_SET: "application/jwk-set+json", SCHEDULE: "application/jose+json"}
    for path in KEY_PATHS:
        answer = world.call("GET", path)
        assert answer.status_code == 200, answer.text
        assert answer.headers.get_list("cache-control") == ["public, max-age=600, stale-if-error=86400"]
        assert answer.headers["content-type"] == kinds[path]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        tag = answer.headers["etag"]
        for asked in (tag, f'"other", W/{tag}', "*"):
            unchanged = world.call("GET", path, headers={"if-none-match": asked})
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            assert unchanged.headers["etag"] == tag
            assert unchanged.headers["cache-control"] == answer.headers["cache-control"]
        assert world.call("GET", path, headers={"if-none-match": '"other"'}).status_code == 200
        head = world.call("HEAD", path)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
        posted = world.call("POST", path)
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
        assert posted.headers["cache-control"] == "no-store"
    assert world.call("GET", KEY_SET + "/x").headers["cache-control"] == "no-store"


@pytest.mark.covers("TOK-04", "C06")
def test_a_rotation_and_a_key_that_was_given_up_are_seen_by_every_process(ringed: Ringed) -> None:
    one, other = ringed.open(), ringed.open()
    old = ringed.keys["claim"]
    new = ringed.rotate("claim")
    for routes in (one, other):
        shown = ringed.ask(routes, KEY_SET).json()["keys"]
        assert {old.key_id, new.key_id} <= {key["kid"] for key in shown}
    ringed.compromise(new.key_id)
    for routes in (one, other, ringed.open()):
        key_set = ringed.ask(routes, KEY_SET)
        shown = {key["kid"] for key in key_set.json()["keys"]}
        assert new.key_id not in shown
        assert old.key_id in shown
        schedule = read_schedule(ringed.ask(routes, SCHEDULE), key_set)
        assert [key["kid"] for key in schedule["revoked_keys"]] == [new.key_id]
        states = {key["kid"]: key["state"] for key in schedule["keys"] if key["purpose"] == "claim"}
        assert sorted(states.values()) == ["active", "verify_only"]
        assert schedule["iss"] == "https://invite.example.com"
        assert schedule["exp"] - schedule["iat"] == 72 * 3600


@pytest.mark.covers("TOK-04")
def test_the_schedule_is_signed_once_for_each_state_and_again_when_half_its_time_is_gone(
    ringed: Ringed,
) -> None:
    routes = ringed.open()
    first = ringed.ask(routes, SCHEDULE)
    for _ in range(5):
        assert ringed.ask(routes, SCHEDULE).content == first.content
    assert ringed.provider.signed == 1
    signer = ringed.rotate("schedule")
    second = ringed.ask(routes, SCHEDULE)
    assert second.headers["etag"] != first.headers["etag"]
    assert ringed.provider.signed == 2
    assert read_schedule(second, ringed.ask(routes, KEY_SET))["keys"][-1]["kid"] == signer.key_id
    short = ringed.open(document_lasts=AT_ONCE)
    for _ in range(2):
        ringed.ask(short, SCHEDULE)
    assert ringed.provider.signed == 4


@pytest.mark.covers("TOK-04")
def test_many_at_once_need_one_look_and_one_signature(ringed: Ringed) -> None:
    routes = ringed.open(reread=timedelta(seconds=60))

    async def crowd() -> set[bytes]:
        transport = httpx2.ASGITransport(app=routes)
        async with httpx2.AsyncClient(transport=transport, base_url="http://in.example") as client:
            answers = await asyncio.gather(*(client.get(SCHEDULE) for _ in range(40)))
        return {answer.content for answer in answers}

    assert len(asyncio.run_coroutine_threadsafe(crowd(), ringed.world._loop).result(60)) == 1
    assert ringed.provider.signed == 1


@pytest.mark.covers("TOK-05", "TOK-04")
def test_a_provider_that_fails_leaves_what_was_signed_and_the_key_set_alone(
    ringed: Ringed, logs: io.StringIO
) -> None:
    routes = ringed.open()
    first = ringed.ask(routes, SCHEDULE)
    ringed.provider.is_down = True
    assert ringed.ask(routes, SCHEDULE).content == first.content
    ringed.rotate("claim")
    with pytest.raises(KeyProviderError):
        ringed.ask(routes, SCHEDULE)
    assert len(ringed.ask(routes, KEY_SET).json()["keys"]) == 5
    ringed.provider.is_down = False
    assert ringed.ask(routes, SCHEDULE).status_code == 200
    assert '"event": "key_provider_failed"' in logs.getvalue()


@pytest.mark.covers("TOK-04")
def test_the_served_documents_follow_within_seconds(ringed: Ringed) -> None:
    world = ringed.world
    before = world.call("GET", KEY_SET).json()["keys"]
    new = ringed.rotate("claim")
    deadline = time.monotonic() + 30
    while new.key_id not in world.call("GET", KEY_SET).text:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert len(world.call("GET", KEY_SET).json()["keys"]) == len(before) + 1

# SPDX-License-Identifier: Apache-2.0
"""Inviting and accepting with opaque tokens goes on while whoever holds the keys does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.keys.fake_kms import FakeKms
from tests.rings import fill_ring
from tests.web.conftest import MakeWorld
from tests.web.harness import World
from vestibule.bootstrap import build_deployment


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKms]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = FakeKms()
    yield made
    made.close()


def let_in(world: World) -> int:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    return world.call("POST", invited.road + "/accept", vera).status_code


@pytest.mark.covers("TOK-05", "ACC-01")
def test_people_get_in_while_the_key_provider_stalls_and_while_it_is_dead(
    make_world: MakeWorld, kms: FakeKms
) -> None:
    world = make_world({"KEYRING": f"aws-kms://eu-central-1/?endpoint={kms.url}"})
    assert world.deployment.provider is not None
    assert fill_ring(world.engine, world.deployment.provider)
    assert let_in(world) == 204
    kms.stalls = True
    kms.asked.clear()
    assert let_in(world) == 204
    assert kms.asked == []
    kms.close()
    assert let_in(world) == 204
    # And a service that starts now does start, with the same keys on record.
    asyncio.run(build_deployment(world.settings).close())

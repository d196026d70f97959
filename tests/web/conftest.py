# SPDX-License-Identifier: Apache-2.0
"""Running services, one per engine for all tests of a process; tests name their own tenants."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.logs import restored_logging
from tests.servers import PostgresServer
from tests.web.harness import ENGINES, World
from vestibule.log import configure_logging

MakeWorld = Callable[..., World]


def _make_url(engine: str, directory: Path, request: pytest.FixtureRequest) -> str:
    if engine == "sqlite":
        return f"sqlite:///{directory / 'vestibule.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(server.create_database())


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    """Everything that the services log during this test, as an operator would have it."""
    stream = io.StringIO()
    with restored_logging():
        configure_logging("INFO", stream)
        yield stream


@pytest.fixture(scope="session")
def _worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeWorld]:
    started: dict[str, World] = {}

    def find(engine: str) -> World:
        if engine not in started:
            directory = tmp_path_factory.mktemp(f"world-{engine}")
            started[engine] = World(_make_url(engine, directory, request), directory).start()
        return started[engine]

    yield find
    for world in started.values():
        world.stop()


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(engine_name: str, _worlds: MakeWorld) -> World:
    """A running service with generous limits and no deadline for refusals."""
    return _worlds(engine_name)


@pytest.fixture
def make_world(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeWorld]:
    """A service of one's own, with these settings; with a worker and a mailbox if it *delivers*."""
    started: list[World] = []

    def make(settings: Mapping[str, str], *, delivers: bool = False) -> World:
        url = _make_url(engine_name, tmp_path, request)
        started.append(World(url, tmp_path, settings, delivers=delivers).start())
        return started[-1]

    yield make
    for one in started:
        one.stop()

# SPDX-License-Identifier: Apache-2.0
"""Fixtures that any test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.lanes import LaneKeeper
from tests.servers import PostgresServer, shared_server
from tests.world import World

settings.register_profile("vestibule", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "100")))
settings.load_profile("vestibule")


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[PostgresServer]:
    """A real PostgreSQL, one for all workers of this run; ``create_database`` gives a fresh database."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if hasattr(request.config, "workerinput") else own
    with shared_server(shared) as server:
        yield server


@pytest.fixture(scope="session")
def rounds() -> int:
    """How often a race is run: ``make races`` raises it."""
    return int(os.environ.get("ROUNDS", "50"))


@pytest.fixture(scope="session")
def lanes(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Iterator[LaneKeeper]:
    """Runners on real databases, opened when first asked for."""
    keeper = LaneKeeper(tmp_path_factory.mktemp("lanes"), postgres_server)
    yield keeper
    keeper.close()


@pytest.fixture(params=["sqlite-plain", "postgresql-loop"])
def world(request: pytest.FixtureRequest, lanes: LaneKeeper) -> Iterator[World]:
    """An empty service, on both engines."""
    world = World(lanes.open(request.param))
    yield world
    world.audit()


@pytest.fixture(params=["sqlite-plain", "sqlite-threads", "postgresql-plain", "postgresql-loop"])
def every_world(request: pytest.FixtureRequest, lanes: LaneKeeper) -> Iterator[World]:
    """An empty service, on every road there is."""
    world = World(lanes.open(request.param))
    yield world
    world.audit()

# SPDX-License-Identifier: Apache-2.0
"""A host's database, on both engines, as a host would open it: SQLAlchemy's own defaults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.embedding.host import Notes, open_host
from tests.servers import PostgresServer
from vestibule import Vestibule


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'host.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def empty_engine(empty_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(empty_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_engine: sa.Engine) -> sa.Engine:
    """With both schemas: the host's and ours."""
    open_host(empty_engine)
    return empty_engine


@pytest.fixture
def vestibule() -> Vestibule:
    """With our own membership table."""
    return Vestibule(public_url="https://app.example")


@pytest.fixture
def notes(engine: sa.Engine) -> Notes:
    """The host's own work in the same transactions."""
    return Notes(engine)

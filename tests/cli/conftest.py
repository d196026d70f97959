# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.terminal import Outcome
from tests.logs import restored_logging
from tests.servers import PostgresServer
from vestibule.cli import main

Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Commands configure logging for their process; here the process goes on."""
    with restored_logging():
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("tenant", "get", "acme", settings=…)`` as if typed, with its exit status."""

    def type_in(*words: str, settings: Mapping[str, str] | None = None, stdin: str = "") -> Outcome:
        for name in [name for name in os.environ if name.startswith("VESTIBULE_")]:
            monkeypatch.delenv(name)
        for name, value in (settings or {}).items():
            monkeypatch.setenv(f"VESTIBULE_{name}", value)
        monkeypatch.setattr(sys, "argv", ["vestibule", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stopped:
            status = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return type_in


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'vestibule.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(server.create_database())


@pytest.fixture
def settings(database_url: str) -> dict[str, str]:
    """The least a deployment needs."""
    return {"DATABASE_URL": database_url, "PUBLIC_URL": "https://in.example.com"}


@pytest.fixture
def deployed(run: Run, settings: dict[str, str]) -> dict[str, str]:
    """A migrated database with the tenant acme and its owner olivia."""
    assert run("migrate", settings=settings).status == 0
    assert run("tenant", "put", "acme", "--name", "Acme", settings=settings).status == 0
    owner = (
        "member",
        "put",
        "acme",
        "olivia",
        "--role",
        "owner",
        "--email",
        "olivia@acme.example",
        "--name",
        "O",
    )
    assert run(*owner, settings=settings).status == 0
    return settings

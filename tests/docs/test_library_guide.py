# SPDX-License-Identifier: Apache-2.0
"""docs/library.md is one program; here it runs, from top to bottom, on both engines."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

import vestibule
from tests.architecture.sources import ROOT
from tests.servers import PostgresServer

GUIDE = ROOT / "docs" / "library.md"
_BLOCK = re.compile(r"^```python( async)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(*, with_async: bool) -> Iterator[tuple[int, str]]:
    text = GUIDE.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        if with_async or not match[1]:
            yield text[: match.start(2)].count("\n"), match[2]


@pytest.fixture
def mail_server() -> Iterator[tuple[str, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Controller(Sink(), hostname="127.0.0.1", port=port)
    server.start()
    yield "127.0.0.1", port
    server.stop()


def run_guide(url: str, mail_server: tuple[str, int], *, with_async: bool) -> None:
    names: dict[str, Any] = {"database_url": url, "smtp_host": mail_server[0], "smtp_port": mail_server[1]}
    try:
        for line, code in blocks(with_async=with_async):
            # Blank lines in front, so that a failure names the guide's own line.
            exec(compile("\n" * line + code, str(GUIDE), "exec"), names)  # noqa: S102 - our own document
    finally:
        if "engine" in names:
            names["engine"].dispose()


@pytest.mark.covers("INT-02")
def test_the_guide_runs_on_sqlite(tmp_path: Path, mail_server: tuple[str, int]) -> None:
    run_guide(f"sqlite:///{tmp_path / 'guide.db'}", mail_server, with_async=False)


@pytest.mark.covers("INT-02")
def test_the_guide_runs_on_postgresql_and_from_async_code(
    postgres_server: PostgresServer, mail_server: tuple[str, int]
) -> None:
    run_guide(postgres_server.url(postgres_server.create_database()), mail_server, with_async=True)


def test_the_guide_names_every_method_and_protocol() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    methods = {name for name in dir(vestibule.Vestibule) if not name.startswith("_")}
    protocols = {
        name for name in vestibule.__all__ if name.startswith("Host") and not name.endswith("Factory")
    }

    assert {name for name in methods | protocols - {"HostKey"} if name not in text} == set()

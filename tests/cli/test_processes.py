# SPDX-License-Identifier: Apache-2.0
"""``serve`` and ``worker`` as processes: ready when they say so, gone when asked, and nothing lost when killed."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx2
import pytest

from tests.cli.conftest import Run
from tests.cli.terminal import environment, read_document, started
from tests.cli.test_doctor import mail_port as mail_port  # noqa: PLC0414 - a fixture, used by its name

STOP_SECONDS = 5
BATCH = 3


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A mail server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def hold() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for one in held:
            one.close()


def _until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.covers("INT-03")
@pytest.mark.parametrize("words", [("serve",), ("serve", "--worker")])
def test_serve_answers_and_ends_in_good_order_on_sigterm(
    deployed: dict[str, str], mail_port: int, words: tuple[str, ...]
) -> None:
    settings = {**deployed, "SMTP_URL": f"smtp://127.0.0.1:{mail_port}", "MAIL_FROM": "a@acme.example"}
    with started(*words, "--port", "0", "--json", settings=settings) as process:
        ready = read_document(process)
        base = f"http://127.0.0.1:{ready['port']}"
        with httpx2.Client(base_url=base, trust_env=False) as client:
            answer = client.get("/healthz")
            assert (answer.status_code, answer.text) == (200, "ok\n")
            assert "server" not in answer.headers
            # A connection that is kept alive does not hold the process up.
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 0
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert all(json.loads(line) for line in lines)
    assert "Traceback" not in "".join(lines)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_waits_for_a_deaf_mail_server_still_ends_in_time(
    run: Run, deployed: dict[str, str], deaf_port: int
) -> None:
    settings = {**deployed, "SMTP_URL": f"smtp://127.0.0.1:{deaf_port}", "MAIL_FROM": "a@acme.example"}
    _invite(run, deployed, 1)
    with started("worker", "--json", settings=settings) as process:
        read_document(process)
        _until(lambda: _attempts(deployed) == [1])
        process.send_signal(signal.SIGINT)
        # The grace is three seconds; the mail server would be waited for thirty.
        assert process.wait(2 * STOP_SECONDS) == 0


@pytest.mark.covers("DEL-02", "TOK-02")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_killed_in_the_middle_of_a_batch_costs_an_attempt_and_no_mail(
    run: Run, deployed: dict[str, str], deaf_port: int, mail_port: int
) -> None:
    _invite(run, deployed, BATCH)
    deaf = {**deployed, "SMTP_URL": f"smtp://127.0.0.1:{deaf_port}", "MAIL_FROM": "a@acme.example"}
    with started("worker", "--json", settings=deaf) as process:
        read_document(process)
        _until(lambda: _attempts(deployed) == [1] * BATCH)
        process.kill()
        process.wait(STOP_SECONDS)
    assert _outcomes(deployed) == [None] * BATCH
    _end_leases(deployed)
    hearing = {**deployed, "SMTP_URL": f"smtp://127.0.0.1:{mail_port}", "MAIL_FROM": "a@acme.example"}
    with started("worker", "--json", settings=hearing) as process:
        read_document(process)
        _until(lambda: _outcomes(deployed) == ["sent"] * BATCH)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
    assert _attempts(deployed) == [2] * BATCH
    listed = run("invitations", "list", "acme", "--as", "olivia", "--json", settings=deployed).document
    assert [(one["state"], one["send_count"]) for one in listed["items"]] == [("pending", 1)] * BATCH


def _invite(run: Run, settings: dict[str, str], count: int) -> None:
    for number in range(count):
        words = ("invite", "acme", f"vera{number}@example.com", "--role", "member", "--as", "olivia")
        assert run(*words, settings=settings).status == 0


def _read(settings: dict[str, str], column: str) -> list[object]:
    with closing(
        sqlite3.connect(settings["DATABASE_URL"].removeprefix("sqlite:///"), timeout=10)
    ) as connection:
        return [
            row[0] for row in connection.execute(f"SELECT {column} FROM vestibule_outbox_messages ORDER BY 1")
        ]


def _attempts(settings: dict[str, str]) -> list[object]:
    return _read(settings, "attempt")


def _outcomes(settings: dict[str, str]) -> list[object]:
    return _read(settings, "outcome")


def _end_leases(settings: dict[str, str]) -> None:
    with closing(
        sqlite3.connect(settings["DATABASE_URL"].removeprefix("sqlite:///"), timeout=10)
    ) as connection:
        connection.execute("UPDATE vestibule_outbox_messages SET due_at = 0")
        connection.commit()


def test_a_process_that_serves_never_loads_alembic() -> None:
    # It is seven megabytes, and a tool that changes tables has no business there.
    look = "import sys, vestibule.cli; sys.exit('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], env=environment({}), check=False, timeout=60)
    assert done.returncode == 0

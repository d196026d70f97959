# SPDX-License-Identifier: Apache-2.0
"""An operator's mistake is found before anything begins, told by the setting's name, with what to do (status 2)."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from vestibule.errors import ConfigurationError
from vestibule.settings import parse_bind

REMOVED = None


@pytest.fixture
def working(run: Run, tmp_path: Path) -> dict[str, str]:
    """Settings with which everything starts."""
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'vestibule.db'}",
        "PUBLIC_URL": "https://in.example.com",
        "SMTP_URL": "smtp://127.0.0.1:2525",
        "MAIL_FROM": "Acme <invitations@acme.example>",
    }
    assert run("migrate", settings=settings).status == 0
    return settings


@pytest.mark.parametrize(
    "command,changes,setting,problem",
    [
        (("serve",), {"PUBLIC_URL": REMOVED}, "VESTIBULE_PUBLIC_URL", "is not set"),
        (("serve",), {"PUBLIC_URL": "http://in.example.com"}, "VESTIBULE_PUBLIC_URL", "is not https"),
        (("serve",), {"PUBLIC_URL": "https://in.example.com/app"}, "VESTIBULE_PUBLIC_URL", "plain origin"),
        (("serve",), {"DATABASE_URL": REMOVED}, "VESTIBULE_DATABASE_URL", "is not set"),
        (("serve",), {"DATABASE_URL": "mysql://x/y"}, "VESTIBULE_DATABASE_URL", "unknown engine"),
        (
            ("serve",),
            {"DATABASE_URL": "sqlite:///no/such/file.db"},
            "VESTIBULE_DATABASE_URL",
            "does not exist",
        ),
        (
            ("serve",),
            {"DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/x"},
            "VESTIBULE_DATABASE_URL",
            "can't be reached",
        ),
        (
            ("migrate",),
            {"DATABASE_URL": "sqlite:///no/such/file.db"},
            "VESTIBULE_DATABASE_URL",
            "can't be reached",
        ),
        (("serve",), {"PLATFORM_KEY": "vsk_short"}, "VESTIBULE_PLATFORM_KEY", "is too weak"),
        (
            ("serve",),
            {"ASSERTION_JWKS": "no-such-file.json", "ASSERTION_ISSUER": "https://host.example"},
            "VESTIBULE_ASSERTION_JWKS",
            "can't be read",
        ),
        (("serve",), {"ASSERTION_JWKS": "keys.json"}, "VESTIBULE_ASSERTION_ISSUER", "is not set"),
        (("serve",), {"BIND": "8080"}, "VESTIBULE_BIND", "is not host:port"),
        (("serve",), {"LOG_LEVEL": "LOUD"}, "VESTIBULE_LOG_LEVEL", "is not a level"),
        (("serve",), {"DATABSE_URL": "x"}, "VESTIBULE_DATABSE_URL", "is not a setting"),
        (("serve",), {"CONFIG": "no-such-file.toml"}, "VESTIBULE_CONFIG", "can't be read"),
        (("worker",), {"SMTP_URL": REMOVED}, "VESTIBULE_SMTP_URL", "is not set"),
        (("worker",), {"SMTP_URL": "smtp://mail.example.com"}, "VESTIBULE_SMTP_URL", "unencrypted"),
        (("serve", "--worker"), {"SMTP_URL": "http://x"}, "VESTIBULE_SMTP_URL", "scheme"),
        (("worker",), {"MAIL_FROM": "nobody"}, "VESTIBULE_MAIL_FROM", "is not an address"),
        (("tenant", "get", "acme"), {"PUBLIC_URL": REMOVED}, "VESTIBULE_PUBLIC_URL", "is not set"),
    ],
)
def test_the_setting_at_fault_is_named_with_a_remedy(
    run: Run,
    working: dict[str, str],
    command: tuple[str, ...],
    changes: dict[str, str | None],
    setting: str,
    problem: str,
) -> None:
    changed = {name: value for name, value in {**working, **changes}.items() if value is not None}
    outcome = run(*command, settings=changed)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {setting}: ")
    assert problem in outcome.err
    assert len(outcome.err.partition(problem)[2].strip(". \n")) > 8, "no remedy"
    assert outcome.err.count("\n") == 1
    assert "hunter2" not in outcome.err


def test_a_database_without_migrations_is_no_fresh_start(
    run: Run, working: dict[str, str], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    settings = {**working, "DATABASE_URL": f"sqlite:///{empty}"}
    for command in (("serve",), ("worker",), ("member", "list", "acme")):
        outcome = run(*command, settings=settings)
        assert outcome.status == 2
        assert "Run `vestibule migrate`" in outcome.err
    with closing(sqlite3.connect(empty)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_file_that_is_no_database_is_told_as_such(
    run: Run, working: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear operator,\n" * 100)
    outcome = run("migrate", settings={**working, "DATABASE_URL": f"sqlite:///{other}"})
    assert outcome.status == 2
    assert outcome.err.startswith("Error: VESTIBULE_DATABASE_URL: ")
    assert other.read_text().startswith("Dear operator")


def test_a_taken_port_is_told_by_name(run: Run, working: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = run("serve", "--port", str(port), settings=working)
    assert outcome.status == 2
    assert outcome.err.startswith(f"Error: VESTIBULE_BIND: can't listen on port {port}")


@pytest.mark.parametrize(
    "text,expected",
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_a_bind_address_is_read(text: str, expected: tuple[str, int]) -> None:
    assert parse_bind(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":", "8080", ":8080", "::1:8080", "[::1]", "host:", "host:65536", "host:٣"]
)
def test_what_is_no_bind_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="VESTIBULE_BIND"):
        parse_bind(text)

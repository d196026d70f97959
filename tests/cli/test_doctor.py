# SPDX-License-Identifier: Apache-2.0
"""``doctor`` on both engines: a healthy deployment passes, and each thing that is wrong is named."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Run
from tests.servers import PostgresServer
from vestibule.cli.doctor.database import check_clock
from vestibule.delivery.mailbox import DevelopmentMailbox
from vestibule.storage.engine import make_engine
from vestibule.storage.inspection import ClockOffset, measure_clock
from vestibule.storage.unit_of_work import system_clock

pytestmark = pytest.mark.covers("OBS-05")


@pytest.fixture
def mail_port() -> Iterator[int]:
    """A mail server on a thread of its own."""
    loop = asyncio.new_event_loop()
    mailbox = DevelopmentMailbox(clock=system_clock)
    loop.run_until_complete(mailbox.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield mailbox.port
    asyncio.run_coroutine_threadsafe(mailbox.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def healthy(deployed: dict[str, str], mail_port: int) -> dict[str, str]:
    return {
        **deployed,
        "SMTP_URL": f"smtp://127.0.0.1:{mail_port}",
        "MAIL_FROM": "Acme <invitations@acme.example>",
        "PLATFORM_KEY": "vsk_" + "a" * 40,
    }


def _examine(run: Run, settings: dict[str, str]) -> tuple[int, dict[str, dict[str, Any]]]:
    outcome = run("doctor", "--json", settings=settings)
    assert outcome.err == ""
    assert ("fail" in outcome.out) == (outcome.status == 1)
    assert outcome.document["healthy"] == (outcome.status == 0)
    return outcome.status, {one["check"]: one for one in outcome.document["checks"]}


def test_a_healthy_deployment_passes_every_check(run: Run, healthy: dict[str, str]) -> None:
    status, checks = _examine(run, healthy)
    assert status == 0
    # The tests' own PostgreSQL is reckless, they are its superuser, and without a key ring it seals nothing.
    odd = {"engine", "role", "addresses"} if "postgresql" in healthy["DATABASE_URL"] else set()
    assert {name for name, one in checks.items() if one["verdict"] != "ok"} == odd
    assert {
        "settings",
        "public address",
        "mail",
        "sender",
        "host keys",
        "unicode",
        "database",
        "migrations",
    } <= set(checks)
    assert {"guards", "engine", "clock", "outbox", "api keys"} <= set(checks)
    assert {"name servers", "proofs of domains", "rules of domains"} <= set(checks)
    assert "a" * 40 not in json.dumps(checks)


def test_the_table_for_people_says_the_same(run: Run, healthy: dict[str, str]) -> None:
    outcome = run("doctor", settings=healthy)
    assert outcome.status == 0
    assert "guards" in outcome.out


@pytest.mark.parametrize(
    "changes,check,verdict,told",
    [
        ({"PUBLIC_URL": "http://127.0.0.1:8080"}, "public address", "warn", "development"),
        ({"SMTP_URL": "smtp://127.0.0.1:1"}, "mail", "fail", "mail server"),
        ({"SMTP_URL": ""}, "mail", "warn", "not set"),
        ({"MAIL_FROM": "nobody"}, "sender", "fail", "VESTIBULE_MAIL_FROM"),
        (
            {"ASSERTION_JWKS": "no-such-file", "ASSERTION_ISSUER": "https://host.example"},
            "host keys",
            "fail",
            "VESTIBULE_ASSERTION_JWKS",
        ),
        ({"PLATFORM_KEY": ""}, "api keys", "warn", "none"),
        ({"DATABASE_URL": "sqlite:///no/such.db"}, "database", "fail", "does not exist"),
        ({"PUBLIC_URL": ""}, "settings", "fail", "VESTIBULE_PUBLIC_URL"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_wrong_around_it_is_named_with_a_remedy(
    run: Run, healthy: dict[str, str], changes: dict[str, str], check: str, verdict: str, told: str
) -> None:
    status, checks = _examine(run, {**healthy, **changes})
    assert status == (1 if verdict == "fail" else 0)
    assert checks[check]["verdict"] == verdict
    assert told in checks[check]["detail"]
    assert checks[check]["remedy"]


def test_an_empty_database_is_not_at_this_releases_revision(
    run: Run, settings: dict[str, str], database_url: str
) -> None:
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()
    status, checks = _examine(run, settings)
    assert status == 1
    assert (checks["database"]["verdict"], checks["migrations"]["verdict"]) == ("ok", "fail")
    assert "vestibule migrate" in checks["migrations"]["remedy"]


@pytest.mark.covers("ISS-05", "AUD-02")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_trigger_that_somebody_dropped_is_missed_on_sqlite(run: Run, healthy: dict[str, str]) -> None:
    connection = sqlite3.connect(healthy["DATABASE_URL"].removeprefix("sqlite:///"))
    connection.execute("DROP TRIGGER vestibule_audit_events_no_delete")
    connection.execute("DROP INDEX uq_vestibule_invitations_claim_token_hash")
    connection.close()
    status, checks = _examine(run, healthy)
    assert status == 1
    assert checks["guards"]["verdict"] == "fail"
    assert "vestibule_audit_events_no_delete" in checks["guards"]["detail"]
    assert "uq_vestibule_invitations_claim_token_hash" in checks["guards"]["detail"]


@pytest.mark.covers("ISS-05", "AUD-02")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_trigger_that_somebody_switched_off_is_missed_on_postgresql(
    run: Run, healthy: dict[str, str], postgres_server: PostgresServer
) -> None:
    name = healthy["DATABASE_URL"].partition("@/")[2].partition("?")[0]
    with psycopg.connect(postgres_server.dsn(name), autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE vestibule_invitations DISABLE TRIGGER vestibule_invitations_immutable"
        )
        connection.execute(
            "ALTER TABLE vestibule_invitations DROP CONSTRAINT ck_vestibule_invitations_one_final_state"
        )
    status, checks = _examine(run, healthy)
    assert status == 1
    assert "vestibule_invitations_immutable" in checks["guards"]["detail"]
    assert "ck_vestibule_invitations_one_final_state" in checks["guards"]["detail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_mail_that_nobody_delivers_is_a_warning(run: Run, healthy: dict[str, str]) -> None:
    invite = ("invite", "acme", "vera@example.com", "--role", "member", "--as", "olivia")
    assert run(*invite, settings=healthy).status == 0
    connection = sqlite3.connect(healthy["DATABASE_URL"].removeprefix("sqlite:///"))
    connection.execute("UPDATE vestibule_outbox_messages SET due_at = due_at - 3600000")
    connection.commit()
    connection.close()
    status, checks = _examine(run, healthy)
    assert status == 0
    assert checks["outbox"]["verdict"] == "warn"
    assert "vestibule worker" in checks["outbox"]["remedy"]


@pytest.mark.covers("ISS-20")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_reports_by_recipients_are_a_warning(run: Run, healthy: dict[str, str]) -> None:
    assert "reports" not in _examine(run, healthy)[1]
    connection = sqlite3.connect(healthy["DATABASE_URL"].removeprefix("sqlite:///"))
    now = round(datetime.now(UTC).timestamp() * 1000)
    connection.execute("INSERT INTO vestibule_reports VALUES ('report', 'acme', 'invitation', ?)", (now,))
    connection.commit()
    connection.close()
    status, checks = _examine(run, healthy)
    assert (status, checks["reports"]["verdict"]) == (0, "warn")
    assert "suspend" in checks["reports"]["remedy"]


@pytest.mark.covers("LIF-01")
def test_the_clock_is_bracketed_and_a_wrong_one_is_seen(postgres_server: PostgresServer) -> None:
    engine = make_engine(postgres_server.url(postgres_server.create_database()))
    try:
        right = measure_clock(engine, system_clock)
        slow = measure_clock(engine, lambda: datetime.now(UTC) - timedelta(hours=1))
    finally:
        engine.dispose()
    assert right is not None
    assert slow is not None
    assert abs(right.offset) <= right.bound + timedelta(milliseconds=50)
    assert abs(slow.offset - timedelta(hours=1)) <= slow.bound + timedelta(milliseconds=50)
    assert check_clock(slow).verdict == "fail"


@pytest.mark.parametrize(
    "milliseconds,verdict",
    [(0, "ok"), (250, "ok"), (-251, "warn"), (2000, "warn"), (2001, "fail"), (-9000, "fail")],
)
def test_an_offset_is_fine_odd_or_too_much(milliseconds: int, verdict: str) -> None:
    offset = ClockOffset(offset=timedelta(milliseconds=milliseconds), bound=timedelta(milliseconds=1))
    assert check_clock(offset).verdict == verdict

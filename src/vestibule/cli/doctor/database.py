# SPDX-License-Identifier: Apache-2.0
"""Checks of the database: there, migrated, guarded, durable, its clock right, its outbox moving."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from vestibule.actions.abuse.suppressions import count_reported
from vestibule.actions.api_keys import list_keys
from vestibule.actions.delivery.claim_messages import measure_lag
from vestibule.actions.log.seal_events import measure_sealing
from vestibule.bootstrap import build_plain_runner, check_database
from vestibule.cli.doctor.connections import check_connections
from vestibule.cli.doctor.domains import check_domains
from vestibule.cli.doctor.finding import Finding, failure, fine, misconfigured, warning
from vestibule.cli.doctor.keys import check_keys
from vestibule.cli.doctor.privacy import check_privacy
from vestibule.cli.doctor.separation import check_rights
from vestibule.cli.running import OPERATOR
from vestibule.cli.upkeep import look_at_database
from vestibule.core.process import ProcessRole
from vestibule.errors import ConfigurationError
from vestibule.settings import Settings
from vestibule.storage.inspection import ClockOffset, DatabaseFacts

# CRYPTO.md 6.2.
OFFSET_WARN = timedelta(milliseconds=250)
OFFSET_FAIL = timedelta(seconds=2)
LAG_WARN_SECONDS = 300
SEAL_WARN_SECONDS = 60
_REPORTS_WITHIN = timedelta(days=30)
POSTGRESQL_LEAST = 14
_FULL_SYNC = ("2", "3")


def check_database_side(settings: Settings, role: ProcessRole) -> Iterator[Finding]:
    """Everything that needs the database; little of it when that can't be reached."""
    try:
        facts, offset = look_at_database(settings)
    except ConfigurationError as error:
        yield misconfigured("database", error)
        return
    yield fine(
        "database", f"{facts.engine} {facts.settings.get('version') or facts.settings['server_version']}"
    )
    try:
        check_database(settings)
    except ConfigurationError as error:
        yield misconfigured("migrations", error)
        return
    yield fine("migrations", "at this release's revision")
    yield check_guards(facts)
    yield from check_sqlite(facts) if facts.engine == "sqlite" else check_postgresql(facts)
    yield check_clock(offset)
    yield from check_rights(settings, role)
    if role is not ProcessRole.MIGRATE:
        yield _check_outbox(settings)
    if role in (ProcessRole.ALL, ProcessRole.ADMIN):
        yield from _check_contents(settings)
        yield from check_keys(settings)
        yield from check_privacy(settings)
        yield from check_connections(settings)
        yield from check_domains(settings)


def check_guards(facts: DatabaseFacts) -> Finding:
    if facts.missing_guards:
        missing = ", ".join(facts.missing_guards)
        remedy = (
            "Somebody changed the schema by hand: restore these, and look into what was written meanwhile"
        )
        return failure("guards", f"missing or switched off: {missing}", remedy)
    return fine("guards", "constraints, unique indexes and triggers are in force")


def check_sqlite(facts: DatabaseFacts) -> Iterator[Finding]:
    is_right = facts.settings["journal_mode"] == "wal" and facts.settings["foreign_keys"] == "1"
    if not is_right:
        remedy = "Put the file on a local disk: network file systems have no write-ahead log"
        yield failure("engine", "no write-ahead log, or no foreign keys", remedy)
    elif facts.settings["synchronous"] not in _FULL_SYNC:
        yield warning("engine", "synchronous is below FULL", "A power cut may lose what was committed")
    else:
        yield fine("engine", "write-ahead log, foreign keys, synchronous FULL")


def check_postgresql(facts: DatabaseFacts) -> Iterator[Finding]:
    values = facts.settings
    if int(values["server_version"].split(".", maxsplit=1)[0]) < POSTGRESQL_LEAST:
        yield failure("engine", "too old a PostgreSQL", f"Use PostgreSQL {POSTGRESQL_LEAST} or newer")
    elif values["server_encoding"] != "UTF8":
        yield failure("engine", "the encoding is not UTF8", "Make the database anew with ENCODING 'UTF8'")
    elif values["fsync"] != "on" or values["synchronous_commit"] == "off":
        remedy = "Set fsync and synchronous_commit to on, or a power cut loses what was committed"
        yield warning("engine", "commits are not kept", remedy)
    else:
        yield fine("engine", "UTF8, commits are kept")


def check_clock(offset: ClockOffset | None) -> Finding:
    if offset is None:
        return fine("clock", "SQLite uses this machine's clock")
    away = abs(offset.offset)
    millisecond = timedelta(milliseconds=1)
    told = f"{offset.offset / millisecond:+.1f} ms ± {offset.bound / millisecond:.1f} ms"
    remedy = "Run a time service (NTP) on both machines; assertions and expiry are judged by two clocks"
    if away > OFFSET_FAIL:
        return failure("clock", f"the database's clock is {told} off this machine's", remedy)
    if away > OFFSET_WARN:
        return warning("clock", f"the database's clock is {told} off this machine's", remedy)
    return fine("clock", f"database minus machine: {told}")


def _check_outbox(settings: Settings) -> Finding:
    runner = build_plain_runner(settings, opens_addresses=False)
    try:
        due, age = runner.read(measure_lag)
    finally:
        runner.close()
    if due and age > LAG_WARN_SECONDS:
        return warning("outbox", f"{due} messages due, the oldest for {age:.0f} s", "Run `vestibule worker`")
    return fine("outbox", f"{due} messages due")


def _check_contents(settings: Settings) -> Iterator[Finding]:
    runner = build_plain_runner(settings, opens_addresses=False)
    try:
        told, about = runner.read(count_reported, within=_REPORTS_WITHIN)
        unsealed, behind = runner.read(measure_sealing)
        keys = [key for key in runner.read(list_keys, OPERATOR) if key.revoked_at is None]
    finally:
        runner.close()
    if unsealed and behind > SEAL_WARN_SECONDS:
        remedy = "Run `vestibule worker`, or `vestibule audit seal`"
        yield warning("trail", f"{unsealed} events are not sealed, the first for {behind:.0f} s", remedy)
    else:
        yield fine("trail", f"{unsealed} events wait to be sealed")
    if told:
        remedy = "Look at `invitation.reported` in the trail; suspend a tenant that sends abuse"
        yield warning("reports", f"{told} reports by recipients in 30 days, about {about} tenants", remedy)
    if keys or settings.platform_key:
        shown = "the platform key and " if settings.platform_key else ""
        yield fine("api keys", f"{shown}{len(keys)} stored")
    else:
        yield warning("api keys", "none", "Run `vestibule api-key create`, or set VESTIBULE_PLATFORM_KEY")

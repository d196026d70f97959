# SPDX-License-Identifier: Apache-2.0
"""What an operator's check reads of a database: engine, guards in force, and how far its clock is off.

It only reads. A guard is a constraint, unique index or trigger that carries the truth (DESIGN.md section 2);
one that is missing means that somebody changed the schema by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from vestibule.storage.engine import READ_ONLY
from vestibule.storage.schema import metadata, tenants
from vestibule.storage.triggers import SEALED_TABLES

_CLOCK_SAMPLES = 5
_TRIGGERS = {
    "postgresql": frozenset(
        {
            "vestibule_invitations_immutable",
            "vestibule_invitations_final",
            "vestibule_invitations_sealed",
            "vestibule_accounts_sealed",
            "vestibule_audit_events_append_only",
            "vestibule_audit_events_no_truncate",
            "vestibule_audit_events_queued",
            *(f"{table}_append_only" for table in SEALED_TABLES),
            "vestibule_checkpoints_final",
        }
    ),
    "sqlite": frozenset(
        {
            "vestibule_invitations_immutable",
            "vestibule_invitations_final",
            "vestibule_invitations_sealed",
            "vestibule_accounts_sealed",
            "vestibule_audit_events_no_update",
            "vestibule_audit_events_no_delete",
            "vestibule_audit_events_queued",
            *(f"{table}_no_{act}" for table in SEALED_TABLES for act in ("update", "delete")),
            "vestibule_checkpoints_no_update",
            "vestibule_checkpoints_no_delete",
        }
    ),
}
_POSTGRESQL_SETTINGS = ("server_version", "server_encoding", "fsync", "synchronous_commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """One look at a database. *engine*: ``sqlite`` or ``postgresql``; *settings* as that engine says."""

    engine: str
    settings: dict[str, str]
    missing_guards: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """The database's clock minus the machine's, known to plus or minus *bound* (CRYPTO.md 6.2)."""

    offset: timedelta
    bound: timedelta


def inspect_database(engine: sa.Engine) -> DatabaseFacts:
    """Engine, settings and missing guards, as they are now."""
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        name = connection.dialect.name
        return DatabaseFacts(
            engine=name,
            settings=_read_sqlite(connection) if name == "sqlite" else _read_postgresql(connection),
            missing_guards=tuple(sorted(_expected_guards(name) - _present_guards(connection))),
        )


def measure_clock(engine: sa.Engine, machine_clock: Callable[[], datetime]) -> ClockOffset | None:
    """Bracket the database's clock between two readings of ours; the sample with the shortest trip counts.

    None where the database has no clock of its own (SQLite).
    """
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            return None
        samples = [_sample_clock(connection, machine_clock) for _ in range(_CLOCK_SAMPLES)]
    return min(samples, key=lambda sample: sample.bound)


def has_tenants_beside(engine: sa.Engine, prefix: str) -> bool:
    """Whether any tenant's id does not begin with *prefix*."""
    query = sa.select(tenants.c.tenant_id).where(~tenants.c.tenant_id.startswith(prefix, autoescape=True))
    with engine.connect() as connection:
        return connection.execute(query.limit(1)).first() is not None


def _sample_clock(connection: sa.Connection, machine_clock: Callable[[], datetime]) -> ClockOffset:
    before, started = machine_clock(), time.monotonic()
    theirs: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    half = timedelta(seconds=(time.monotonic() - started) / 2)
    return ClockOffset(offset=theirs - (before + half), bound=half)


def _read_sqlite(connection: sa.Connection) -> dict[str, str]:
    names = ("journal_mode", "foreign_keys", "synchronous")
    facts = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in names}
    return {"version": str(connection.execute(sa.select(sa.func.sqlite_version())).scalar_one()), **facts}


def _read_postgresql(connection: sa.Connection) -> dict[str, str]:
    return {
        name: str(connection.execute(sa.select(sa.func.current_setting(name))).scalar_one())
        for name in _POSTGRESQL_SETTINGS
    }


def _expected_guards(engine: str) -> set[str]:
    expected = set(_TRIGGERS[engine])
    for table in metadata.tables.values():
        expected |= {str(index.name) for index in table.indexes if index.unique}
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                expected.add(str(constraint.name))
    return expected


def _present_guards(connection: sa.Connection) -> set[str]:
    inspector = sa.inspect(connection)
    present: set[str] = set()
    for table in inspector.get_table_names():
        present |= {str(index["name"]) for index in inspector.get_indexes(table)}
        present |= {str(check["name"]) for check in inspector.get_check_constraints(table)}
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        # A trigger that is switched off ('D') guards nothing.
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    return present | set(connection.execute(sa.text(query)).scalars())

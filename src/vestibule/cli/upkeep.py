# SPDX-License-Identifier: Apache-2.0
"""What the command line does with a database beside running actions: make it, look at it, spare it."""

from __future__ import annotations

from vestibule.bootstrap import open_engine
from vestibule.errors import ConfigurationError
from vestibule.settings import Settings
from vestibule.storage.inspection import (
    ClockOffset,
    DatabaseFacts,
    has_tenants_beside,
    inspect_database,
    measure_clock,
)
from vestibule.storage.revision import find_revision
from vestibule.storage.rights import Standing, find_standing
from vestibule.storage.unit_of_work import system_clock


def migrate_database(settings: Settings) -> tuple[str | None, str]:
    """The database is at this release's schema afterwards: the revision before, and the one now.

    Raises:
        ConfigurationError: it can't be reached.
    """
    # Here and not above: Alembic is large, and a process that serves never needs it.
    from vestibule.storage.migrations import migrate  # noqa: PLC0415 - for that reason

    with open_engine(settings, create=True) as engine:
        return find_revision(engine), migrate(engine)


def look_at_database(settings: Settings) -> tuple[DatabaseFacts, ClockOffset | None]:
    """What ``vestibule doctor`` reads of the database itself.

    Raises:
        ConfigurationError: it can't be reached.
    """
    with open_engine(settings) as engine:
        return inspect_database(engine), measure_clock(engine, system_clock)


def look_at_rights(settings: Settings) -> Standing | None:
    """What the database role is, and may do; None on SQLite, which has no roles.

    Raises:
        ConfigurationError: it can't be reached.
    """
    with open_engine(settings) as engine:
        return None if engine.dialect.name == "sqlite" else find_standing(engine)


def check_disposable(settings: Settings, prefix: str) -> None:
    """The database holds nobody's tenants: each id begins with *prefix*.

    Raises:
        ConfigurationError: it holds others, or can't be reached.
    """
    with open_engine(settings) as engine:
        is_in_use = has_tenants_beside(engine, prefix)
    if is_in_use:
        problem = "the database holds tenants that are no demonstration's"
        raise ConfigurationError("--database-url", problem, "Give a database of its own")

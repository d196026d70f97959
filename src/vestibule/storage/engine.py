# SPDX-License-Identifier: Apache-2.0
"""Engines for both databases: the only place that opens a connection, and where they differ in how.

SQLite: WAL, foreign keys, ``synchronous=FULL`` (what was committed is kept), every writing transaction
begins IMMEDIATE, and a missing file is an error unless creating it was asked for (house rule 12).
PostgreSQL: psycopg 3; prepared statements can be switched off for old poolers.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vestibule.errors import ConfigurationError

READ_ONLY = "vestibule_read_only"
_BUSY_MS = 15_000
_REMEDY = "Give sqlite:///path/to/file or postgresql://user@host/name"


def parse_database_url(text: str) -> URL:
    """The URL with its driver named.

    Raises:
        ConfigurationError: not a URL of one of the two engines.
    """
    try:
        url = make_url(text)
    except sa.exc.ArgumentError:
        raise ConfigurationError("VESTIBULE_DATABASE_URL", "is not a database URL", _REMEDY) from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigurationError("VESTIBULE_DATABASE_URL", "names no file", _REMEDY)
        return url.set(drivername="sqlite")
    raise ConfigurationError("VESTIBULE_DATABASE_URL", f"has the unknown engine {backend}", _REMEDY)


def make_engine(text: str, *, create: bool = False, pool_size: int = 8) -> sa.Engine:
    """A synchronous engine. With *create*, a missing SQLite file comes into being."""
    url = parse_database_url(text)
    if url.get_backend_name() == "sqlite":
        return _make_sqlite_engine(url, create=create, pool_size=pool_size)
    return sa.create_engine(url, pool_size=pool_size, max_overflow=0, pool_pre_ping=True)


def make_async_engine(text: str, *, pool_size: int = 8) -> AsyncEngine:
    """An engine for the event loop; PostgreSQL only."""
    return create_async_engine(
        parse_database_url(text), pool_size=pool_size, max_overflow=0, pool_pre_ping=True
    )


def _make_sqlite_engine(url: URL, *, create: bool, pool_size: int) -> sa.Engine:
    path = Path(str(url.database))
    if not create and not path.exists():
        raise ConfigurationError(
            "VESTIBULE_DATABASE_URL",
            f"the file {path.name} does not exist",
            "Run `vestibule migrate` to create it",
        )
    mode = "rwc" if create else "rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=pool_size, max_overflow=0
    )
    sa.event.listen(engine, "connect", _set_pragmas)
    sa.event.listen(engine, "begin", _begin_transaction)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.close()


def _begin_transaction(connection: sa.Connection) -> None:
    # Without IMMEDIATE, one in two writers that read first fails with "database is locked".
    is_read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")

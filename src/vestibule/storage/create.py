# SPDX-License-Identifier: Apache-2.0
"""The whole schema at once, on a host's own connection and without Alembic: what an embedded library needs.

The result is what the chain of migrations makes, and is marked with its revision, so that ``migrate`` takes
over from there. The mark has a table of its own: a host's ``alembic_version`` belongs to the host.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from vestibule.storage.schema import metadata
from vestibule.storage.triggers import (
    POSTGRESQL_ERASURE,
    POSTGRESQL_LOG_TRIGGERS,
    POSTGRESQL_PINNED_PATHS,
    POSTGRESQL_TRIGGERS,
    SQLITE_ERASURE,
    SQLITE_LOG_TRIGGERS,
    SQLITE_TRIGGERS,
)

VERSION_TABLE = "vestibule_version"
_VERSIONS = Path(__file__).parent / "migrations" / "versions"


def find_head() -> str:
    """The newest revision, by the names of the migrations: ``v0001_first_schema.py`` is 0001."""
    return max(path.name[1:5] for path in _VERSIONS.glob("v[0-9]*_*.py"))


def create_schema(connection: sa.Connection) -> str:
    """Every table, index and trigger, in the caller's transaction; the revision that is."""
    is_sqlite = connection.dialect.name == "sqlite"
    metadata.create_all(connection, checkfirst=False)
    theirs = (*POSTGRESQL_TRIGGERS, *POSTGRESQL_LOG_TRIGGERS, *POSTGRESQL_ERASURE, POSTGRESQL_PINNED_PATHS)
    ours = (*SQLITE_TRIGGERS, *SQLITE_LOG_TRIGGERS, *SQLITE_ERASURE)
    for statement in ours if is_sqlite else theirs:
        connection.exec_driver_sql(statement if is_sqlite else statement.replace("%", "%%"))
    mark = sa.Table(
        VERSION_TABLE,
        sa.MetaData(),
        sa.Column("version_num", sa.String(32), primary_key=True, nullable=False),
    )
    mark.create(connection)
    connection.execute(sa.insert(mark).values(version_num=find_head()))
    return find_head()

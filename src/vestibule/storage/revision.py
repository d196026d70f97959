# SPDX-License-Identifier: Apache-2.0
"""Which revision a database is at: read without Alembic, which only a migration needs to load."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.errors import ConfigurationError
from vestibule.storage.create import VERSION_TABLE, find_head

_MARK = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))


def find_revision(engine: sa.Engine) -> str | None:
    """The revision the database is at, or None when it holds no schema."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.execute(sa.select(_MARK.c.version_num)).scalar()


def check_migrated(engine: sa.Engine) -> None:
    """The database is at this release's revision.

    Raises:
        ConfigurationError: it is not, or holds nothing yet.
    """
    found, head = find_revision(engine), find_head()
    if found != head:
        problem = "holds no Vestibule schema" if found is None else f"is at revision {found}, not {head}"
        raise ConfigurationError(
            "VESTIBULE_DATABASE_URL", f"the database {problem}", "Run `vestibule migrate`"
        )

# SPDX-License-Identifier: Apache-2.0
"""Bringing a database to this release's schema, by an explicit command only (house rule 12)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from vestibule.errors import ConfigurationError
from vestibule.storage.create import VERSION_TABLE


def migrate(engine: sa.Engine) -> str:
    """The database is at this release's revision afterwards, which is returned."""
    config = _make_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    return get_head()


def get_head() -> str:
    """This release's revision."""
    return str(ScriptDirectory.from_config(_make_config()).get_current_head())


def find_revision(engine: sa.Engine) -> str | None:
    """The revision the database is at, or None when it holds no schema."""
    with engine.connect() as connection:
        return MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        ).get_current_revision()


def check_migrated(engine: sa.Engine) -> None:
    """The database is at this release's revision.

    Raises:
        ConfigurationError: it is not, or holds nothing yet.
    """
    found = find_revision(engine)
    if found != get_head():
        problem = (
            "holds no Vestibule schema" if found is None else f"is at revision {found}, not {get_head()}"
        )
        raise ConfigurationError(
            "VESTIBULE_DATABASE_URL", f"the database {problem}", "Run `vestibule migrate`"
        )


def _make_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config

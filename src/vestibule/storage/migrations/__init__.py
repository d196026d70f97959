# SPDX-License-Identifier: Apache-2.0
"""Bringing a database to this release's schema, by an explicit command only (house rule 12)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


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


def _make_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config

# SPDX-License-Identifier: Apache-2.0
"""Bringing a database to this release's schema, by an explicit command only (house rule 12)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from vestibule.storage.rights import OWNER

_BELONGS_TO_OWNER = sa.text(f"""
SELECT bool_or(pg_has_role(oid, 'MEMBER') AND has_schema_privilege(oid, current_schema(), 'CREATE'))
FROM pg_roles WHERE rolname = '{OWNER}'
""")


def migrate(engine: sa.Engine) -> str:
    """The database is at this release's revision afterwards, which is returned."""
    config = _make_config()
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql" and connection.execute(_BELONGS_TO_OWNER).scalar():
            # What it makes belongs to the group that owns the tables, not to whoever ran this.
            connection.execute(sa.text(f"SET LOCAL ROLE {OWNER}"))
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

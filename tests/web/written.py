# SPDX-License-Identifier: Apache-2.0
"""Triggers of the tests' own: what has been written, ever, and to which table."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import migrate

_WRITE_DOWN = """CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO written (name) VALUES (TG_TABLE_NAME); RETURN NULL; END $$"""


def make_database(url: str, tables: Sequence[sa.Table]) -> None:
    """Migrated, and watched."""
    engine = make_engine(url, create=True)
    migrate(engine)
    watch_writes(engine, tables)
    engine.dispose()


def watch_writes(engine: sa.Engine, tables: Sequence[sa.Table]) -> None:
    """Triggers of the tests' own write down each row that is written, in its own transaction."""
    is_sqlite = engine.dialect.name == "sqlite"
    serial = "INTEGER PRIMARY KEY" if is_sqlite else "BIGSERIAL PRIMARY KEY"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE written (number {serial}, name TEXT NOT NULL)")
        connection.exec_driver_sql("CREATE INDEX written_by_name ON written (name, number)")
        if not is_sqlite:
            connection.exec_driver_sql(_WRITE_DOWN)
        for table in tables:
            for event in ("INSERT", "UPDATE", "DELETE"):
                body = (
                    f"BEGIN INSERT INTO written (name) VALUES ('{table.name}'); END"
                    if is_sqlite
                    else "FOR EACH ROW EXECUTE FUNCTION write_down()"
                )
                connection.exec_driver_sql(
                    f"CREATE TRIGGER written_{event.lower()}_{table.name} AFTER {event} ON {table.name} {body}"
                )

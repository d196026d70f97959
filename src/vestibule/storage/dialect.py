# SPDX-License-Identifier: Apache-2.0
"""Where the two engines' SQL differs beyond what SQLAlchemy hides."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vestibule.errors import MisuseError


def begin_joined(connection: sa.Connection) -> None:
    """A host's connection really is in a transaction, so that releasing a savepoint commits nothing.

    Python's sqlite3 begins one only before the first INSERT, UPDATE or DELETE; a SAVEPOINT before that would
    be the transaction itself.

    Raises:
        MisuseError: the connection commits every statement by itself.
    """
    driver = connection.connection.driver_connection
    if getattr(driver, "autocommit", False) is True:
        raise MisuseError("this connection is in autocommit mode; give one whose transaction you commit")
    if connection.dialect.name == "sqlite" and not getattr(driver, "in_transaction", True):
        if not connection.in_transaction():
            connection.begin()
        if not getattr(driver, "in_transaction", True):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def insert_unless_there(connection: sa.Connection, table: sa.Table, values: Mapping[str, object]) -> bool:
    """Insert, unless a unique rule already has such a row; whether it was inserted.

    On PostgreSQL this waits for a concurrent transaction that holds the place, then looks again.
    """
    key = next(iter(table.primary_key.columns))
    if connection.dialect.name == "postgresql":
        statement = postgresql.insert(table).values(dict(values)).on_conflict_do_nothing().returning(key)
        return connection.execute(statement).first() is not None
    return (
        connection.execute(
            sqlite.insert(table).values(dict(values)).on_conflict_do_nothing().returning(key)
        ).first()
        is not None
    )

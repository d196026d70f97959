# SPDX-License-Identifier: Apache-2.0
"""Where the two engines' SQL differs beyond what SQLAlchemy hides."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_unless_there(connection: sa.Connection, table: sa.Table, values: Mapping[str, object]) -> bool:
    """Insert, unless a unique rule already has such a row; whether it was inserted.

    On PostgreSQL this waits for a concurrent transaction that holds the place, then looks again.
    """
    key = next(iter(table.primary_key.columns))
    if connection.dialect.name == "postgresql":
        statement = postgresql.insert(table).values(dict(values)).on_conflict_do_nothing().returning(key)
        return connection.execute(statement).first() is not None
    return connection.execute(
        sqlite.insert(table).values(dict(values)).on_conflict_do_nothing().returning(key)
    ).first() is not None

# SPDX-License-Identifier: Apache-2.0
"""Where the two engines' SQL differs beyond what SQLAlchemy hides."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_ignoring(connection: sa.Connection, table: sa.Table, values: Mapping[str, object]) -> sa.Insert:
    """An insert that does nothing when a unique rule already has such a row.

    On PostgreSQL it waits for a concurrent transaction that holds the place, then looks again.
    """
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).values(dict(values)).on_conflict_do_nothing()
    return sqlite.insert(table).values(dict(values)).on_conflict_do_nothing()

# SPDX-License-Identifier: Apache-2.0
"""The lane for settling inside a wider transaction: a lost race undoes the statement, not the host's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vestibule.storage.hot import CoreLane, HotStatement
from vestibule.storage.triggers import LOST_RACE_STATE


class SavepointLane:
    """Runs each settling statement in a savepoint; a lost race is a row with 0."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._inner = CoreLane(connection)

    def fetch(self, statement: HotStatement, values: Mapping[str, Any]) -> Sequence[Any]:
        if not statement.name.startswith("settle"):
            return self._inner.fetch(statement, values)
        try:
            with self._connection.begin_nested():
                return self._inner.fetch(statement, values)
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == LOST_RACE_STATE:
                return (0,)
            raise

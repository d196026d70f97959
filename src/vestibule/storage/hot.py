# SPDX-License-Identifier: Apache-2.0
"""Constant SQL for the hot paths, and the two ways to run it.

A ``HotStatement`` is written once with ``:name`` parameters. ``CoreLane`` runs it on a SQLAlchemy
connection, inside whatever transaction that is in: a host's, a command's, a test's. ``wire.WireLane`` runs
the same text on a prepared psycopg connection from the event loop. Nothing above this module knows which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import sqlalchemy as sa

Kind = Literal["text", "int", "bool", "float"]
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HotStatement:
    """One statement that gives exactly one row; *columns* are its names and kinds, in order."""

    name: str
    sql: str
    columns: tuple[tuple[str, Kind], ...]
    parameters: tuple[str, ...] = field(init=False)
    numbered_sql: str = field(init=False)
    psycopg_sql: str = field(init=False)

    def __post_init__(self) -> None:
        order = tuple(dict.fromkeys(_PARAMETER.findall(self.sql)))
        object.__setattr__(self, "parameters", order)
        object.__setattr__(
            self, "numbered_sql", _PARAMETER.sub(lambda m: f"${order.index(m[1]) + 1}", self.sql)
        )
        escaped = self.sql.replace("%", "%%")
        object.__setattr__(self, "psycopg_sql", _PARAMETER.sub(r"%(\1)s", escaped))


class Lane(Protocol):
    """A way to run a hot statement."""

    def fetch(self, statement: HotStatement, values: Mapping[str, Any]) -> Sequence[Any]:
        """The one row."""


class CoreLane:
    """Runs hot statements on a SQLAlchemy connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    def fetch(self, statement: HotStatement, values: Mapping[str, Any]) -> Sequence[Any]:
        sql = statement.sql if self._is_sqlite else statement.psycopg_sql
        row = self._connection.exec_driver_sql(sql, dict(values)).one()
        if not self._is_sqlite:
            return row
        return [
            bool(value) if kind == "bool" and value is not None else value
            for value, (_, kind) in zip(row, statement.columns, strict=True)
        ]

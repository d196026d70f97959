# SPDX-License-Identifier: Apache-2.0
"""What a witness remembers of each log: the newest head it has vouched for. It never goes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vestibule.core.log.checkpoint import Checkpoint
from vestibule.core.log.tree import EMPTY_ROOT

_BUSY_SECONDS = 15
_TABLE = """CREATE TABLE logs (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)
WITHOUT ROWID"""
_PUT = """INSERT INTO logs (origin, size, root) VALUES (?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root"""


def create_memory(path: Path) -> None:
    """An empty memory at *path*, where none is."""
    with sqlite3.connect(path) as connection:
        connection.execute(_TABLE)
    connection.close()


class Memory:
    """One transaction to a look and what is remembered after it: two submissions never overlap."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hold(self, origin: str) -> Iterator[HeldLog]:
        """The log, for nobody else as long as this lasts; what is put is on disk when it ends."""
        connection = sqlite3.connect(
            f"file:{self._path}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
        )
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            yield HeldLog(connection, origin)
            connection.execute("COMMIT")
        finally:
            connection.close()


class HeldLog:
    """What is remembered of one log while its transaction lasts."""

    def __init__(self, connection: sqlite3.Connection, origin: str) -> None:
        self._connection = connection
        self._origin = origin

    def recall(self) -> Checkpoint:
        """The newest head; of a log that is new, the empty one."""
        query = "SELECT size, root FROM logs WHERE origin = ?"
        row = self._connection.execute(query, (self._origin,)).fetchone()
        return Checkpoint(self._origin, *(row or (0, EMPTY_ROOT)))

    def put(self, checkpoint: Checkpoint) -> None:
        self._connection.execute(_PUT, (checkpoint.origin, checkpoint.size, checkpoint.root))

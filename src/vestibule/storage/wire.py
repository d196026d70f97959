# SPDX-License-Identifier: Apache-2.0
"""The short road to PostgreSQL for hot statements: libpq through psycopg, prepared once, on the event loop.

Each hot statement is a transaction of its own, so there is no BEGIN, no COMMIT and no reset between uses; a
few connections are handed out last-in-first-out. Actions stay plain functions: ``WireLane.fetch`` suspends
the greenlet it runs in, as SQLAlchemy's own asyncio bridge does, and the event loop goes on.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import pq
from sqlalchemy.util import await_only

from vestibule.errors import UnavailableError
from vestibule.storage.hot import HotStatement, Kind
from vestibule.storage.triggers import LOST_RACE_STATE

_STATEMENT_TIMEOUT_MS = 15_000
_RETRIED_STATES = frozenset({"40001", "40P01"})


class WireRetryError(Exception):
    """A deadlock or serialization failure: nothing was written, try the action again."""


class WireFailedError(Exception):
    """The statement failed; holds the SQLSTATE and nothing of its values."""


class WireConnection:
    """One libpq connection, driven by the event loop. Used by one task at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.nonblocking = 1
        self._loop = asyncio.get_running_loop()
        self._prepared: set[str] = set()
        self._waiter: asyncio.Future[pq.abc.PGresult] | None = None
        self._result: pq.abc.PGresult | None = None
        self.is_broken = False
        self._fd = self._pgconn.socket
        self._loop.add_reader(self._fd, self._on_readable)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    async def run(self, statement: HotStatement, parameters: Sequence[bytes | None]) -> pq.abc.PGresult:
        """The result of one execution. A connection that was interrupted is broken."""
        name = statement.name.encode()
        try:
            if statement.name not in self._prepared:
                self._pgconn.send_prepare(name, statement.numbered_sql.encode())
                _check(await self._wait())
                self._prepared.add(statement.name)
            self._pgconn.send_query_prepared(name, parameters)
            return await self._wait()
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.is_broken = True
            raise UnavailableError from None
        except asyncio.CancelledError:
            self.is_broken = True
            raise

    def has_spoken(self) -> bool:
        """Whether the server has said something unasked: to an idle connection that is its farewell."""
        return bool(self._poll.poll(0))

    async def close(self) -> None:
        self.is_broken = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        await self._connection.close()

    async def _wait(self) -> pq.abc.PGresult:
        self._waiter = self._loop.create_future()
        self._result = None
        if self._pgconn.flush():
            self._loop.add_writer(self._fd, self._on_writable)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _on_writable(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._fd)
        except psycopg.OperationalError as error:
            self._fail(error)

    def _on_readable(self) -> None:
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    self._settle()
                    return
                self._result = result
        except psycopg.OperationalError as error:
            self._fail(error)

    def _settle(self) -> None:
        if self._waiter is not None and not self._waiter.done() and self._result is not None:
            self._waiter.set_result(self._result)

    def _fail(self, error: psycopg.OperationalError) -> None:
        self.is_broken = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


class WirePool:
    """A few wire connections, the most recently used first."""

    def __init__(self, conninfo: str, *, size: int) -> None:
        self._conninfo = conninfo
        self._idle: list[WireConnection] = []
        self._places = asyncio.Semaphore(size)

    async def fetch(self, statement: HotStatement, values: Mapping[str, Any]) -> Sequence[Any]:
        """The statement's one row.

        Raises:
            UnavailableError: the database can't be reached, or went away.
            WireRetryError: deadlock or serialization failure.
        """
        parameters = [_encode(values[name]) for name in statement.parameters]
        async with self._places:
            connection = await self._take()
            try:
                result = await connection.run(statement, parameters)
            finally:
                if connection.is_broken:
                    await connection.close()
                else:
                    self._idle.append(connection)
        if result.status != pq.ExecStatus.TUPLES_OK:
            return _read_failure(result)
        return [
            _decode(result.get_value(0, index), kind) for index, (_, kind) in enumerate(statement.columns)
        ]

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> WireConnection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_broken and not connection.has_spoken():
                return connection
            await connection.close()
        try:
            opened = await psycopg.AsyncConnection.connect(
                self._conninfo,
                autocommit=True,
                options=f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} -c plan_cache_mode=force_generic_plan",
            )
        except psycopg.OperationalError:
            raise UnavailableError from None
        return WireConnection(opened)


class WireLane:
    """Implements ``hot.Lane`` on the pool; call it inside a greenlet of the event loop."""

    def __init__(self, pool: WirePool) -> None:
        self._pool = pool

    def fetch(self, statement: HotStatement, values: Mapping[str, Any]) -> Sequence[Any]:
        row: Sequence[Any] = await_only(self._pool.fetch(statement, values))
        return row


def _encode(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        encoded = value.encode()
        if b"\0" in encoded:
            raise WireFailedError("22021")
        return encoded
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return str(value).encode()


def _decode(raw: bytes | None, kind: Kind) -> Any:
    if raw is None:
        return None
    if kind == "text":
        return raw.decode()
    if kind == "int":
        return int(raw)
    return raw == b"t" if kind == "bool" else float(raw)


def _check(result: pq.abc.PGresult) -> None:
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        _read_failure(result)


def _read_failure(result: pq.abc.PGresult) -> Sequence[Any]:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    if state == LOST_RACE_STATE:
        return (0,)
    if state in _RETRIED_STATES:
        raise WireRetryError
    if state.startswith(("57", "53", "08")):
        raise UnavailableError
    raise WireFailedError(state)

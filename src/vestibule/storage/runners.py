# SPDX-License-Identifier: Apache-2.0
"""How actions are run: from the event loop on PostgreSQL (no threads) or SQLite (one thread hop for a whole
transaction), or plainly, for commands. The one place that tries again after a deadlock.
"""

from __future__ import annotations

import asyncio
import random  # allow: randomness because jitter is no secret
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from vestibule.errors import ConfigurationError, UnavailableError
from vestibule.ports import Claims, ClaimUnit, UnitOfWork
from vestibule.ports.privacy import AddressSealer
from vestibule.storage.claims.postgresql import PostgresqlClaims
from vestibule.storage.engine import READ_ONLY
from vestibule.storage.unit_of_work import Clock, SqlUnitOfWork, system_clock
from vestibule.storage.wire import WireLane, WirePool, WireRetryError

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

_TRIES = 8
# A unique violation is the trace of somebody faster. SQLite, one writer at a time, knows none of the three.
_RETRIED_STATES = frozenset({"40001", "40P01", "23505"})


def _is_retried(error: sa.exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _RETRIED_STATES


def _pause(attempt: int) -> float:
    return random.uniform(0, 0.005 * 2**attempt)  # noqa: S311 - jitter, not a secret


class PlainRunner:
    """Runs an action in the calling thread."""

    def __init__(
        self, engine: sa.Engine, *, clock: Clock = system_clock, sealer: AddressSealer | None = None
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._clock = clock

    def run(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return self._attempt(action, args, kwargs, read_only=False)

    def read(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return self._attempt(action, args, kwargs, read_only=True)

    def close(self) -> None:
        self._engine.dispose()

    def _attempt(self, action: Callable[..., Result], args: Any, kwargs: Any, *, read_only: bool) -> Result:
        for attempt in range(_TRIES):
            try:
                with (
                    self._engine.connect().execution_options(**{READ_ONLY: read_only}) as connection,
                    SqlUnitOfWork(connection, clock=self._clock, sealer=self._sealer) as uow,
                ):
                    return action(uow, *args, **kwargs)
            except sa.exc.DBAPIError as error:
                if not _is_retried(error):
                    raise _explain(error) or _translate(error) from None
                time.sleep(_pause(attempt))
        raise UnavailableError


class ThreadRunner:
    """SQLite under the event loop: one writing thread, a few reading ones, a hop per transaction."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        clock: Clock = system_clock,
        readers: int = 3,
        sealer: AddressSealer | None = None,
    ) -> None:
        self._plain = PlainRunner(engine, clock=clock, sealer=sealer)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="vestibule-write")
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="vestibule-read")

    async def run(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return await self._hop(self._writer, lambda: self._plain.run(action, *args, **kwargs))

    async def read(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return await self._hop(self._readers, lambda: self._plain.read(action, *args, **kwargs))

    async def claim(
        self,
        action: Callable[Concatenate[ClaimUnit, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return await self._hop(self._writer, lambda: self._plain.run(action, *args, **kwargs))

    async def close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._plain.close()

    async def _hop(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


class LoopRunner:
    """PostgreSQL under the event loop: actions run in greenlets, hot ones on the wire lane."""

    def __init__(
        self, engine: AsyncEngine, *, wire_size: int = 8, sealer: AddressSealer | None = None
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._wire_size = wire_size
        self._pool: WirePool | None = None
        self._unit: _WireUnit | None = None

    async def run(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        def work(connection: sa.Connection) -> Result:
            with SqlUnitOfWork(connection, sealer=self._sealer) as uow:
                return action(uow, *args, **kwargs)

        for attempt in range(_TRIES):
            try:
                async with self._engine.connect() as connection:
                    return await connection.run_sync(work)
            except sa.exc.DBAPIError as error:
                if not _is_retried(error):
                    raise _explain(error) or _translate(error) from None
                await asyncio.sleep(_pause(attempt))
        raise UnavailableError

    async def read(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        return await self.run(action, *args, **kwargs)

    async def claim(
        self,
        action: Callable[Concatenate[ClaimUnit, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        unit = self._unit or self._open()
        for attempt in range(_TRIES):
            try:
                return await greenlet_spawn(partial(action, unit, *args, **kwargs))
            except WireRetryError:
                await asyncio.sleep(_pause(attempt))
        raise UnavailableError

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        await self._engine.dispose()

    def _open(self) -> _WireUnit:
        url = self._engine.url.set(drivername="postgresql")
        self._pool = WirePool(url.render_as_string(hide_password=False), size=self._wire_size)
        self._unit = _WireUnit(self._pool, self._sealer)
        return self._unit


class _WireUnit:
    """Claims on the wire lane: every statement commits itself, so there is nothing left to commit."""

    def __init__(self, pool: WirePool, sealer: AddressSealer | None) -> None:
        self.claims: Claims = PostgresqlClaims(WireLane(pool), sealer=sealer)

    def commit(self) -> None:
        return None


def _explain(error: sa.exc.DBAPIError) -> ConfigurationError | None:
    """Said to the operator: by the command, or in the log of a process, whose callers hear nothing of it."""
    if getattr(error.orig, "sqlstate", None) != "42501":
        return None
    problem = "the database role lacks a right that this command needs"
    return ConfigurationError(
        "VESTIBULE_DATABASE_URL", problem, "Use another role, or see `vestibule doctor`"
    )


def _translate(error: sa.exc.DBAPIError) -> Exception:
    # A driver's message may quote values of the row; only the kind of failure goes on.
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
        return UnavailableError()
    state = getattr(error.orig, "sqlstate", None) or type(error.orig).__name__
    return RuntimeError(f"statement failed ({state})")

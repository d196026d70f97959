# SPDX-License-Identifier: Apache-2.0
"""The roads on which actions are run, each with a real database behind it.

A ``Call`` is an action with its arguments; a lane carries out one, or many at the same moment. Time moves
only when a test moves it: SQLite by its clock, PostgreSQL by shifting every stored moment back.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import sqlalchemy as sa

from tests.factories import NOW
from tests.sealing import find_sealer, make_sealer
from tests.servers import PostgresServer
from vestibule.ports import AddressSealer, ClaimUnit, UnitOfWork
from vestibule.storage.engine import make_async_engine, make_engine
from vestibule.storage.migrations import migrate
from vestibule.storage.runners import LoopRunner, PlainRunner, ThreadRunner
from vestibule.storage.schema import Instant, metadata, rate_limits

T = TypeVar("T")
_CROWD = 50


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One action with its arguments; *road* is the runner's method."""

    road: Literal["run", "read"]
    work: Callable[[UnitOfWork], T]


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """One claiming action with its arguments: it may take the shortest road."""

    work: Callable[[ClaimUnit], T]


Act = Call[Any] | Claim[Any]


class Lane(ABC):
    """A runner on a database."""

    def __init__(self, engine: sa.Engine, sealer: AddressSealer | None) -> None:
        self.engine = engine
        self.sealer = sealer

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @abstractmethod
    def do(self, call: Call[T] | Claim[T]) -> T:
        """Carry out one call."""

    @abstractmethod
    def race(self, calls: Sequence[Act]) -> list[Any]:
        """Carry out all at once, and give back what each came to: its result or its exception."""

    @abstractmethod
    def now(self) -> datetime:
        """The database's clock."""

    @abstractmethod
    def pass_time(self, seconds: float) -> None:
        """Everything stored is that much older."""

    @abstractmethod
    def clean(self) -> None:
        """No rows are left."""

    @abstractmethod
    def close(self) -> None: ...


class SqliteLane(Lane):
    """A file, with a clock that stands still until it is moved."""

    def __init__(self, template: Path, place: Path, sealer: AddressSealer | None = None) -> None:
        self._template = template
        self._place = place
        self._now = NOW
        shutil.copy(template, place)
        super().__init__(make_engine(f"sqlite:///{place}", pool_size=_CROWD + 2), sealer)
        sa.event.listen(self.engine, "connect", _write_lazily)

    def now(self) -> datetime:
        return self._now

    def pass_time(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def clean(self) -> None:
        self._now = NOW
        self.engine.dispose()
        for left in (f"{self._place}-wal", f"{self._place}-shm"):
            Path(left).unlink(missing_ok=True)
        shutil.copy(self._template, self._place)


def _write_lazily(connection: sqlite3.Connection, _record: object) -> None:
    # No test cuts the power: nothing has to reach the disk.
    connection.execute("PRAGMA synchronous=OFF")


class PostgresLane(Lane):
    """A database of a real server."""

    def __init__(self, url: str, sealer: AddressSealer | None = None) -> None:
        self.url = url
        super().__init__(make_engine(url, pool_size=_CROWD + 2), sealer)

    def now(self) -> datetime:
        with self.engine.connect() as connection:
            moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment

    def pass_time(self, seconds: float) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table in metadata.sorted_tables:
                moments = [column.name for column in table.c if isinstance(column.type, Instant)]
                older = ", ".join(f"{name} = {name} - interval '{seconds} seconds'" for name in moments)
                if older:
                    connection.exec_driver_sql(f"UPDATE {table.name} SET {older}")
            later = rate_limits.c.arrives_at_ms - seconds * 1000
            connection.execute(sa.update(rate_limits).values(arrives_at_ms=later))

    def clean(self) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table in metadata.tables.values():
                connection.execute(sa.delete(table))


def _race_in_threads(runner: PlainRunner, calls: Sequence[Act]) -> list[Any]:
    start = threading.Barrier(len(calls))

    def work(call: Call[Any] | Claim[Any]) -> Any:
        start.wait(timeout=30)
        try:
            return _plainly(runner, call)
        except BaseException as error:  # noqa: BLE001 - what it came to is the test's to judge
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(work, calls))


def _plainly(runner: PlainRunner, call: Call[T] | Claim[T]) -> T:
    if isinstance(call, Call) and call.road == "read":
        return runner.read(call.work)
    return runner.run(call.work)


async def _looped(runner: LoopRunner | ThreadRunner, call: Call[T] | Claim[T]) -> T:
    if isinstance(call, Claim):
        return await runner.claim(call.work)
    return await (runner.read(call.work) if call.road == "read" else runner.run(call.work))


async def _race_in_loop(runner: LoopRunner | ThreadRunner, calls: Sequence[Act]) -> list[Any]:
    return await asyncio.gather(*(_looped(runner, call) for call in calls), return_exceptions=True)


class SqlitePlain(SqliteLane):
    """SQLite, each call in the thread that asks."""

    def __init__(self, template: Path, place: Path, sealer: AddressSealer | None = None) -> None:
        super().__init__(template, place, sealer)
        self._runner = PlainRunner(self.engine, clock=self.now, sealer=self.sealer)

    def do(self, call: Call[T] | Claim[T]) -> T:
        return _plainly(self._runner, call)

    def race(self, calls: Sequence[Act]) -> list[Any]:
        return _race_in_threads(self._runner, calls)

    def close(self) -> None:
        self._runner.close()


class SqliteThreaded(SqliteLane):
    """SQLite under the event loop."""

    def __init__(self, template: Path, place: Path, sealer: AddressSealer | None = None) -> None:
        super().__init__(template, place, sealer)
        self._runner = ThreadRunner(self.engine, clock=self.now, sealer=self.sealer)
        self._loop = asyncio.Runner()

    def do(self, call: Call[T] | Claim[T]) -> T:
        return self._loop.run(_looped(self._runner, call))

    def race(self, calls: Sequence[Act]) -> list[Any]:
        return self._loop.run(_race_in_loop(self._runner, calls))

    def close(self) -> None:
        self._loop.run(self._runner.close())
        self._loop.close()


class PostgresPlain(PostgresLane):
    """PostgreSQL, each call in the thread that asks, by SQLAlchemy alone."""

    def __init__(self, url: str, sealer: AddressSealer | None = None) -> None:
        super().__init__(url, sealer)
        self._runner = PlainRunner(self.engine, sealer=self.sealer)

    def do(self, call: Call[T] | Claim[T]) -> T:
        return _plainly(self._runner, call)

    def race(self, calls: Sequence[Act]) -> list[Any]:
        return _race_in_threads(self._runner, calls)

    def close(self) -> None:
        self._runner.close()


class PostgresLooped(PostgresLane):
    """PostgreSQL under the event loop; claims take the wire."""

    def __init__(self, url: str, sealer: AddressSealer | None = None) -> None:
        super().__init__(url, sealer)
        self.loop = asyncio.Runner()
        self.runner = LoopRunner(make_async_engine(url, pool_size=16), wire_size=16, sealer=self.sealer)

    def do(self, call: Call[T] | Claim[T]) -> T:
        return self.loop.run(_looped(self.runner, call))

    def race(self, calls: Sequence[Act]) -> list[Any]:
        return self.loop.run(_race_in_loop(self.runner, calls))

    def close(self) -> None:
        self.loop.run(self.runner.close())
        self.loop.close()
        self.engine.dispose()


def migrate_template(url: str) -> None:
    """The schema, once; what tests work on are copies."""
    engine = make_engine(url, create=True)
    migrate(engine)
    engine.dispose()


class LaneKeeper:
    """Lanes are opened once for all tests of a process, and cleaned before each."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self._folder = folder
        self._server = server
        self._lanes: dict[str, Lane] = {}
        self._database: str | None = None

    def open(self, name: str) -> Lane:
        """A clean lane: ``sqlite-plain``, ``sqlite-threads``, ``postgresql-plain`` or ``postgresql-loop``.

        With ``+sealed`` behind it, addresses are sealed.
        """
        lane = self._lanes.get(name) or self._make(name)
        self._lanes[name] = lane
        lane.clean()
        return lane

    def database(self) -> str:
        """The URL of this process's migrated database."""
        if self._database is None:
            self._database = self._server.create_database()
            migrate_template(self._server.url(self._database))
        return self._server.url(self._database)

    def template(self) -> Path:
        """A migrated SQLite file that nothing ever changes."""
        path = self._folder / "template.db"
        if not path.exists():
            migrate_template(f"sqlite:///{path}")
        return path

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.close()
        if self._database is not None:
            self._server.drop_database(self._database)

    def _make(self, name: str) -> Lane:
        place = self._folder / f"{name}.db"
        road, _, sealed = name.partition("+")
        sealer = make_sealer() if sealed else find_sealer()
        match road:
            case "sqlite-plain":
                return SqlitePlain(self.template(), place, sealer)
            case "sqlite-threads":
                return SqliteThreaded(self.template(), place, sealer)
            case "postgresql-plain":
                return PostgresPlain(self.database(), sealer)
            case _:
                return PostgresLooped(self.database(), sealer)

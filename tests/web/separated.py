# SPDX-License-Identifier: Apache-2.0
"""A service in four parts under one address: each part under its own database role, as documented.

The proxy in front is the one of docs/separation.md: its ``map`` chooses the part by the path.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.architecture.sources import ROOT
from tests.servers import PostgresServer
from tests.web.harness import World
from vestibule.bootstrap import Deployment, build_deployment
from vestibule.core.process import ProcessRole
from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import migrate
from vestibule.storage.rights import DATABASE_ROLES, list_grants

T = TypeVar("T")
SERVED = (ProcessRole.ISSUE, ProcessRole.CLAIM, ProcessRole.ADMIN)
_ROLES_ARE_THE_CLUSTERS = 4_006


def read_proxy_map(document: Path = ROOT / "docs" / "separation.md") -> Callable[[str], ProcessRole]:
    """The document's ``map`` as nginx reads it: the first expression that fits, or the default."""
    text = document.read_text(encoding="utf-8").partition("map $uri $vestibule {\n")[2].partition("\n}")[0]
    rows = [line.split("#")[0].strip().rstrip(";").split() for line in text.splitlines()]
    rules = [(re.compile(row[0].removeprefix("~")), ProcessRole(row[1])) for row in rows[1:]]
    assert rows[0][0] == "default"
    default = ProcessRole(rows[0][1])
    return lambda path: next((role for rule, role in rules if rule.search(path)), default)


def grant_roles(server: PostgresServer, database: str) -> dict[ProcessRole, str]:
    """What ``vestibule db grants`` prints is run on a migrated database; the URL of a login for each role."""
    engine = make_engine(server.url(database))
    migrate(engine)
    engine.dispose()
    # Roles belong to the whole cluster, and other tests make them at the same time.
    with psycopg.connect(server.dsn(), autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", (_ROLES_ARE_THE_CLUSTERS,))
        with psycopg.connect(server.dsn(database), autocommit=True) as connection:
            connection.execute("\n".join(list_grants()).encode())
        return {role: _make_login(server, database, role) for role in DATABASE_ROLES}


def _make_login(server: PostgresServer, database: str, role: ProcessRole) -> str:
    name = f"{database}_{role.value}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(
                sql.Identifier(name), sql.Identifier(DATABASE_ROLES[role])
            )
        )
    return server.url(database).replace("://vestibule@", f"://{name}@")


class Proxy:
    """Sends each request to the part that the documented map names."""

    def __init__(self, parts: Mapping[ProcessRole, ASGIApp]) -> None:
        self._choose = read_proxy_map()
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._parts[self._choose(scope["path"])](scope, receive, send)


class SeparatedWorld(World):
    """A ``World`` whose parts have nothing but their own database role; tests arrange as the superuser."""

    def __init__(
        self,
        database_url: str,
        directory: Path,
        logins: Mapping[ProcessRole, str],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(database_url, directory, settings, delivers=True, is_new=False)
        self._logins = logins

    def build(self) -> tuple[Deployment, Deployment]:
        # Whether addresses are sealed here is for the administration to decide, so it starts first.
        self._parts = {role: self._build(role) for role in reversed(SERVED)}
        self.worker = self._build(ProcessRole.WORKER)
        return self._parts[ProcessRole.ADMIN], self.worker

    def work(self, action: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What an action gives when the worker's database role runs it."""
        return self.wait(self.worker.runner.run(action, *args, **kwargs))

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        """What it comes to on the service's own loop."""
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(30)

    def make_app(self) -> ASGIApp:
        return Proxy({role: part.make_app() for role, part in self._parts.items()})

    async def close(self) -> None:
        await asyncio.gather(*(part.close() for part in self._parts.values()))

    def _build(self, role: ProcessRole) -> Deployment:
        settings = replace(self.settings, database_url=self._logins[role])
        if role is ProcessRole.CLAIM:
            settings = replace(settings, platform_key="")
        return build_deployment(settings, role=role)

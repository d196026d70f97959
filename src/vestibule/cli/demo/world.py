# SPDX-License-Identifier: Apache-2.0
"""A whole deployment in one process, on the loopback: HTTP, worker, SMTP into the development mailbox."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vestibule.bootstrap import (
    Deployment,
    build_deployment,
    make_mailbox_view,
    make_transport,
)
from vestibule.cli.demo.clock import MovableClock
from vestibule.cli.demo.ring import make_keys, read_secret
from vestibule.cli.process import HttpServer, open_listener, stop_worker
from vestibule.cli.upkeep import migrate_database
from vestibule.core.token import mint_secret
from vestibule.delivery.mailbox import DevelopmentMailbox
from vestibule.delivery.smtp import SmtpTransport
from vestibule.delivery.worker import Worker
from vestibule.errors import ConfigurationError
from vestibule.settings import Settings

LOOPBACK = "127.0.0.1"
ISSUER = "https://host.example"
_PORTS_TRIED = 20
_POLL_MS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a demonstration is started with. Sockets listen already, so that the addresses are known."""

    database_url: str
    listener: socket.socket
    mail_listener: socket.socket | None = None
    jwks: Path | None = None
    # Where a key store of the demonstration's own is, or will be; without: nothing is signed.
    keys: Path | None = None


class World:
    """Everything that runs. ``async with`` starts and stops it, in order."""

    settings: Settings
    deployment: Deployment

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.clock = MovableClock()
        self.mailbox = DevelopmentMailbox(clock=self.clock)
        self.public_url = address_of(plan.listener)
        self.platform_key = mint_secret("vsk_")
        self.failures: list[asyncio.Task[None]] = []
        self._servers: list[HttpServer] = []
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._sealing: asyncio.Task[None] | None = None
        self._transport: SmtpTransport | None = None

    async def __aenter__(self) -> Self:
        await self.mailbox.start()
        try:
            await self._start()
        except BaseException:
            await self.mailbox.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._sealing is not None:
            self._sealing.cancel()
            await asyncio.wait({self._sealing})
        ends = [server.stop() for server in self._servers]
        if self._worker is not None and self._working is not None:
            ends.append(stop_worker(self._worker, self._working))
        await asyncio.gather(*ends)
        if self._transport is not None:
            await self._transport.close()
        await self.mailbox.stop()
        await self.deployment.close()

    async def _start(self) -> None:
        plan = self._plan
        self.settings = Settings(
            database_url=plan.database_url,
            public_url=self.public_url,
            smtp_url=f"smtp://{LOOPBACK}:{self.mailbox.port}",
            mail_from="Vestibule <invitations@vestibule.example>",
            platform_key=self.platform_key,
            assertion_jwks="" if plan.jwks is None else str(plan.jwks),
            assertion_issuer="" if plan.jwks is None else ISSUER,
            worker_poll_ms=_POLL_MS,
            keyring="" if plan.keys is None else str(plan.keys),
            keyring_secret="" if plan.keys is None else read_secret(plan.keys.parent),
        )
        migrate_database(self.settings)
        if plan.keys is not None:
            make_keys(self.settings)
        self.deployment = build_deployment(self.settings, clock=self.clock)
        self._transport = make_transport(self.settings)
        self._worker = self.deployment.make_worker(self._transport)
        self._working = asyncio.create_task(self._worker.run())
        if plan.keys is not None:
            self._sealing = asyncio.create_task(self.deployment.make_log_sealer().run(self._stopping))
        self._servers.append(HttpServer(self.deployment.make_app(), plan.listener))
        if plan.mail_listener is not None:
            self._servers.append(HttpServer(make_mailbox_view(self.mailbox), plan.mail_listener))
        for server in self._servers:
            await server.start()


def open_some_listener(port: int, what: str) -> tuple[socket.socket, str | None]:
    """A listener on *port* or, when that is taken, on one of the next; then also a line that says so.

    Raises:
        ConfigurationError: none of them is free.
    """
    for candidate in range(port, min(port + _PORTS_TRIED, 65_536)):
        try:
            listener = open_listener(LOOPBACK, candidate, setting=what)
        except ConfigurationError:
            continue
        note = f"Port {port} is taken, so {what} is {candidate}." if candidate != port else None
        return listener, note
    raise ConfigurationError(
        what, f"port {port} and the {_PORTS_TRIED - 1} after it are taken", "Name another"
    )


def address_of(listener: socket.socket) -> str:
    """The URL under which a listener on the loopback is reached."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"

# SPDX-License-Identifier: Apache-2.0
"""``vestibule serve`` and ``vestibule worker``: long-running processes, checked before they begin."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Annotated, Literal

import typer

from vestibule.bootstrap import Deployment, build_deployment, make_sender, make_transport
from vestibule.cli.printing import AsJson, show
from vestibule.cli.process import HttpServer, open_listener, run_until_signalled, stop_worker
from vestibule.core.process import ProcessRole
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.log import configure_logging, get_logger
from vestibule.settings import Settings, load_settings, parse_bind

Served = Literal["all", "issue", "claim", "admin"]


def serve(
    *,
    role: Annotated[
        Served,
        typer.Option(help="Serve this part only, under a database role of its own (docs/separation.md)."),
    ] = "all",
    with_worker: Annotated[bool, typer.Option("--worker", help="Deliver mail in this process, too.")] = False,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Instead of the host in VESTIBULE_BIND.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Instead of the port in VESTIBULE_BIND; 0: a free one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the API and the hosted pages, until SIGTERM or Ctrl-C.

    The configuration is checked first. Logs go to standard error, one JSON line an event.
    """
    served = ProcessRole(role)
    if with_worker and served is not ProcessRole.ALL:
        told = "A separated process delivers nothing; run `vestibule worker` beside it."
        raise InvalidRequestError(FieldFault("--worker", told))
    settings = load_settings()
    if with_worker:
        _check_mail(settings)
    bound_host, bound_port = parse_bind(settings.bind)
    listener = open_listener(host or bound_host, bound_port if port is None else port)
    try:
        _run(settings, served, listener=listener, with_worker=with_worker, as_json=as_json)
    finally:
        listener.close()


def work(*, as_json: AsJson = False) -> None:
    """Deliver mail and record what has expired, until SIGTERM or Ctrl-C.

    Any number of workers may run. One that dies costs an attempt: what it held is delivered again.
    """
    settings = load_settings()
    _check_mail(settings)
    _run(settings, ProcessRole.WORKER, listener=None, with_worker=True, as_json=as_json)


def _check_mail(settings: Settings) -> None:
    make_transport(settings)
    make_sender(settings)


def _run(
    settings: Settings,
    role: ProcessRole,
    *,
    listener: socket.socket | None,
    with_worker: bool,
    as_json: bool,
) -> None:
    configure_logging(settings.log_level)
    is_clean = run_until_signalled(
        lambda stopping: _run_parts(
            settings, role, listener, stopping, with_worker=with_worker, as_json=as_json
        )
    )
    if not is_clean:
        raise typer.Exit(1)


async def _run_parts(
    settings: Settings,
    role: ProcessRole,
    listener: socket.socket | None,
    stopping: asyncio.Event,
    *,
    with_worker: bool,
    as_json: bool,
) -> bool:
    """Whether every part ended because it was asked to."""
    deployment = build_deployment(settings, role=role)
    try:
        server = None if listener is None else HttpServer(deployment.make_app(), listener)
        worker = deployment.make_worker() if with_worker else None
        parts: list[asyncio.Task[None]] = []
        if server is not None:
            parts.append(await server.start())
        if worker is not None:
            parts += [asyncio.create_task(_keep_log(deployment, stopping)), asyncio.create_task(worker.run())]
        _announce(listener, role, with_worker=with_worker, as_json=as_json)
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait({asked, *parts}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        ends = [] if server is None else [server.stop()]
        if worker is not None:
            ends += [stop_worker(worker, parts[-1]), _end(parts[-2])]
        await asyncio.gather(*ends)
    finally:
        await deployment.close()
    return _report(parts) and stopping.is_set()


async def _keep_log(deployment: Deployment, stopping: asyncio.Event) -> None:
    publisher = deployment.make_publisher()
    keepers = [deployment.make_log_sealer().run(stopping)]
    if publisher is not None:
        keepers.append(publisher.run(stopping))
    await asyncio.gather(*keepers)


async def _end(sealing: asyncio.Task[None]) -> None:
    # A round that is broken off leaves nothing behind.
    sealing.cancel()
    await asyncio.wait({sealing})


def _report(parts: list[asyncio.Task[None]]) -> bool:
    failures = [error for part in parts if not part.cancelled() and (error := part.exception()) is not None]
    for error in failures:
        get_logger().error("process_failed", problem=f"{type(error).__name__}: {error}")
    return not failures


def _announce(listener: socket.socket | None, role: ProcessRole, *, with_worker: bool, as_json: bool) -> None:
    """One line when it is ready, for people and for whoever waits for it."""
    document: dict[str, object] = {"ready": True, "role": role.value, "worker": with_worker}
    if listener is None:
        line = "Delivering. Stop with Ctrl-C."
    else:
        host, port = listener.getsockname()[:2]
        document |= {"host": host, "port": port}
        shown = f"[{host}]" if ":" in host else host
        line = (
            f"Listening on http://{shown}:{port}{' and delivering' if with_worker else ''}. Stop with Ctrl-C."
        )
    show(document, [line], as_json=as_json)
    sys.stdout.flush()

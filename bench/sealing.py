# SPDX-License-Identifier: Apache-2.0
"""What sealing costs an accept: without a queue, with it, with a sealer at work, and with a receipt each.

The four ways are interleaved in every round, against one PostgreSQL. ``python -m bench --sealing``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.load import build_request, run_load
from bench.seeding import seed_claimable, seed_tenants
from bench.service import Service, Signer, make_signer
from tests.servers import PostgresServer
from vestibule.actions.keys.turn_keys import create_key
from vestibule.bootstrap import build_deployment, build_plain_runner, make_key_store, make_provider
from vestibule.core.identity import HostKey, RequestContext
from vestibule.settings import Settings, load_settings

_CONNECTIONS = 32
_QUEUED = "vestibule_audit_events_queued"
_WAYS = ("no queue", "queued", "sealed meanwhile", "sealed, with receipts")


def measure_sealing(rounds: int, accepts: int) -> dict[str, Any]:
    """Rates and CPU of accepts in each way; events a second of sealing what has piled up."""
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer.start(durable=True, settings={"shared_buffers": "512MB"})
        try:
            return _measure(server, Path(folder), rounds, accepts)
        finally:
            server.stop()


def _measure(server: PostgresServer, folder: Path, rounds: int, accepts: int) -> dict[str, Any]:
    url, sign = server.url(server.create_database("bench")), make_signer()
    ring = {"VESTIBULE_KEYRING": str(folder / "ring"), "VESTIBULE_KEYRING_SECRET": "of-the-bench-" * 4}
    base = {"VESTIBULE_DATABASE_URL": url, "VESTIBULE_PUBLIC_URL": "http://127.0.0.1"}
    settings = load_settings(base | ring)
    make_key_store(settings)
    plain = Service(url, sign)
    _make_keys(settings)
    promising = Service(url, sign, ring)
    database = psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True)
    seed_tenants(database)
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in _WAYS}
    sealing: list[float] = []
    for number in range(rounds + 1):
        for place, way in enumerate(_WAYS):
            service = promising if "receipts" in way else plain
            requests = list(_accepts(database, sign, (number * 10 + place + 1) * 1_000_000, accepts))
            measured = _run(database, service, requests, way, base | ring)
            if number:
                found[way].append(measured)
        if number:
            sealing.append(_seal_backlog(database, settings))
    plain.stop()
    promising.stop()
    figures: dict[str, Any] = {
        way: {
            "rate": round(statistics.median(rate for rate, _ in runs)),
            "cpu_us": round(statistics.median(cpu for _, cpu in runs)),
        }
        for way, runs in found.items()
    }
    return figures | {"sealing, events a second": round(statistics.median(sealing))}


def _run(
    database: psycopg.Connection[Any],
    service: Service,
    requests: list[bytes],
    way: str,
    environment: Mapping[str, str],
) -> tuple[float, float]:
    state = "DISABLE" if way == "no queue" else "ENABLE"
    database.execute(f"ALTER TABLE vestibule_audit_events {state} TRIGGER {_QUEUED}")
    with _sealer(environment, wanted=way.startswith("sealed")):
        before = service.cpu_seconds()
        outcome = run_load(service.port, iter(requests), connections=_CONNECTIONS)
        cpu = (service.cpu_seconds() - before) / outcome.requests * 1_000_000
    if set(outcome.statuses) != {204}:
        raise RuntimeError(f"expected only 204, got {dict(outcome.statuses)}")
    return outcome.rate, cpu


@contextmanager
def _sealer(environment: Mapping[str, str], *, wanted: bool) -> Iterator[None]:
    """A process of its own that seals every second, as a worker does."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "bench.sealing"], env={**os.environ, **environment})
    time.sleep(2)
    yield
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def _accepts(database: psycopg.Connection[Any], sign: Signer, start: int, accepts: int) -> Iterator[bytes]:
    for one in seed_claimable(database, accepts, start=start, tenant=None):
        path = f"/v1/invitations/{one.token.reveal()}/accept"
        ip = f"10.{one.number >> 16 & 255}.{one.number >> 8 & 255}.{one.number & 255}"
        yield build_request("POST", path, bearer=sign(f"p{one.number}", one.email), ip=ip)


def _make_keys(settings: Settings) -> None:
    provider = make_provider(settings)
    if provider is None:
        raise RuntimeError("no key ring")
    runner = build_plain_runner(settings)
    for purpose in ("checkpoint", "receipt"):
        context = RequestContext(correlation_id="bench", source="cli")
        runner.run(create_key, HostKey(key_id="cli"), purpose, provider=provider, context=context)
    runner.close()


def _seal_backlog(database: psycopg.Connection[Any], settings: Settings) -> float:
    """Events a second, of everything that the ways without a sealer left behind."""

    async def work() -> float:
        deployment = build_deployment(settings)
        try:
            started = time.perf_counter()
            done = await deployment.make_log_sealer().seal()
            return done / (time.perf_counter() - started)
        finally:
            await deployment.close()

    rate = asyncio.run(work())
    left = database.execute("SELECT count(*) FROM vestibule_log_queue").fetchone()
    if left != (0,):
        raise RuntimeError("not everything was sealed")
    return rate


async def _seal_until_told() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    deployment = build_deployment(load_settings())
    try:
        await deployment.make_log_sealer().run(stopping)
    finally:
        await deployment.close()


if __name__ == "__main__":
    asyncio.run(_seal_until_told())

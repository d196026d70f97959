# SPDX-License-Identifier: Apache-2.0
"""The measurements: each against the same server, in rounds, so that drift touches all alike."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import psycopg

from bench.load import Outcome, build_request, run_load
from bench.pgbench import accept_script, preview_script, refused_script, run_pgbench
from bench.seeding import HOT, TENANTS, Claimable, seed_claimable, seed_rows, seed_tenants
from bench.service import Service, make_signer
from tests.servers import PostgresServer
from vestibule.core.token import mint_claim_token

ACCEPTS = 6000
READS = 20_000
REFUSALS = 8000
ISSUES = 2000
LISTS = 3000
PG_CLIENTS = 16
SMALL, LARGE = "list-small", "list-large"
_SERVER = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}

Figures = dict[str, Any]


class Bench:
    """One PostgreSQL, one serving process, and a counter that never hands out a number twice."""

    def __init__(self, *, rows: int, connections: int) -> None:
        self._rows = rows
        self._connections = connections
        self._numbers = itertools.count(1)
        self._sign = make_signer()

    def __enter__(self) -> Self:
        self._server = PostgresServer.start(durable=True, settings=_SERVER)
        self._database = self._server.create_database("bench")
        self._service = Service(self._server.url(self._database), self._sign)
        self._connection = psycopg.connect(self._server.dsn(self._database), autocommit=True)
        seed_tenants(self._connection)
        self._seed_lists()
        self._connection.execute("VACUUM ANALYZE")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.stop()
        self._connection.close()
        self._server.stop()

    def measure(self, rounds: int) -> Figures:
        """Every figure, as medians over *rounds*."""
        series: dict[str, list[Figures]] = {}
        limits: dict[str, list[float]] = {}
        idle = self._service.memory_mb()
        for number in range(rounds + 1):
            for name, outcome in self._round():
                if number:
                    series.setdefault(name, []).append(outcome)
            for name, rate in self._limits(number):
                if number:
                    limits.setdefault(name, []).append(rate)
        figures: Figures = {name: _median(runs) for name, runs in series.items()}
        figures["pgbench"] = {name: round(statistics.median(rates)) for name, rates in limits.items()}
        figures["memory_mb"] = {"idle": idle, "loaded": self._service.memory_mb()}
        return figures

    def _round(self) -> Iterator[tuple[str, Figures]]:
        yield "accept", self._run(self._accepts(None), expect=204)
        yield "accept, hot tenant with seats", self._run(self._accepts(HOT), expect=204)
        yield "preview", self._run(self._previews(), expect=200)
        yield "refused (unknown token)", self._run(self._refusals(), expect=404)
        yield "malformed token", self._run(self._malformed(), expect=404)
        yield "issue", self._run(self._issues(), expect=201)
        yield "list, 10,000 rows", self._run(self._lists(SMALL), expect=200)
        yield f"list, {self._rows:,} rows", self._run(self._lists(LARGE), expect=200)

    def _limits(self, number: int) -> Iterator[tuple[str, float]]:
        each = ACCEPTS // PG_CLIENTS
        spread, hot = f"pg{number}", f"ph{number}"
        self._seed_for_pgbench(spread, each, f"('t' || (n % {TENANTS}))")
        self._seed_for_pgbench(hot, each, f"'{HOT}'")
        tenant = f"('t' || (:id % {TENANTS}))"
        yield "accept", self._limit(accept_script(spread, tenant=tenant, seats=False), each)
        yield (
            "accept, hot tenant with seats",
            self._limit(accept_script(hot, tenant=f"'{HOT}'", seats=True), each),
        )
        yield "preview", self._limit(preview_script("small", 10_000), READS // PG_CLIENTS)
        yield "refused (unknown token)", self._limit(refused_script(), REFUSALS // PG_CLIENTS)

    def _limit(self, script: str, transactions: int) -> float:
        return run_pgbench(
            self._server, self._database, script, clients=PG_CLIENTS, transactions=transactions
        )

    def _run(self, requests: Iterator[bytes], *, expect: int) -> Figures:
        prepared = list(requests)
        before = self._service.cpu_seconds()
        outcome = run_load(self._service.port, iter(prepared), connections=self._connections)
        cpu = self._service.cpu_seconds() - before
        if set(outcome.statuses) != {expect}:
            raise RuntimeError(f"expected only {expect}, got {dict(outcome.statuses)}")
        return _describe(outcome, cpu)

    def _accepts(self, tenant: str | None) -> Iterator[bytes]:
        start = next(self._numbers) * 1_000_000
        for one in seed_claimable(self._connection, ACCEPTS, start=start, tenant=tenant):
            path = f"/v1/invitations/{one.token.reveal()}/accept"
            yield build_request("POST", path, bearer=self._assert(one), ip=_ip(one.number))

    def _previews(self) -> Iterator[bytes]:
        made = seed_claimable(self._connection, 1000, start=next(self._numbers) * 1_000_000)
        for number in range(READS):
            one = made[number % len(made)]
            yield build_request("GET", f"/v1/invitations/{one.token.reveal()}", ip=_ip(number))

    def _refusals(self) -> Iterator[bytes]:
        for number in range(REFUSALS):
            bearer = self._sign(f"refused-{number}", f"r{number}@bench.example")
            path = f"/v1/invitations/{mint_claim_token().reveal()}/accept"
            yield build_request("POST", path, bearer=bearer, ip=_ip(number))

    def _malformed(self) -> Iterator[bytes]:
        for number in range(READS):
            yield build_request("GET", f"/v1/invitations/vst_{number:049d}", ip=_ip(number))

    def _issues(self) -> Iterator[bytes]:
        for _ in range(ISSUES):
            number = next(self._numbers)
            owner = f"owner-t{number % TENANTS}"
            body = json.dumps({"email": f"new{number}@bench.example", "role": "member"}).encode()
            path = f"/v1/tenants/t{number % TENANTS}/invitations"
            yield build_request(
                "POST", path, bearer=self._sign(owner, f"{owner}@bench.example"), ip=_ip(number), body=body
            )

    def _lists(self, tenant: str) -> Iterator[bytes]:
        bearer = self._sign(f"owner-{tenant}", f"owner-{tenant}@bench.example")
        for number in range(LISTS):
            yield build_request(
                "GET", f"/v1/tenants/{tenant}/invitations?state=pending", bearer=bearer, ip=_ip(number)
            )

    def _assert(self, one: Claimable) -> str:
        return self._sign(f"p{one.number}", one.email)

    def _seed_lists(self) -> None:
        for tenant in (SMALL, LARGE):
            self._connection.execute(
                """INSERT INTO vestibule_tenants SELECT %s, name, policy, 1, created_at FROM vestibule_tenants WHERE tenant_id = 't0'""",
                [tenant],
            )
            self._connection.execute(
                """INSERT INTO vestibule_memberships (tenant_id, principal_id, role, created_at)
                VALUES (%s, 'owner-' || %s, 'owner', clock_timestamp())""",
                [tenant, tenant],
            )
        seed_rows(self._connection, "small", 10_000, tenant=f"'{SMALL}'")
        seed_rows(self._connection, "large", self._rows, tenant=f"'{LARGE}'")

    def _seed_for_pgbench(self, prefix: str, each: int, tenant: str) -> None:
        for client in range(PG_CLIENTS):
            first = client * 20_000 + 1
            seed_rows(self._connection, prefix, each, tenant=tenant, first=first)


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _describe(outcome: Outcome, cpu: float) -> Figures:
    return {
        "rate": outcome.rate,
        "p50_ms": outcome.percentile(0.50),
        "p99_ms": outcome.percentile(0.99),
        "cpu_us": cpu / outcome.requests * 1_000_000,
    }


def _median(runs: list[Figures]) -> Figures:
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}

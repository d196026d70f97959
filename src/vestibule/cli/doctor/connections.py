# SPDX-License-Identifier: Apache-2.0
"""Checks of the ways to sign in: the key of their secrets, their providers, what tenants demand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from vestibule.actions.connections.review_connections import list_every_connection, list_missing_demands
from vestibule.bootstrap import build_plain_runner, check_secrets, make_relying_party, make_sealer
from vestibule.cli.doctor.finding import Finding, failure, fine, misconfigured
from vestibule.cli.running import OPERATOR
from vestibule.core.connection import Connection
from vestibule.errors import ConfigurationError
from vestibule.settings import Settings


def check_connections(settings: Settings) -> Iterator[Finding]:
    runner = build_plain_runner(settings)
    try:
        connections = runner.read(list_every_connection, OPERATOR)
        missing = runner.read(list_missing_demands, OPERATOR)
    finally:
        runner.close()
    for tenant_id, connection_id in missing:
        yield failure(
            "sign-in",
            f"tenant {tenant_id} requires connection {connection_id}, which nobody can use",
            "Put that connection, enable it, or change what the tenant requires: nobody can accept there",
        )
    try:
        sealer = make_sealer(settings)
        check_secrets(settings, sealer)
    except ConfigurationError as error:
        yield misconfigured("connection key", error)
        return
    wanted = [one for one in connections if not one.is_disabled]
    found = asyncio.run(_ask_all(settings, wanted)) if wanted else []
    for connection, findings in zip(wanted, found, strict=True):
        name = f"connection {connection.connection_id}"
        for told in findings:
            yield failure(name, told.rstrip("."), f"Ask its provider: {connection.issuer}")
        if not findings:
            yield fine(name, f"{connection.issuer} answers as it should")
    if not connections:
        yield fine("connections", "none: people sign in with local accounts, or their host speaks for them")


async def _ask_all(settings: Settings, connections: Sequence[Connection]) -> list[Sequence[str]]:
    party = make_relying_party(settings, make_sealer(settings))
    return await asyncio.gather(*(party.examine(one) for one in connections))

# SPDX-License-Identifier: Apache-2.0
"""Checks of the ways to sign in: the key of their secrets, their providers, what tenants demand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from vestibule.actions.connections.review_connections import list_every_connection, list_missing_demands
from vestibule.actions.keys.show_ring import show_ring
from vestibule.bootstrap import build_plain_runner, make_relying_party
from vestibule.cli.doctor.finding import Finding, failure, fine, misconfigured, warning
from vestibule.cli.running import OPERATOR
from vestibule.core.connection import Connection
from vestibule.core.key_documents import Ring
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.identity.oidc import SecretSealer, sealing_key_id
from vestibule.keyring import make_provider, make_sealer
from vestibule.settings import Settings


def check_connections(settings: Settings) -> Iterator[Finding]:
    runner = build_plain_runner(settings, opens_addresses=False)
    try:
        connections = runner.read(list_every_connection, OPERATOR)
        missing = runner.read(list_missing_demands, OPERATOR)
        ring = runner.read(show_ring)
    finally:
        runner.close()
    for tenant_id, connection_id in missing:
        yield failure(
            "sign-in",
            f"tenant {tenant_id} requires connection {connection_id}, which nobody can use",
            "Put that connection, enable it, or change what the tenant requires: nobody can accept there",
        )
    try:
        sealer = make_sealer(settings, make_provider(settings))
        for connection in connections:
            sealer.open(connection)
    except ConfigurationError as error:
        yield misconfigured("client secrets", error)
        return
    except KeyProviderError as error:
        yield failure("client secrets", error.finding, "See docs/keys.md")
        return
    yield from _judge_sealing(connections, ring)
    wanted = [one for one in connections if not one.is_disabled]
    found = asyncio.run(_ask_all(settings, sealer, wanted)) if wanted else []
    for connection, findings in zip(wanted, found, strict=True):
        name = f"connection {connection.connection_id}"
        for told in findings:
            yield failure(name, told.rstrip("."), f"Ask its provider: {connection.issuer}")
        if not findings:
            yield fine(name, f"{connection.issuer} answers as it should")
    if not connections:
        yield fine("connections", "none: people sign in with local accounts, or their host speaks for them")


def _judge_sealing(connections: Sequence[Connection], ring: Ring) -> Iterator[Finding]:
    """Whoever stole the key has what it sealed: the secret itself must be another."""
    given_up = {key.key_id for key in ring.keys if key.compromised_at is not None}
    for one in connections:
        if one.sealed_secret is not None and sealing_key_id(one.sealed_secret) in given_up:
            told = f"the secret of connection {one.connection_id} is sealed under a key that was given up"
            remedy = "Make a new client secret at its provider, and put the connection with it"
            yield warning("client secrets", told, remedy)


async def _ask_all(
    settings: Settings, sealer: SecretSealer, connections: Sequence[Connection]
) -> list[Sequence[str]]:
    party = make_relying_party(settings, sealer)
    return await asyncio.gather(*(party.examine(one) for one in connections))

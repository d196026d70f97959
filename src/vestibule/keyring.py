# SPDX-License-Identifier: Apache-2.0
"""A process's key ring at its start: checked against the database, and handed to what seals with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestibule.actions.connections.review_connections import list_stored
from vestibule.actions.keys.show_ring import find_key, show_ring
from vestibule.core.key_documents import Ring
from vestibule.core.keys import KeyRecord, KeyState, Purpose
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.identity.oidc import SecretSealer
from vestibule.log import get_logger
from vestibule.settings import Settings
from vestibule.storage.engine import make_engine
from vestibule.storage.runners import PlainRunner

if TYPE_CHECKING:
    from vestibule.ports import KeyProvider


def make_sealer(settings: Settings, provider: KeyProvider | None) -> SecretSealer:
    """What seals and opens the client secrets of connections, by the ring's ``connection`` keys."""

    def find(key_id: str) -> KeyRecord | None:
        # Once for each key in a process's life: no engine is kept for it.
        runner = PlainRunner(make_engine(settings.database_url))
        try:
            return runner.read(find_key, key_id)
        finally:
            runner.close()

    return SecretSealer(provider, find, allows_loopback=settings.is_development)


def check_ring(settings: Settings, provider: KeyProvider | None, sealer: SecretSealer) -> None:
    """The keys in use are this provider's and can be used, and open the client secrets that are stored.

    A store on this machine must be right now. A remote provider that does not answer is a state of the
    moment: it is logged, and what needs no key goes on.

    Raises:
        ConfigurationError: they are not, or can't.
    """
    runner = PlainRunner(make_engine(settings.database_url))
    try:
        ring, connections = runner.read(show_ring), runner.read(list_stored)
    finally:
        runner.close()
    try:
        if provider is not None:
            _check_keys(provider, sealer, ring)
        for connection in connections:
            sealer.open(connection)
    except KeyProviderError as error:
        if provider is None or provider.scheme == "file":
            raise ConfigurationError(
                "VESTIBULE_KEYRING", error.finding, "Restore the key's file from a backup: docs/keys.md"
            ) from None
        get_logger().error("key_provider_failed", purpose=Purpose.CONNECTION.value, problem=error.finding)


def _check_keys(provider: KeyProvider, sealer: SecretSealer, ring: Ring) -> None:
    from vestibule.keys.proving import prove_key  # noqa: PLC0415

    for key in ring.keys:
        state = key.state_at(ring.now)
        if state is KeyState.ACTIVE and key.provider != provider.scheme:
            raise ConfigurationError(
                "VESTIBULE_KEYRING",
                f"names {provider.scheme}, but key {key.key_id} ({key.purpose}) is with {key.provider}",
                "Name that provider, or rotate each purpose to this one: docs/keys.md",
            )
        if provider.scheme == "file" and state in (KeyState.ACTIVE, KeyState.PENDING):
            prove_key(provider, key)
    active = ring.find_active(Purpose.CONNECTION)
    if active is not None:
        sealer.warm(active)

# SPDX-License-Identifier: Apache-2.0
"""A process's key ring by its settings: opened, made where asked, checked against the database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vestibule.actions.connections.review_connections import list_stored
from vestibule.actions.keys.show_ring import find_key, show_ring
from vestibule.core.keys import KeyRecord, KeyState, Purpose
from vestibule.core.log.checkpoint import origin_of
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.identity.jwks import MAX_BYTES, KeySource
from vestibule.identity.leak_reporters import SETTING as LEAK_SETTING
from vestibule.identity.leak_reporters import parse_leak_keys
from vestibule.identity.oidc import SecretSealer
from vestibule.log import get_logger
from vestibule.settings import Settings
from vestibule.storage.engine import make_engine
from vestibule.storage.runners import PlainRunner
from vestibule.web.receipts import ReceiptDesk

if TYPE_CHECKING:
    from vestibule.keys.master import MasterKey
    from vestibule.ports import KeyProvider, Runner, UnitOfWork

SETTING = "VESTIBULE_KEYRING"
Result = TypeVar("Result")


def make_provider(settings: Settings) -> KeyProvider | None:
    """Who holds the private keys, guarded; None where KEYRING is not set.

    Raises:
        ConfigurationError: KEYRING or its secret can't be right, or an extra is not installed.
    """
    if not settings.keyring:
        return None
    from vestibule.keys.opening import open_provider  # noqa: PLC0415

    return open_provider(settings.keyring, lambda: read_master(settings))


def has_key_store(settings: Settings) -> bool:
    """Whether KEYRING names no directory, or one with a store in it, or the remains of one."""
    directory = Path(settings.keyring)
    is_there = directory.is_file() or (directory.is_dir() and any(directory.glob("*.json")))
    return is_there or ":" in settings.keyring


def make_receipt_desk(settings: Settings, runner: Runner) -> ReceiptDesk | None:
    """Who signs receipts; None where no key can be held in this process's memory.

    Raises:
        ConfigurationError: KEYRING does not open.
    """
    if not settings.keyring:
        return None
    from vestibule.keys.file import FileProvider  # noqa: PLC0415
    from vestibule.keys.opening import is_directory  # noqa: PLC0415

    if not is_directory(settings.keyring):
        return None
    store = FileProvider(Path(settings.keyring), read_master(settings))
    return ReceiptDesk(runner=runner, hold=store.hold, origin=origin_of(settings.public_url))


def make_leak_keys(settings: Settings) -> KeySource | None:
    """The public keys of who may report leaks; None where LEAK_KEYS is not set.

    Raises:
        ConfigurationError: they can't be read.
    """
    if not settings.leak_keys:
        return None
    try:
        if "://" not in settings.leak_keys:
            return parse_leak_keys(Path(settings.leak_keys).read_bytes()[: MAX_BYTES + 1])
        from vestibule.identity.fetched_keys import FetchedKeys, FetchPolicy  # noqa: PLC0415

        # Partners limit how often they are asked.
        policy = FetchPolicy(max_age=3600)
        return FetchedKeys(settings.leak_keys, parse=parse_leak_keys, policy=policy).start()
    except ConfigurationError as error:
        raise ConfigurationError(LEAK_SETTING, error.problem, error.remedy) from None
    except OSError as error:
        problem = f"can't be read ({type(error).__name__})"
        raise ConfigurationError(LEAK_SETTING, problem, "Name a readable file, or an address") from None


def make_key_store(settings: Settings) -> None:
    """An empty encrypted key store exists where KEYRING says.

    Raises:
        ConfigurationError: there is one already, it can't be made, or KEYRING names a service.
    """
    from vestibule.keys.master import create_store  # noqa: PLC0415
    from vestibule.keys.opening import is_directory  # noqa: PLC0415

    if not is_directory(settings.keyring):
        raise ConfigurationError("VESTIBULE_KEYRING", "names a service, not a directory", "Nothing to make")

    create_store(Path(settings.keyring), read_master(settings))


def read_master(settings: Settings) -> MasterKey:
    """What opens the encrypted key store: a setting, a file, or systemd's credential.

    Raises:
        ConfigurationError: there is none, or its file can't be used.
    """
    from vestibule.keys.master import MasterKey, read_secret_file  # noqa: PLC0415

    if settings.keyring_secret:
        return MasterKey(settings.keyring_secret)
    if settings.keyring_secret_file:
        return read_secret_file(Path(settings.keyring_secret_file))
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (path := Path(credentials) / "vestibule-keyring").exists():
        return read_secret_file(path)
    raise ConfigurationError(
        "VESTIBULE_KEYRING_SECRET", "is not set", "Make one with: openssl rand -base64 32"
    )


def make_sealer(settings: Settings, provider: KeyProvider | None) -> SecretSealer:
    """What seals and opens the client secrets of connections, by the ring's ``connection`` keys."""

    def find(key_id: str) -> KeyRecord | None:
        # Once for each key in a process's life: no engine is kept for it.
        return _read(settings, lambda uow: find_key(uow, key_id))

    return SecretSealer(provider, find, allows_loopback=settings.is_development)


def check_keys(settings: Settings, provider: KeyProvider | None, sealer: SecretSealer) -> None:
    """The keys in use are this provider's and can be used.

    A store on this machine must be right now. A remote provider that does not answer is a state of the
    moment: it is logged, and what needs no key goes on.

    Raises:
        ConfigurationError: they are not, or can't.
    """
    if provider is None:
        return
    ring = _read(settings, show_ring)
    with _judging(provider):
        for key in ring.keys:
            _check_key(provider, key, key.state_at(ring.now))
        active = ring.find_active(Purpose.CONNECTION)
        if active is not None:
            sealer.warm(active)


def check_secrets(settings: Settings, provider: KeyProvider | None, sealer: SecretSealer) -> None:
    """The ring opens the client secret of every connection that has one.

    Raises:
        ConfigurationError: it does not, or there is none.
    """
    with _judging(provider):
        for connection in _read(settings, list_stored):
            sealer.open(connection)


def _check_key(provider: KeyProvider, key: KeyRecord, state: KeyState) -> None:
    from vestibule.keys.proving import prove_key  # noqa: PLC0415

    if state is KeyState.ACTIVE and key.provider != provider.scheme:
        raise ConfigurationError(
            SETTING,
            f"names {provider.scheme}, but key {key.key_id} ({key.purpose}) is with {key.provider}",
            "Name that provider, or rotate each purpose to this one: docs/keys.md",
        )
    if provider.scheme == "file" and state in (KeyState.ACTIVE, KeyState.PENDING):
        prove_key(provider, key)


@contextmanager
def _judging(provider: KeyProvider | None) -> Iterator[None]:
    """What a provider can't do is a mistake of the operator's, where it is on this machine."""
    try:
        yield
    except KeyProviderError as error:
        if provider is None or provider.scheme == "file":
            raise ConfigurationError(
                SETTING, error.finding, "Restore the key's file from a backup: docs/keys.md"
            ) from None
        get_logger().error("key_provider_failed", purpose=Purpose.CONNECTION.value, problem=error.finding)


def _read(settings: Settings, action: Callable[[UnitOfWork], Result]) -> Result:
    runner = PlainRunner(make_engine(settings.database_url))
    try:
        return runner.read(action)
    finally:
        runner.close()

# SPDX-License-Identifier: Apache-2.0
"""What seals addresses in a process, at its start: settings, key ring and database must agree on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vestibule.actions.privacy.settle_sealing import find_kek, settle_sealing
from vestibule.errors import ConfigurationError, KeyProviderError
from vestibule.settings import Settings
from vestibule.storage.engine import make_engine
from vestibule.storage.runners import PlainRunner

if TYPE_CHECKING:
    from vestibule.keys.addresses import Kek, KeySealer
    from vestibule.ports import KeyProvider


def make_address_sealer(
    settings: Settings, open_ring: Callable[[], KeyProvider | None], *, decides: bool = True
) -> KeySealer | None:
    """What seals addresses in this database; None where they stand in plain, and then no ring is opened.

    Raises:
        ConfigurationError: ADDRESSES, KEYRING and what the database holds don't go together.
    """
    engine = make_engine(settings.database_url)
    runner = PlainRunner(engine)
    try:
        index = runner.run(
            settle_sealing,
            settings.addresses,
            has_ring=bool(settings.keyring),
            seals_by_default=engine.dialect.name == "postgresql",
            decides=decides,
        )
    finally:
        runner.close()
    if index is None or (provider := open_ring()) is None:
        return None
    from vestibule.keys.addresses import KeySealer  # noqa: PLC0415

    try:
        sealer = KeySealer(provider.open_secret(index), lambda key_id: _open_kek(settings, provider, key_id))
        sealer.kek_id()
    except KeyProviderError as error:
        raise ConfigurationError(
            "VESTIBULE_KEYRING",
            f"can't open the keys that seal the addresses: {error.finding}",
            "Give the key ring that this database was sealed with",
        ) from None
    return sealer


def _open_kek(settings: Settings, provider: KeyProvider, key_id: str | None) -> Kek:
    from vestibule.keys.addresses import Kek  # noqa: PLC0415

    # Seldom: no engine is kept for it.
    runner = PlainRunner(make_engine(settings.database_url))
    try:
        record = runner.read(find_kek, key_id)
    finally:
        runner.close()
    if record is None:
        raise KeyProviderError(f"no key kek {key_id or 'in use'}")
    return Kek(key_id=record.key_id, secret=provider.open_secret(record))

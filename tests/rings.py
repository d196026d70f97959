# SPDX-License-Identifier: Apache-2.0
"""Key rings for tests: a real encrypted store, opened by a key that needs no scrypt."""

from __future__ import annotations

import tempfile
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from tests.factories import make_context
from vestibule.actions.keys.turn_keys import create_key, draw_key
from vestibule.core.identity import HostKey
from vestibule.core.keys import KeyRecord, Purpose
from vestibule.identity.oidc import SecretSealer
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey, create_store
from vestibule.ports import KeyProvider
from vestibule.storage.runners import PlainRunner
from vestibule.storage.unit_of_work import Clock, system_clock

MASTER = b64encode(bytes(range(32))).decode()
OTHER_MASTER = b64encode(bytes(32)).decode()


def make_store(directory: Path) -> FileProvider:
    """A new, empty store in *directory*."""
    create_store(directory, MasterKey(MASTER))
    return FileProvider(directory, MasterKey(MASTER))


def name_store(directory: Path) -> dict[str, str]:
    """The settings of the store in *directory*."""
    return {"KEYRING": str(directory), "KEYRING_SECRET": MASTER}


def open_store(directory: Path) -> dict[str, str]:
    """The settings of a store in *directory*, made empty where there is none; addresses stay plain."""
    if not directory.exists():
        make_store(directory)
    return {**name_store(directory), "ADDRESSES": "plain"}


def fill_ring(
    engine: sa.Engine, provider: KeyProvider, *, clock: Clock = system_clock
) -> dict[str, KeyRecord]:
    """Every purpose's first key, by purpose."""
    runner = PlainRunner(engine, clock=clock)
    about = {"provider": provider, "context": make_context()}
    return {
        purpose.value: runner.run(create_key, HostKey(key_id="host"), purpose.value, **about)  # type: ignore[arg-type]
        for purpose in Purpose
    }


def make_sealer(*, allows_loopback: bool = False) -> tuple[SecretSealer, KeyRecord]:
    """A sealer with a store of its own, and the key that it seals with."""
    with tempfile.TemporaryDirectory() as name:
        provider = make_store(Path(name) / "ring")
        key = draw_key(provider, Purpose.CONNECTION, datetime.now(UTC))
        sealer = SecretSealer(provider, {key.key_id: key}.get, allows_loopback=allows_loopback)
        # Opened once and kept: the store may go.
        sealer.warm(key)
    return sealer, key

# SPDX-License-Identifier: Apache-2.0
"""Keys that seal addresses, for tests without a ring; and whether the suites run sealed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rings import MASTER
from vestibule.actions.keys.turn_keys import create_key
from vestibule.bootstrap import build_plain_runner
from vestibule.core.identity import HostKey, RequestContext
from vestibule.keyring import make_key_store, make_provider
from vestibule.keys.addresses import Kek, KeySealer
from vestibule.settings import Settings

# Set it to run the suites of storage and actions with sealed addresses.
IS_SEALED = bool(os.environ.get("VESTIBULE_TEST_SEALED"))
# For tests that write or read rows by hand, as they stand where addresses are plain.
about_plain_rows = pytest.mark.skipif(IS_SEALED, reason="it is about plain rows")
INDEX_ROOT = bytes(range(32))


class Keks:
    """Keys by id; the last one wraps."""

    def __init__(self) -> None:
        self.known = {"kek-1": Kek(key_id="kek-1", secret=bytes([1]) * 32)}
        self.asked: list[str | None] = []

    def rotate(self) -> str:
        number = len(self.known) + 1
        self.known[f"kek-{number}"] = Kek(key_id=f"kek-{number}", secret=bytes([number]) * 32)
        return f"kek-{number}"

    def __call__(self, key_id: str | None) -> Kek:
        self.asked.append(key_id)
        return self.known[key_id or list(self.known)[-1]]


def make_sealer(keks: Keks | None = None, *, root: bytes = INDEX_ROOT, fresh_for: float = 0) -> KeySealer:
    return KeySealer(root, keks or Keks(), fresh_for=fresh_for)


def find_sealer() -> KeySealer | None:
    """What the lanes seal with, by the environment of this run."""
    return make_sealer() if IS_SEALED else None


def make_ring(settings: Settings, directory: Path) -> Settings:
    """A key ring with what sealing needs; settings that name it."""
    ringed = replace(settings, keyring=str(directory), keyring_secret=MASTER, addresses="plain")
    make_key_store(ringed)
    provider = make_provider(ringed)
    assert provider is not None
    runner = build_plain_runner(ringed)
    for purpose in ("kek", "blind-index"):
        runner.run(
            create_key,
            HostKey(key_id="test"),
            purpose,
            provider=provider,
            context=RequestContext(correlation_id="test"),
        )
    runner.close()
    return replace(ringed, addresses=settings.addresses)

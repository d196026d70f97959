# SPDX-License-Identifier: Apache-2.0
"""The demonstration's own key store, beside its database, with its secret: for looking only."""

from __future__ import annotations

from pathlib import Path

from vestibule.actions.keys.show_ring import show_ring
from vestibule.actions.keys.turn_keys import create_key
from vestibule.bootstrap import build_plain_runner
from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.keys import Purpose
from vestibule.core.token import mint_id, mint_secret
from vestibule.keyring import has_key_store, make_key_store, make_provider
from vestibule.settings import Settings

_FILE = "keyring-secret"
_DEMO = HostKey(key_id="demo")


def read_secret(folder: Path) -> str:
    """What opens the store: from an earlier run in this *folder*, or new."""
    kept = folder / _FILE
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(mint_secret("") + "\n", encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()


def make_keys(settings: Settings) -> None:
    """The store is there, and a key in use for every purpose."""
    if not has_key_store(settings):
        make_key_store(settings)
    provider = make_provider(settings)
    runner = build_plain_runner(settings, opens_addresses=False)
    context = RequestContext(correlation_id=mint_id(), source="cli")
    try:
        ring = runner.read(show_ring)
        for purpose in Purpose:
            if provider is not None and ring.find_active(purpose) is None:
                runner.run(create_key, _DEMO, purpose, provider=provider, context=context)
    finally:
        runner.close()

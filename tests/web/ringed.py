# SPDX-License-Identifier: Apache-2.0
"""A running service with a key ring, and what its operator does to the keys."""

from __future__ import annotations

import base64
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.web.harness import PUBLIC_URL, World
from vestibule.actions.keys.turn_keys import compromise_key, create_key, rotate_key
from vestibule.core.envelope import EnvelopeOrder, mint_envelope
from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.keys import KeyRecord, KeySchedule
from vestibule.keys.master import MasterKey, create_store
from vestibule.ports import KeyProvider, UnitOfWork
from vestibule.storage.runners import PlainRunner

SECRET = b64encode(bytes(range(32))).decode()
OPERATOR = HostKey(key_id="operator")
CONTEXT = RequestContext(correlation_id="ring")
_GRACE = KeySchedule().verify_for
T = TypeVar("T")


class Ring:
    """The operator's side of one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def provider(self) -> KeyProvider:
        assert self.world.deployment.provider is not None
        return self.world.deployment.provider

    def do(self, action: Callable[[UnitOfWork], T]) -> T:
        return PlainRunner(self.world.engine).run(action)

    def create(self, purpose: str = "claim") -> KeyRecord:
        return self.do(
            lambda uow: create_key(uow, OPERATOR, purpose, provider=self.provider, context=CONTEXT)
        )

    def rotate(self, *, verify_for: timedelta = _GRACE) -> KeyRecord:
        schedule = KeySchedule(verify_for=verify_for)
        return self.do(
            lambda uow: rotate_key(
                uow,
                OPERATOR,
                "claim",
                provider=self.provider,
                schedule=schedule,
                at_once=True,
                context=CONTEXT,
            )
        )

    def compromise(self, key_id: str) -> None:
        self.do(
            lambda uow: compromise_key(
                uow, OPERATOR, key_id, "stolen", provider=self.provider, context=CONTEXT
            )
        )

    def active(self, purpose: str = "claim") -> KeyRecord:
        found = self.do(lambda uow: uow.keys.find_active(purpose))
        assert found is not None
        return found

    def forge(self, key: KeyRecord, *, issued_at: Any, expires_at: Any) -> str:
        """A perfect token with the stolen private key, around a secret that no record has."""
        order = EnvelopeOrder(key=key, issued_at=issued_at, expires_at=expires_at)
        envelope = mint_envelope(order, PUBLIC_URL)
        return envelope.close(self.provider.sign(key, envelope.signing_input)).reveal()


def ring_settings(directory: Path) -> Mapping[str, str]:
    """Settings that name a fresh key store."""
    create_store(directory / "ring", MasterKey(SECRET))
    return {"KEYRING": str(directory / "ring"), "KEYRING_SECRET": SECRET}


def read_parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, as anybody may read them."""
    head, claims, _ = token.split(".")
    parts = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, claims)]
    return parts[0], parts[1]

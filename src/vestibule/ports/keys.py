# SPDX-License-Identifier: Apache-2.0
"""Keys: where their records are, and who holds their private halves (TOK-05)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.core.keys import Algorithm, KeyRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidedKey:
    """What a provider tells of a key that it has just made."""

    reference: str
    public_key: bytes | None


class KeyProvider(Protocol):
    """Makes and uses private keys. Every method raises KeyProviderError when it can't answer."""

    @property
    def scheme(self) -> str:
        """``file``, ``aws-kms``, ``pkcs11``."""

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        """What it can make."""

    @property
    def signing(self) -> Algorithm:
        """What it signs with: Ed25519 where it can, else ES256."""

    def create(self, key_id: str, purpose: str, algorithm: Algorithm) -> ProvidedKey:
        """A new private key exists; bound to its id, purpose and algorithm."""

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        """64 bytes: Ed25519, or ES256 as raw ``r || s``."""

    def open_secret(self, key: KeyRecord) -> bytes:
        """The 32 bytes of a SECRET key, for use in memory."""

    def blind_sign(self, key: KeyRecord, blinded: bytes) -> bytes:
        """RFC 9474 BlindSign with an RSABSSA key, its result checked."""

    def destroy(self, key: KeyRecord) -> None:
        """The private half is gone, or can't be used any more. Twice is no fault."""

    def examine(self) -> Sequence[str]:
        """What is wrong with the provider, as sentences for the operator; nothing when all is well."""


class Signatures(Protocol):
    """Checks signatures with public halves. It asks nobody, so it never waits."""

    def verify(self, key: KeyRecord, data: bytes, signature: bytes) -> bool:
        """Did the private half of *key* sign *data*?"""


class Keys(Protocol):
    """The records of keys. What is listed comes by purpose, the oldest first."""

    def add(self, key: KeyRecord) -> None:
        """Pending. Raises KeyStateError where the purpose has a pending key already."""

    def find(self, key_id: str) -> KeyRecord | None: ...

    def find_active(self, purpose: str) -> KeyRecord | None:
        """The one that signs."""

    def find_pending(self, purpose: str) -> KeyRecord | None:
        """The one that comes next."""

    def list_all(self) -> Sequence[KeyRecord]: ...

    def lock(self, purpose: str) -> None:
        """Nobody else changes the keys of *purpose* until this unit of work is over."""

    def activate(self, key_id: str, *, event_id: str) -> bool:
        """Pending becomes active; False when it was not pending."""

    def replace(self, key_id: str, *, verify_until: datetime) -> bool:
        """Active becomes verify-only; False when it was not active."""

    def compromise(self, key_id: str, *, event_id: str) -> bool:
        """False when it was compromised before."""

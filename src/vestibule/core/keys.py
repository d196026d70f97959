# SPDX-License-Identifier: Apache-2.0
"""Versioned keys by purpose, and what each state allows (TOK-04, CRYPTO.md 2.2, NIST SP 800-57).

A state is derived from timestamps and the database's clock, never stored. The private half is the
provider's affair; what stands here may be published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vestibule.core.token import mint_id


class Algorithm(StrEnum):
    """One to a key for its whole life; no header of a token chooses (RFC 8725, 3.1)."""

    ED25519 = "Ed25519"
    ES256 = "ES256"
    RSABSSA = "RSABSSA-SHA384"
    SECRET = "secret-256"  # noqa: S105 - the name of an algorithm: 32 bytes for AES-256-GCM or HMAC-SHA256


class Purpose(StrEnum):
    """Separate keys, never shared. Anonymous events have one of their own each: ``blind:<event>``."""

    CLAIM = "claim"
    CHECKPOINT = "checkpoint"
    RECEIPT = "receipt"
    SCHEDULE = "schedule"
    KEK = "kek"
    BLIND_INDEX = "blind-index"
    CONNECTION = "connection"


BLIND_PREFIX = "blind:"
SIGNING = frozenset({Purpose.CLAIM, Purpose.CHECKPOINT, Purpose.RECEIPT, Purpose.SCHEDULE})


class KeyState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    VERIFY_ONLY = "verify_only"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchedule:
    """How long what lasts. A key must outlive its longest token, and be known before it is used."""

    publish_ahead: timedelta = timedelta(hours=24)
    rotate_every: timedelta = timedelta(days=90)
    verify_for: timedelta = timedelta(days=30)
    leeway: timedelta = timedelta(seconds=60)
    max_age: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One version of one purpose's key, without its private half.

    ``reference`` is the provider's own handle and is not published; ``public_key`` is DER
    (SubjectPublicKeyInfo), None for a secret.
    """

    key_id: str
    purpose: str
    algorithm: Algorithm
    provider: str
    reference: str
    public_key: bytes | None
    created_at: datetime
    active_at: datetime | None = None
    replaced_at: datetime | None = None
    verify_until: datetime | None = None
    compromised_at: datetime | None = None

    def state_at(self, now: datetime) -> KeyState:
        if self.compromised_at is not None:
            return KeyState.COMPROMISED
        if self.active_at is None:
            return KeyState.PENDING
        if self.replaced_at is None:
            return KeyState.ACTIVE
        if self.verify_until is not None and now < self.verify_until:
            return KeyState.VERIFY_ONLY
        return KeyState.RETIRED

    def is_published(self, now: datetime) -> bool:
        """Stands in the key set that verifiers fetch."""
        return self.public_key is not None and self.state_at(now) in (
            KeyState.PENDING,
            KeyState.ACTIVE,
            KeyState.VERIFY_ONLY,
        )

    def verifies(self, now: datetime, *, issued_at: datetime, leeway: timedelta) -> bool:
        """Does a signature over something issued at *issued_at* count now?"""
        if not self.is_published(now):
            return False
        return self.replaced_at is None or issued_at <= self.replaced_at + leeway


def algorithm_of(purpose: str, signing: Algorithm = Algorithm.ED25519) -> Algorithm:
    """What a key of *purpose* is; *signing* is what the provider signs with."""
    if purpose.startswith(BLIND_PREFIX):
        return Algorithm.RSABSSA
    return signing if purpose in SIGNING else Algorithm.SECRET


def mint_key_id() -> str:
    """A random key id: no date, no counter."""
    return mint_id().replace("-", "")

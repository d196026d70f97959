# SPDX-License-Identifier: Apache-2.0
"""Versioned keys by purpose, and what each state allows (TOK-04, CRYPTO.md 2.2, NIST SP 800-57).

A state is derived from timestamps and the database's clock, never stored. The private half is the
provider's affair; what stands here may be published.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class Turn(StrEnum):
    """What is due for a purpose."""

    NOTHING = "nothing"
    CREATE = "create"
    ACTIVATE = "activate"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchedule:
    """How long what lasts. A key must outlive its longest token, and be known before it is used.

    ``rotating`` are the purposes whose keys the worker rotates by itself. ``document_lasts`` is how long a
    signed schedule counts (it is signed anew when half of that has gone), ``reread`` how old the ring that
    is shown may be, ``blind_listed`` how many events' keys stand in the key set, the newest.
    """

    publish_ahead: timedelta = timedelta(hours=24)
    rotate_every: timedelta = timedelta(days=90)
    verify_for: timedelta = timedelta(days=30)
    leeway: timedelta = timedelta(seconds=60)
    max_age: timedelta = timedelta(minutes=10)
    stale_if_error: timedelta = timedelta(hours=24)
    document_lasts: timedelta = timedelta(hours=72)
    reread: timedelta = timedelta(seconds=5)
    blind_listed: int = 32
    rotating: frozenset[str] = frozenset({Purpose.CLAIM, Purpose.RECEIPT, Purpose.SCHEDULE})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One version of one purpose's key, without its private half.

    ``reference`` is the provider's own handle and is not published; ``public_key`` is DER
    (SubjectPublicKeyInfo), None for a secret. The ids are those of the audit events that tell of it.
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
    created_event_id: str | None = None
    activated_event_id: str | None = None
    compromised_event_id: str | None = None

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
        """Verifiers may count on it."""
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


def judge_turn(keys: Sequence[KeyRecord], now: datetime, schedule: KeySchedule) -> Turn:
    """What is due for the purpose whose *keys* these are.

    One that was given up without a successor gets one at once; a purpose that never had a key gets none.
    """
    states = {key.state_at(now): key for key in keys}
    active, pending = states.get(KeyState.ACTIVE), states.get(KeyState.PENDING)
    if active is None or active.active_at is None:
        if not keys or keys[0].purpose.startswith(BLIND_PREFIX):
            return Turn.NOTHING
        return Turn.CREATE if pending is None else Turn.ACTIVATE
    if active.purpose not in schedule.rotating:
        return Turn.NOTHING
    due_at = active.active_at + schedule.rotate_every
    if pending is None:
        return Turn.CREATE if now >= due_at - schedule.publish_ahead else Turn.NOTHING
    is_known = now >= pending.created_at + schedule.publish_ahead
    return Turn.ACTIVATE if now >= due_at and is_known else Turn.NOTHING


def algorithm_of(purpose: str, signing: Algorithm = Algorithm.ED25519) -> Algorithm:
    """What a key of *purpose* is; *signing* is what the provider signs with."""
    if purpose.startswith(BLIND_PREFIX):
        return Algorithm.RSABSSA
    return signing if purpose in SIGNING else Algorithm.SECRET


def mint_key_id() -> str:
    """A random key id: no date, no counter."""
    return mint_id().replace("-", "")

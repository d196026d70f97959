# SPDX-License-Identifier: Apache-2.0
"""Anonymous events: who is invited is known, which invited person redeemed a code is not (TOK-07).

Each event is a resource of its tenant, and an invitation grants a role on it as on any other resource.
Whoever holds that grant may have one message signed blindly, with the event's own key. A code is that message
with its unblinded signature; redeeming it asks for nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from vestibule.core.blinding import PREFIX_BYTES, is_valid, read_public_key
from vestibule.core.keys import BLIND_PREFIX
from vestibule.core.naming import check_name
from vestibule.errors import FieldFault, InvalidRequestError

RESOURCE_PREFIX = "anonymous:"
NAME_MAX = 100
CONTEXT = "event:"
State = Literal["collecting", "open", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymityRules:
    """How small a crowd may be, and how long an event may last.

    Redeeming begins when ``min_set_size`` codes have been issued, unless the event says another number.
    """

    min_set_size: int = 20
    smallest_set: int = 2
    largest_set: int = 1_000_000
    longest: timedelta = timedelta(days=366)


RULES = AnonymityRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousEventDraft:
    """What an administrator says about one. *opens_at*: redeeming begins then, however few have a code."""

    name: str
    closes_at: datetime
    opens_at: datetime | None = None
    min_set_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousEvent:
    """An event with its numbers; there is nothing else to know of its redemptions."""

    event_id: str
    tenant_id: str
    name: str
    key_id: str
    min_set_size: int
    created_at: datetime
    closes_at: datetime
    opens_at: datetime | None = None
    closed_at: datetime | None = None
    issued_count: int = 0
    redeemed_count: int = 0

    @property
    def resource_id(self) -> str:
        """What an invitation names to let somebody have a code."""
        return RESOURCE_PREFIX + self.event_id

    def state_at(self, now: datetime) -> State:
        if self.closed_at is not None or now >= self.closes_at:
            return "closed"
        is_crowded = self.issued_count >= self.min_set_size
        is_due = self.opens_at is not None and now >= self.opens_at
        return "open" if is_crowded or is_due else "collecting"


def check_draft(draft: AnonymousEventDraft, now: datetime, rules: AnonymityRules = RULES) -> None:
    """Such an event can be held.

    Raises:
        InvalidRequestError: it can't; with a pointer to each field.
    """
    check_name("/name", draft.name, NAME_MAX)
    faults = []
    if not now < draft.closes_at <= now + rules.longest:
        faults.append(FieldFault("/closes_at", f"Give a time within {rules.longest.days} days from now."))
    if draft.opens_at is not None and draft.opens_at >= draft.closes_at:
        faults.append(FieldFault("/opens_at", "Give a time before closes_at."))
    size = draft.min_set_size
    if size is not None and not rules.smallest_set <= size <= rules.largest_set:
        told = f"Give a whole number from {rules.smallest_set} to {rules.largest_set}."
        faults.append(FieldFault("/min_set_size", told))
    if faults:
        raise InvalidRequestError(*faults)


def purpose_of(event_id: str) -> str:
    """The purpose of the one key of an event; no other event's key is ever of it."""
    return BLIND_PREFIX + event_id


def event_in(resource_id: str) -> str | None:
    """The event that a resource stands for, if it does."""
    return resource_id.removeprefix(RESOURCE_PREFIX) if resource_id.startswith(RESOURCE_PREFIX) else None


def thumbprint(public_key: bytes) -> str:
    """How people compare keys: SHA-256 of the DER, in hexadecimal digits."""
    return hashlib.sha256(public_key).hexdigest()


def message_of(event_id: str, prefix: bytes) -> bytes:
    """What is signed: *prefix*, 32 random bytes, and the event's name."""
    return prefix + (CONTEXT + event_id).encode()


def is_code(event_id: str, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the event's key has signed *message*, and it is one of that event's."""
    if message != message_of(event_id, message[:PREFIX_BYTES]) or len(message) < PREFIX_BYTES:
        return False
    return is_valid(read_public_key(public_key), message, signature)


def check_blinded(public_key: bytes, blinded: bytes) -> None:
    """The signer can sign it.

    Raises:
        InvalidRequestError: it is no blinded message for this key.
    """
    key = read_public_key(public_key)
    if len(blinded) != key.size or int.from_bytes(blinded, "big") >= key.n:
        raise InvalidRequestError(FieldFault("/blinded", "Give a message blinded for this event's key."))

# SPDX-License-Identifier: Apache-2.0
"""Load the snapshot, settle the claim: what stands behind accepting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.core.binding import Decision, Grant, Snapshot
from vestibule.core.email import EmailAddress
from vestibule.core.event import EventRecord
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.limits import Hit
from vestibule.core.message import OutboxMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimKey:
    """How a claim names its grant: by the hash of the link's token, or by id among one's own."""

    claim_token_hash: bytes | None = None
    invitation_id: str | None = None

    @property
    def subject(self) -> str:
        """What a wrong try on this grant is counted under."""
        return self.invitation_id if self.invitation_id is not None else (self.claim_token_hash or b"").hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One accepted claim, ready to be written as a whole."""

    key: ClaimKey
    now: datetime
    grant: Grant
    decision: Decision
    identity: VerifiedIdentity
    holds_seat: bool
    existing_role: str | None
    seat_shard: int | None
    event: EventRecord
    notice: OutboxMessage

    @property
    def longest(self) -> int | None:
        """Seconds that policy allows a membership with this role to last, as of now."""
        return self.grant.policy.rule_of(self.grant.role).grant_max

    @property
    def ends_at(self) -> datetime | None:
        """The end of the tenant's event: nothing that is granted outlives it."""
        event = self.grant.policy.event
        return None if event is None else event.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStamp:
    """Who and which request, for events that a statement writes by itself."""

    actor_id: str
    correlation_id: str
    source: str


class Claims(Protocol):
    """The two operations behind accepting (DESIGN.md section 3)."""

    def load(self, key: ClaimKey, principal_id: str, shown: Sequence[EmailAddress] = ()) -> Snapshot:
        """Everything a decision needs: one statement, the same for a known and an unknown link.

        Where a tenant keeps no addresses, the invited one is known only if it is among *shown*.
        """

    def settle_accept(self, settlement: Settlement) -> datetime | None:
        """Consume, membership, seat, audit and outbox as one logical write; None when the race was lost.

        The time is that of the event, exactly.
        """

    def settle_decline(self, settlement: Settlement) -> bool:
        """The same without membership and seat."""

    def settle_refusal(self, hits: Sequence[Hit], event: EventRecord | None) -> int | None:
        """Count a wrong try and write its event; seconds to wait when a limit is exceeded (then no event)."""

    def bind(self, grant: Grant, principal_id: str, event: EventRecord) -> bool:
        """The still pending grant is this principal's from now on; False when it is somebody's already."""

    def release_stale_seats(self, tenant_id: str, stamp: EventStamp) -> int:
        """Free the seats of what the clock has ended and no sweeper has recorded yet; how many."""


class ClaimUnit(Protocol):
    """What preview, accept and decline need: claims, and a commit."""

    claims: Claims

    def commit(self) -> None: ...

# SPDX-License-Identifier: Apache-2.0
"""Claims where the membership table is the host's (INT-02): same snapshot, same settlement, its rows.

The host's rows are read and written inside the same transaction, so accept stays one act.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from vestibule.core.binding import Grant, Snapshot
from vestibule.core.email import EmailAddress
from vestibule.core.event import EventRecord
from vestibule.core.limits import Hit
from vestibule.core.policy import NOTHING, load_policy
from vestibule.core.tenant import Membership
from vestibule.ports import ClaimKey, Claims, EventStamp, Members, Settlement
from vestibule.storage.deployment import BASE_POLICY
from vestibule.storage.filters import is_open
from vestibule.storage.schema import invitations, tenants


class HostTable(Members, Protocol):
    """The host's members, and how many of them cost a seat."""

    def count(self, tenant_id: str) -> int: ...


class HostSeats:
    """Seats where the host's table is what is counted: its rows, and our reservations still in force."""

    def __init__(self, connection: sa.Connection, members: HostTable, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._members = members
        self._now = now

    def has_free(self, tenant_id: str, *, locked: bool) -> bool:
        query = sa.select(tenants.c.policy, BASE_POLICY).where(tenants.c.tenant_id == tenant_id)
        if locked:
            # The lock that two who hold the row in share mode can still ask for, one after the other.
            query = query.with_for_update(key_share=True)
        own, base = self._connection.execute(query).one()
        limit = load_policy(base or NOTHING, own).seat_limit
        if limit is None:
            return True
        reserved = sa.select(sa.func.count()).where(
            invitations.c.tenant_id == tenant_id,
            is_open(),
            invitations.c.has_reservation,
            invitations.c.expires_at > self._now(),
        )
        taken = self._connection.execute(reserved).scalar_one()
        return taken + self._members.count(tenant_id) < limit


class HostClaims:
    """Implements ``ports.Claims`` over our own claims and the host's members."""

    def __init__(self, claims: Claims, members: Members, seats: HostSeats) -> None:
        self._claims = claims
        self._members = members
        self._seats = seats

    def load(self, key: ClaimKey, principal_id: str, shown: Sequence[EmailAddress] = ()) -> Snapshot:
        snapshot = self._claims.load(key, principal_id, shown)
        if snapshot.grant is None:
            return snapshot
        grant = snapshot.grant
        inviter = self._members.find(grant.tenant_id, grant.inviter_principal_id)
        existing = self._members.find(grant.tenant_id, principal_id)
        inviter_role = inviter.role if inviter is not None and inviter.is_in_force(snapshot.now) else None
        is_member = existing is not None and existing.is_in_force(snapshot.now)
        is_limited = grant.policy.seat_limit is not None
        has_seat = is_limited and self._seats.has_free(grant.tenant_id, locked=False)
        return replace(
            snapshot,
            grant=replace(grant, inviter_role=inviter_role),
            existing_role=existing.role if existing is not None and is_member else None,
            existing_ends=existing is not None and existing.expires_at is not None,
            holds_seat=existing is not None,
            seat_shard=0 if has_seat else None,
        )

    def settle_accept(self, settlement: Settlement) -> datetime | None:
        grant = settlement.grant
        needs_seat = not settlement.holds_seat and not grant.has_reservation
        is_limited = grant.policy.seat_limit is not None
        if is_limited and needs_seat and not self._seats.has_free(grant.tenant_id, locked=True):
            return None
        # Our own ledger counts nothing here; the host's rows and the reservations are what is counted.
        uncounted = replace(settlement, grant=replace(grant, policy=replace(grant.policy, seat_limit=None)))
        settled_at = self._claims.settle_accept(uncounted)
        if settled_at is None:
            return None
        if not settlement.decision.keeps_role or settlement.decision.extends:
            self._members.put(_membership(settlement))
        return settled_at

    def settle_decline(self, settlement: Settlement) -> bool:
        grant = settlement.grant
        return self._claims.settle_decline(
            replace(settlement, grant=replace(grant, policy=replace(grant.policy, seat_limit=None)))
        )

    def settle_refusal(self, hits: Sequence[Hit], event: EventRecord | None) -> int | None:
        return self._claims.settle_refusal(hits, event)

    def bind(self, grant: Grant, principal_id: str, event: EventRecord) -> bool:
        return self._claims.bind(grant, principal_id, event)

    def release_stale_seats(self, tenant_id: str, stamp: EventStamp) -> int:
        return self._claims.release_stale_seats(tenant_id, stamp)


def _membership(settlement: Settlement) -> Membership:
    grant, identity, now = settlement.grant, settlement.identity, settlement.now
    seconds = grant.membership_expires_in
    return Membership(
        tenant_id=grant.tenant_id,
        principal_id=identity.principal_id,
        role=grant.role,
        created_at=now,
        email=grant.invited_email.key,
        name=identity.name,
        expires_at=None if seconds is None else now + timedelta(seconds=seconds),
        invitation_id=grant.invitation_id,
    )

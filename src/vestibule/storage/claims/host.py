# SPDX-License-Identifier: Apache-2.0
"""Claims where the membership table is the host's (INT-02): same snapshot, same settlement, its rows.

The host's rows are read and written inside the same transaction, so accept stays one act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from vestibule.core.binding import Snapshot
from vestibule.core.event import EventRecord
from vestibule.core.limits import Hit
from vestibule.core.tenant import Membership
from vestibule.ports import ClaimKey, Claims, EventStamp, Members, Settlement


class HostClaims:
    """Implements ``ports.Claims`` over our own claims and the host's members."""

    def __init__(self, claims: Claims, members: Members) -> None:
        self._claims = claims
        self._members = members

    def load(self, key: ClaimKey, principal_id: str) -> Snapshot:
        snapshot = self._claims.load(key, principal_id)
        if snapshot.grant is None:
            return snapshot
        grant = snapshot.grant
        inviter = self._members.find(grant.tenant_id, grant.inviter_principal_id)
        existing = self._members.find(grant.tenant_id, principal_id)
        inviter_role = inviter.role if inviter is not None and inviter.is_in_force(snapshot.now) else None
        is_member = existing is not None and existing.is_in_force(snapshot.now)
        return replace(
            snapshot,
            grant=replace(grant, inviter_role=inviter_role),
            existing_role=existing.role if existing is not None and is_member else None,
            holds_seat=existing is not None,
        )

    def settle_accept(self, settlement: Settlement) -> bool:
        if not self._claims.settle_accept(settlement):
            return False
        if not settlement.decision.keeps_role:
            self._members.put(_membership(settlement))
        return True

    def settle_decline(self, settlement: Settlement) -> bool:
        return self._claims.settle_decline(settlement)

    def settle_refusal(self, hits: Sequence[Hit], event: EventRecord | None) -> int | None:
        return self._claims.settle_refusal(hits, event)

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

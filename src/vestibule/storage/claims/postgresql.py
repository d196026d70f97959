# SPDX-License-Identifier: Apache-2.0
"""Claims on PostgreSQL: load and settle, one round trip each, on either lane."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vestibule.core.binding import Grant, Snapshot
from vestibule.core.email import EmailAddress
from vestibule.core.event import EventRecord
from vestibule.core.limits import Hit
from vestibule.core.message import dump_message
from vestibule.core.privacy import EVERYWHERE
from vestibule.core.token import mint_id
from vestibule.ports import ClaimKey, EventStamp, Settlement
from vestibule.ports.privacy import AddressSealer
from vestibule.storage.claims.postgresql_sql import (
    BIND,
    RELEASE_STALE,
    SETTLE_ACCEPT,
    SETTLE_DECLINE,
    SETTLE_MORE,
    SETTLE_REFUSAL,
)
from vestibule.storage.claims.settlement import rule_values, seat_change, seat_return
from vestibule.storage.claims.snapshot import LOAD_BY_HASH, LOAD_BY_ID, read_snapshot
from vestibule.storage.hot import Lane
from vestibule.storage.schema import from_milliseconds, to_milliseconds


class PostgresqlClaims:
    """Implements ``ports.Claims``. With *own_members* false the membership table is the host's."""

    def __init__(self, lane: Lane, *, own_members: bool = True, sealer: AddressSealer | None = None) -> None:
        self._lane = lane
        self._sealer = sealer
        self._own_members = own_members

    def load(self, key: ClaimKey, principal_id: str, shown: Sequence[EmailAddress] = ()) -> Snapshot:
        values: dict[str, Any] = {"principal_id": principal_id, "spread": sum(principal_id.encode()) % 8}
        if key.invitation_id is not None:
            row = self._lane.fetch(LOAD_BY_ID, values | {"invitation_id": key.invitation_id})
        else:
            row = self._lane.fetch(LOAD_BY_HASH, values | {"claim_token_hash": key.claim_token_hash})
        return read_snapshot(row, self._sealer, shown)

    def settle_accept(self, settlement: Settlement) -> datetime | None:
        identity = settlement.identity
        shard, change = seat_change(settlement)
        values = self._values(settlement) | {
            "principal_name": identity.name,
            **self._remember([address.key for address in identity.lasting_addresses]),
            "seat_shard": shard,
            "seat_change": change,
            "holds_seat": settlement.holds_seat,
            "writes_member": self._own_members and not settlement.decision.keeps_role,
            "longest": settlement.longest,
            "ends_ms": None if settlement.ends_at is None else to_milliseconds(settlement.ends_at),
        }
        size, extends = len(settlement.grant.bundle), self._own_members and settlement.decision.extends
        if size or extends:
            more = {"bundle_size": size, "extends": extends}
            row = self._lane.fetch(SETTLE_MORE, values | more)
        else:
            row = self._lane.fetch(SETTLE_ACCEPT, values)
        return from_milliseconds(row[1]) if row[0] else None

    def settle_decline(self, settlement: Settlement) -> bool:
        shard, change = seat_return(settlement)
        values = self._values(settlement) | {"seat_shard": shard, "seat_change": change}
        return bool(self._lane.fetch(SETTLE_DECLINE, values)[0])

    def settle_refusal(self, hits: Sequence[Hit], event: EventRecord | None) -> int | None:
        asked = [{"key": h.key.hex(), "step": h.limit.interval_ms, "span": h.limit.window_ms} for h in hits]
        values = {
            "hits": json.dumps(asked),
            "event_id": event and event.event_id,
            "tenant_id": event and event.tenant_id,
            "invitation_id": event and event.invitation_id,
            "event_kind": event and event.kind,
            "actor_id": event and event.actor_id,
            "correlation_id": event and event.correlation_id,
            "source": event and event.source,
            "event_body": event and event.body,
        }
        wait: int | None = self._lane.fetch(SETTLE_REFUSAL, values)[0]
        return wait

    def bind(self, grant: Grant, principal_id: str, event: EventRecord) -> bool:
        values = {
            "principal_id": principal_id,
            "invitation_id": grant.invitation_id,
            "event_id": event.event_id,
            "event_kind": event.kind,
            "actor_id": event.actor_id,
            "correlation_id": event.correlation_id,
            "source": event.source,
            "event_body": event.body,
        }
        return bool(self._lane.fetch(BIND, values)[0])

    def release_stale_seats(self, tenant_id: str, stamp: EventStamp) -> int:
        values = {
            "tenant_id": tenant_id,
            "actor_id": stamp.actor_id,
            "correlation_id": stamp.correlation_id,
            "source": stamp.source,
        }
        return int(self._lane.fetch(RELEASE_STALE, values)[0])

    def _remember(self, addresses: Sequence[str]) -> dict[str, str]:
        if self._sealer is None:
            return {"addresses": json.dumps(addresses), "subjects": "[]"}
        made = [self._sealer.make_subject(EVERYWHERE, one) for one in addresses]
        rows = [
            {
                "subject": one.subject,
                "kek_id": one.kek_id,
                "wrapped_key": one.wrapped_key,
                "sealed": one.sealed,
            }
            for one in made
        ]
        return {"addresses": json.dumps([one.subject for one in made]), "subjects": json.dumps(rows)}

    def _values(self, settlement: Settlement) -> dict[str, Any]:
        grant, event = settlement.grant, settlement.event
        return {
            "tenant_id": grant.tenant_id,
            "policy_version": grant.policy_version,
            "base_version": grant.base_version,
            "invitation_id": grant.invitation_id,
            "generation": grant.generation,
            "claim_token_hash": settlement.key.claim_token_hash,
            "checks_inviter": self._own_members and not grant.is_by_rule,
            "inviter_principal_id": grant.inviter_principal_id,
            "inviter_role": grant.inviter_role,
            **rule_values(grant),
            "principal_id": settlement.identity.principal_id,
            "event_id": event.event_id,
            "event_kind": event.kind,
            "actor_id": event.actor_id,
            "correlation_id": event.correlation_id,
            "source": event.source,
            "event_body": event.body,
            "message_id": mint_id(),
            "message_kind": settlement.notice.kind,
            "message_payload": dump_message(settlement.notice),
        }

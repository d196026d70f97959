# SPDX-License-Identifier: Apache-2.0
"""Claims on SQLite: the same steps as one PostgreSQL statement, under ``BEGIN IMMEDIATE``.

The clock is read after the write lock is held, so what was loaded can't change before it is settled; the
conditions are checked again all the same, and a part that finds itself too late undoes the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.binding import Grant, Snapshot
from vestibule.core.email import EmailAddress
from vestibule.core.event import (
    AuditEvent,
    EventRecord,
    InvitationExpired,
    InvitationRevoked,
    MembershipEnded,
    record_event,
)
from vestibule.core.identity import RequestContext
from vestibule.core.limits import Hit
from vestibule.core.message import dump_message
from vestibule.core.privacy import EVERYWHERE
from vestibule.core.token import mint_id
from vestibule.ports import ClaimKey, EventStamp, Settlement
from vestibule.ports.privacy import AddressSealer
from vestibule.storage.claims.settlement import rule_values, seat_change, seat_return
from vestibule.storage.claims.snapshot import SQLITE_LOAD_BY_HASH, SQLITE_LOAD_BY_ID, read_snapshot
from vestibule.storage.hot import CoreLane
from vestibule.storage.rate_limits import take_hits
from vestibule.storage.schema import from_milliseconds, to_milliseconds
from vestibule.storage.seats import give_back_seats
from vestibule.storage.vault import Vault

_GUARD = """
  WHERE invitation_id = :invitation_id AND generation = :generation
    AND (:claim_token_hash IS NULL OR claim_token_hash = :claim_token_hash)
    AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL
    AND expires_at > :now_ms AND (held_at IS NULL OR approved_at IS NOT NULL)
    AND (bound_principal_id IS NULL OR bound_principal_id = :principal_id)
    AND EXISTS (SELECT 1 FROM vestibule_tenants
      WHERE tenant_id = :tenant_id AND policy_version = :policy_version
      AND suspended_at IS NULL AND deleted_at IS NULL)
    AND :base_version = COALESCE(
      (SELECT policy_version FROM vestibule_deployment WHERE deployment_id = 1), 0)
    AND (NOT :checks_inviter OR EXISTS (SELECT 1 FROM vestibule_memberships WHERE tenant_id = :tenant_id
      AND principal_id = :inviter_principal_id AND role = :inviter_role
      AND suspended_at IS NULL AND (expires_at IS NULL OR expires_at > :now_ms)
      AND (starts_at IS NULL OR starts_at <= :now_ms)))
    AND (:rule_domain IS NULL OR EXISTS (SELECT 1 FROM vestibule_domains WHERE tenant_id = :tenant_id
      AND domain = :rule_domain AND rung = :rule_rung AND role = vestibule_invitations.role
      AND proof_expires_at > :now_ms))
"""
_CONSUME = (
    "UPDATE vestibule_invitations SET consumed_at = :now_ms, due_address = NULL,"
    " consumed_by_principal_id = :principal_id" + _GUARD
)
_DECLINE = (
    "UPDATE vestibule_invitations SET declined_at = :now_ms, due_address = NULL,"
    " declined_by_principal_id = :principal_id" + _GUARD
)
_PERSON = """
INSERT INTO vestibule_principals AS principals (principal_id, name, asserted_at)
  VALUES (:principal_id, :principal_name, :now_ms)
ON CONFLICT (principal_id) DO UPDATE
  SET name = COALESCE(excluded.name, principals.name), asserted_at = excluded.asserted_at
  WHERE principals.offboarded_at IS NULL
"""
_FULLEST = """(SELECT part.shard FROM vestibule_seat_shards AS part WHERE part.tenant_id = :tenant_id
  ORDER BY part.used - part.allowance DESC, part.shard LIMIT 1)"""
_SEAT = f"""
UPDATE vestibule_seat_shards SET used = used + :seat_change
WHERE tenant_id = :tenant_id AND shard = CASE WHEN :seat_change > 0 THEN :seat_shard ELSE {_FULLEST} END
  AND (:seat_change < 0 OR used < allowance)
"""
# The end that the invitation gives, from its start, and never after the tenant's event.
_NEVER = 1 << 60
_ENDS = f"""NULLIF(MIN(
    COALESCE(MAX(COALESCE(i.membership_starts_at, 0), :now_ms) + 1000 * NULLIF(MIN(
      COALESCE(i.membership_expires_in, {_NEVER}), COALESCE(:longest, {_NEVER})), {_NEVER}), {_NEVER}),
    COALESCE(:ends_ms, {_NEVER})), {_NEVER})"""
_FIRST_MEMBER = f"""
INSERT INTO vestibule_memberships (tenant_id, principal_id, role, email, name, created_at, starts_at,
  expires_at, invitation_id)
SELECT i.tenant_id, :principal_id, i.role, i.invited_email, :principal_name, :now_ms,
  i.membership_starts_at, {_ENDS}, i.invitation_id
FROM vestibule_invitations i WHERE i.invitation_id = :invitation_id
ON CONFLICT DO NOTHING
"""
_MEMBER_AGAIN = f"""
UPDATE vestibule_memberships SET role = i.role, email = i.invited_email, name = :principal_name,
  created_at = :now_ms, starts_at = i.membership_starts_at, expires_at = {_ENDS}, end_announced_at = NULL,
  suspended_at = NULL, invitation_id = i.invitation_id
FROM vestibule_invitations i
WHERE i.invitation_id = :invitation_id AND vestibule_memberships.tenant_id = i.tenant_id
  AND vestibule_memberships.principal_id = :principal_id
  AND (vestibule_memberships.expires_at <= :now_ms OR (vestibule_memberships.suspended_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM vestibule_memberships AS heir WHERE heir.tenant_id = i.tenant_id
      AND heir.role = 'owner' AND heir.suspended_at IS NULL AND heir.expires_at IS NULL
      AND (heir.starts_at IS NULL OR heir.starts_at <= :now_ms))))
"""
# All or none: every resource is still there; what is held already is kept.
_BUNDLE = f"""
INSERT INTO vestibule_grants (tenant_id, principal_id, resource_id, role, created_at, expires_at,
  invitation_id)
SELECT :tenant_id, :principal_id, g.resource_id, g.role, :now_ms,
  NULLIF(MIN(COALESCE(:now_ms + g.expires_in * 1000, {_NEVER}), COALESCE(:ends_ms, {_NEVER})), {_NEVER}),
  g.invitation_id
FROM vestibule_invitation_grants g
JOIN vestibule_resources r ON r.tenant_id = :tenant_id AND r.resource_id = g.resource_id
WHERE g.invitation_id = :invitation_id AND r.deleted_at IS NULL
ON CONFLICT (tenant_id, principal_id, resource_id) DO UPDATE
  SET role = excluded.role, created_at = excluded.created_at, expires_at = excluded.expires_at,
    invitation_id = excluded.invitation_id
  WHERE vestibule_grants.expires_at <= excluded.created_at
    OR (vestibule_grants.role = excluded.role
      AND vestibule_grants.expires_at < COALESCE(excluded.expires_at, {_NEVER}))
"""
# The same role for longer: the one thing that accepting changes of a membership (docs/adr/0011).
_EXTENSION = f"""
UPDATE vestibule_memberships SET expires_at = {_ENDS}, end_announced_at = NULL
FROM vestibule_invitations i
WHERE i.invitation_id = :invitation_id AND i.membership_starts_at IS NULL
  AND vestibule_memberships.tenant_id = i.tenant_id
  AND vestibule_memberships.principal_id = :principal_id AND vestibule_memberships.role = i.role
  AND vestibule_memberships.suspended_at IS NULL AND vestibule_memberships.expires_at < {_ENDS}
"""
_TARGETS = """
SELECT count(*) FROM vestibule_invitation_grants g
JOIN vestibule_resources r ON r.tenant_id = :tenant_id AND r.resource_id = g.resource_id
WHERE g.invitation_id = :invitation_id AND r.deleted_at IS NULL
"""
_BIND = """
UPDATE vestibule_invitations SET bound_principal_id = :principal_id
WHERE invitation_id = :invitation_id AND bound_principal_id IS NULL AND consumed_at IS NULL
  AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL AND expires_at > :now_ms
"""
_EVENT = """
INSERT INTO vestibule_audit_events (event_id, tenant_id, invitation_id, kind, occurred_at, actor_id,
  correlation_id,
  source, body)
VALUES (:event_id, :event_tenant_id, :event_invitation_id, :event_kind, :now_ms, :actor_id, :correlation_id,
  :source, :event_body)
"""
_NOTICE = """
INSERT INTO vestibule_outbox_messages (message_id, kind, payload, created_at, due_at, attempt)
VALUES (:message_id, :message_kind, :message_payload, :now_ms, :now_ms, 0)
"""
_ADDRESS = """
INSERT INTO vestibule_principal_addresses (principal_id, address)
  VALUES (:id, :address) ON CONFLICT DO NOTHING
"""
_LAPSED = """
UPDATE vestibule_invitations SET expired_at = :now_ms, due_address = NULL
WHERE tenant_id = :tenant_id AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL
  AND expired_at IS NULL AND expires_at <= :now_ms
RETURNING invitation_id, has_reservation
"""
_ENDED = """
DELETE FROM vestibule_memberships
  WHERE tenant_id = :tenant_id AND expires_at <= :now_ms RETURNING principal_id, role
"""
_CARRIED = "DELETE FROM vestibule_grants WHERE tenant_id = :tenant_id AND principal_id = :principal_id"
_ORPHANED = """
UPDATE vestibule_invitations SET revoked_at = :now_ms, revoked_reason = 'inviter_ended', due_address = NULL
WHERE tenant_id = :tenant_id AND inviter_principal_id = :principal_id
  AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL
  AND expires_at > :now_ms
RETURNING invitation_id, has_reservation
"""


class SqliteClaims:
    """Implements ``ports.Claims``. *now_ms* reads the clock of the unit of work."""

    def __init__(
        self,
        connection: sa.Connection,
        now_ms: Callable[[], int],
        vault: Vault,
        *,
        own_members: bool = True,
        sealer: AddressSealer | None = None,
    ) -> None:
        self._vault = vault
        self._sealer = sealer
        self._connection = connection
        self._lane = CoreLane(connection)
        self._now_ms = now_ms
        self._own_members = own_members

    def load(self, key: ClaimKey, principal_id: str, shown: Sequence[EmailAddress] = ()) -> Snapshot:
        values: dict[str, Any] = {"principal_id": principal_id, "spread": 0, "now_ms": self._now_ms()}
        if key.invitation_id is not None:
            row = self._lane.fetch(SQLITE_LOAD_BY_ID, values | {"invitation_id": key.invitation_id})
        else:
            row = self._lane.fetch(SQLITE_LOAD_BY_HASH, values | {"claim_token_hash": key.claim_token_hash})
        return read_snapshot(row, self._sealer, shown)

    def settle_accept(self, settlement: Settlement) -> datetime | None:
        shard, change = seat_change(settlement)
        values = self._values(settlement) | {"seat_shard": shard, "seat_change": change}
        steps = [(_CONSUME, True), (_PERSON, True), (_SEAT, shard is not None)]
        member = _MEMBER_AGAIN if settlement.holds_seat else _FIRST_MEMBER
        steps += [(member, self._own_members and not settlement.decision.keeps_role)]
        if settlement.grant.bundle and not self._are_targets_live(settlement, values):
            return None
        if not self._run(steps, values):
            return None
        if settlement.grant.bundle:
            self._execute(_BUNDLE, values)
        if settlement.decision.extends and self._own_members:
            self._execute(_EXTENSION, values)
        self._remember(settlement)
        return from_milliseconds(values["now_ms"])

    def settle_decline(self, settlement: Settlement) -> bool:
        shard, change = seat_return(settlement)
        values = self._values(settlement) | {"seat_shard": shard, "seat_change": change}
        return self._run([(_DECLINE, True), (_SEAT, shard is not None)], values)

    def settle_refusal(self, hits: Sequence[Hit], event: EventRecord | None) -> int | None:
        now_ms = self._now_ms()
        wait = take_hits(self._connection, hits, now_ms)
        if wait is None and event is not None:
            self._execute(_EVENT, _event_values(event) | {"now_ms": now_ms})
        return wait

    def release_stale_seats(self, tenant_id: str, stamp: EventStamp) -> int:
        values = {"tenant_id": tenant_id, "now_ms": self._now_ms()}
        lapsed = self._connection.exec_driver_sql(_LAPSED, values).all()
        ended = self._connection.exec_driver_sql(_ENDED, values).all()
        events: list[AuditEvent] = [
            InvitationExpired(tenant_id=tenant_id, invitation_id=row[0]) for row in lapsed
        ]
        events += [MembershipEnded(tenant_id=tenant_id, principal_id=row[0], role=row[1]) for row in ended]
        orphaned: list[Any] = []
        for row in ended:
            whose = values | {"principal_id": row[0]}
            self._execute(_CARRIED, whose)
            orphaned += self._connection.exec_driver_sql(_ORPHANED, whose).all()
        events += [
            InvitationRevoked(tenant_id=tenant_id, invitation_id=row[0], reason="inviter_ended")
            for row in orphaned
        ]
        context = RequestContext(correlation_id=stamp.correlation_id)
        for event in events:
            record = replace(
                record_event(event, actor_id=stamp.actor_id, context=context), source=stamp.source
            )
            self._execute(_EVENT, _event_values(record) | values)
        seats = sum(bool(row[1]) for row in [*lapsed, *orphaned]) + len(ended)
        give_back_seats(self._connection, tenant_id, seats)
        return seats

    def bind(self, grant: Grant, principal_id: str, event: EventRecord) -> bool:
        values = {
            "principal_id": principal_id,
            "invitation_id": grant.invitation_id,
            "now_ms": self._now_ms(),
        }
        if self._execute(_BIND, values) != 1:
            return False
        self._execute(_EVENT, _event_values(event) | values)
        return True

    def _are_targets_live(self, settlement: Settlement, values: dict[str, Any]) -> bool:
        live = self._connection.exec_driver_sql(_TARGETS, values).scalar_one()
        return bool(live == len(settlement.grant.bundle))

    def _run(self, steps: Sequence[tuple[str, bool]], values: dict[str, Any]) -> bool:
        with self._connection.begin_nested() as savepoint:
            for sql, is_wanted in [*steps, (_EVENT, True), (_NOTICE, True)]:
                if is_wanted and self._execute(sql, values) != 1:
                    savepoint.rollback()
                    return False
        return True

    def _execute(self, sql: str, values: dict[str, Any]) -> int:
        return self._connection.exec_driver_sql(sql, values).rowcount

    def _remember(self, settlement: Settlement) -> None:
        principal_id = settlement.identity.principal_id
        self._execute(
            "DELETE FROM vestibule_principal_addresses WHERE principal_id = :id", {"id": principal_id}
        )
        for address in settlement.identity.lasting_addresses:
            stored = self._vault.keep(EVERYWHERE, address.key)
            self._execute(_ADDRESS, {"id": principal_id, "address": stored})

    def _values(self, settlement: Settlement) -> dict[str, Any]:
        grant, ends_at = settlement.grant, settlement.ends_at
        return {
            "now_ms": self._now_ms(),
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
            "principal_name": settlement.identity.name,
            "longest": settlement.longest,
            "ends_ms": None if ends_at is None else to_milliseconds(ends_at),
            "message_id": mint_id(),
            "message_kind": settlement.notice.kind,
            "message_payload": dump_message(settlement.notice),
        } | _event_values(settlement.event)


def _event_values(event: EventRecord) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "event_tenant_id": event.tenant_id,
        "event_invitation_id": event.invitation_id,
        "event_kind": event.kind,
        "actor_id": event.actor_id,
        "correlation_id": event.correlation_id,
        "source": event.source,
        "event_body": event.body,
    }

# SPDX-License-Identifier: Apache-2.0
"""Reading one tenant whole, for an auditor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.event import StoredEvent
from vestibule.ports import LogEntry, SealedLeaf
from vestibule.storage.audit import read_event
from vestibule.storage.schema import (
    approvals,
    audit_events,
    cosignatures,
    grants,
    invitations,
    log_entries,
    log_leaves,
    memberships,
    policy_documents,
    to_milliseconds,
)

# No address, message, name, network address or hash of a secret.
_INVITATION = (
    "invitation_id", "role", "inviter_principal_id", "generation", "created_at", "expires_at", "held_at",
    "approved_at", "grants_only", "consumed_at", "consumed_by_principal_id", "declined_at",
    "declined_by_principal_id", "revoked_at", "revoked_reason", "expired_at",
)  # fmt: skip
_MEMBERSHIP = (
    "principal_id",
    "role",
    "created_at",
    "starts_at",
    "expires_at",
    "suspended_at",
    "invitation_id",
)
_GRANT = ("principal_id", "resource_id", "role", "created_at", "expires_at", "invitation_id")
_APPROVAL = ("invitation_id", "approver_principal_id", "digest", "approved_at")
_HASHES_AT_ONCE = 500


class SqlExports:
    """Implements ``ports.Exports``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def freeze(self) -> None:
        # SQLite reads one moment in every transaction.
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))

    def list_events(self, tenant_id: str) -> Sequence[StoredEvent]:
        query = sa.select(audit_events).where(audit_events.c.tenant_id == tenant_id)
        ordered = query.order_by(audit_events.c.occurred_at, audit_events.c.event_id)
        return [read_event(row) for row in self._connection.execute(ordered)]

    def list_leaves(self, tenant_id: str) -> Sequence[SealedLeaf]:
        query = sa.select(log_leaves).where(log_leaves.c.tenant_id == tenant_id).order_by(log_leaves.c.seq)
        return [
            SealedLeaf(
                tenant_id=row.tenant_id, seq=row.seq, event_id=row.event_id, leaf_hash=bytes(row.leaf_hash)
            )
            for row in self._connection.execute(query)
        ]

    def list_heads(self, tenant_id: str, *, within: int) -> Sequence[LogEntry]:
        query = sa.select(log_entries).where(
            log_entries.c.tenant_id == tenant_id, log_entries.c.position < within
        )
        return [
            LogEntry(position=row.position, entry=bytes(row.entry), tenant_id=tenant_id, size=row.size)
            for row in self._connection.execute(query.order_by(log_entries.c.position))
        ]

    def read_tables(
        self, tenant_id: str, policy_hashes: Collection[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        theirs = sa.select(invitations.c.invitation_id).where(invitations.c.tenant_id == tenant_id)
        return {
            "invitations": self._rows(invitations, _INVITATION, invitations.c.tenant_id == tenant_id),
            "memberships": self._rows(memberships, _MEMBERSHIP, memberships.c.tenant_id == tenant_id),
            "grants": self._rows(grants, _GRANT, grants.c.tenant_id == tenant_id),
            "approvals": self._rows(approvals, _APPROVAL, approvals.c.invitation_id.in_(theirs)),
            "policies": self._policies(sorted(policy_hashes)),
        }

    def find_cosigned_size(self, witnesses: int) -> int | None:
        query = sa.select(cosignatures.c.size).group_by(cosignatures.c.size)
        enough = query.having(sa.func.count() >= witnesses).order_by(cosignatures.c.size.desc())
        size: int | None = self._connection.execute(enough.limit(1)).scalar()
        return size

    def _policies(self, hashes: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(hashes), _HASHES_AT_ONCE):
            named = policy_documents.c.policy_hash.in_(hashes[start : start + _HASHES_AT_ONCE])
            found += self._rows(policy_documents, ("policy_hash", "document"), named)
        return found

    def _rows(
        self, table: sa.Table, columns: Sequence[str], condition: sa.ColumnElement[bool]
    ) -> list[dict[str, Any]]:
        query = sa.select(*(table.c[name] for name in columns)).where(condition)
        ordered = query.order_by(*table.primary_key.columns)
        return [
            {name: _plain(value) for name, value in row.items()}
            for row in self._connection.execute(ordered).mappings()
        ]


def _plain(value: Any) -> Any:
    return to_milliseconds(value) if isinstance(value, datetime) else value

# SPDX-License-Identifier: Apache-2.0
"""What support reads: named columns only, so that its database role needs no others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.invitation import derive_state
from vestibule.core.support import CaseEvent, SupportCase
from vestibule.storage.schema import audit_events, invitations, tenants
from vestibule.storage.vault import Vault

_READ = (
    invitations.c.invitation_id,
    invitations.c.tenant_id,
    invitations.c.role,
    invitations.c.generation,
    invitations.c.created_at,
    invitations.c.expires_at,
    invitations.c.last_sent_at,
    invitations.c.consumed_at,
    invitations.c.declined_at,
    invitations.c.revoked_at,
    invitations.c.revoked_reason,
    invitations.c.held_at,
    invitations.c.approved_at,
)
# On PostgreSQL functions find the link and the address, for support may compare them and read none.
_FIND_LINK = {
    "sqlite": "SELECT invitation_id FROM vestibule_invitations WHERE claim_token_hash = :claim_token_hash",
    "postgresql": "SELECT vestibule_find_link(CAST(:claim_token_hash AS bytea))",
}
_FIND_ADDRESS = {
    "sqlite": "SELECT invitation_id FROM vestibule_invitations WHERE tenant_id = :tenant_id "
    "AND invited_email = :stored ORDER BY created_at DESC, invitation_id DESC LIMIT :limit",
    "postgresql": "SELECT vestibule_find_address(:tenant_id, :stored, CAST(:limit AS integer))",
}


class SqlSupport:
    """Implements ``ports.Support``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find_link(self, claim_token_hash: bytes) -> str | None:
        query = sa.text(_FIND_LINK[self._connection.dialect.name])
        found = self._connection.execute(query, {"claim_token_hash": claim_token_hash}).scalar()
        return None if found is None else str(found)

    def list_of_address(self, tenant_id: str, email: EmailAddress, *, limit: int) -> Sequence[str]:
        query = sa.text(_FIND_ADDRESS[self._connection.dialect.name])
        sought = {"tenant_id": tenant_id, "stored": self._vault.form(tenant_id, email.key), "limit": limit}
        return list(self._connection.execute(query, sought).scalars())

    def find_case(self, invitation_id: str, *, events: int) -> SupportCase | None:
        query = (
            sa.select(
                *_READ, (tenants.c.suspended_at.is_(None) & tenants.c.deleted_at.is_(None)).label("is_open")
            )
            .join(tenants, tenants.c.tenant_id == invitations.c.tenant_id)
            .where(invitations.c.invitation_id == invitation_id)
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return SupportCase(
            invitation_id=row.invitation_id,
            tenant_id=row.tenant_id,
            role=row.role,
            state=derive_state(
                consumed=row.consumed_at is not None,
                declined=row.declined_at is not None,
                revoked=row.revoked_at is not None,
                expired=self._now() >= row.expires_at,
                held=row.held_at is not None and row.approved_at is None,
            ),
            generation=row.generation,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_sent_at=row.last_sent_at,
            revoked_reason=row.revoked_reason,
            is_tenant_open=bool(row.is_open),
            events=self._list_events(invitation_id, events),
        )

    def _list_events(self, invitation_id: str, limit: int) -> list[CaseEvent]:
        kept = audit_events.c
        query = (
            sa.select(kept.kind, kept.occurred_at, kept.source, kept.body)
            .where(kept.invitation_id == invitation_id)
            .order_by(kept.occurred_at.desc(), kept.event_id.desc())
            .limit(limit)
        )
        return [_read_event(row) for row in self._connection.execute(query)]


def _read_event(row: Any) -> CaseEvent:
    reason = json.loads(row.body).get("reason")
    return CaseEvent(kind=row.kind, occurred_at=row.occurred_at, source=row.source, reason=reason)

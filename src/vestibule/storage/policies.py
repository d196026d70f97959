# SPDX-License-Identifier: Apache-2.0
"""Policies: the deployment's row, texts by hash, changes; and the trail read as decisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.invitation import Invitation
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import NOTHING, hash_document
from vestibule.core.policy.change import DEPLOYMENT, PolicyChange, PolicyInForce
from vestibule.core.policy.replay import DECISIONS, RecordedDecision
from vestibule.core.privacy import is_tombstone
from vestibule.storage.deployment import DEPLOYMENT_ID
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.filters import is_held, is_in_force, is_open
from vestibule.storage.invitations.rows import VISIBLE, read_invitation
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import (
    audit_events,
    deployment,
    invitations,
    memberships,
    policy_changes,
    policy_documents,
    tenants,
)
from vestibule.storage.vault import Vault

_ORDER = (policy_changes.c.created_at, policy_changes.c.change_id)
_DECISION: sa.Select[Any] = sa.select(
    audit_events.c.event_id,
    audit_events.c.tenant_id,
    audit_events.c.kind,
    audit_events.c.invitation_id,
    audit_events.c.occurred_at,
    audit_events.c.body,
    invitations.c.invited_email,
).join_from(
    audit_events, invitations, invitations.c.invitation_id == audit_events.c.invitation_id, isouter=True
)


class SqlPolicies:
    """Implements ``ports.Policies``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def get_base(self) -> str:
        return self._read_base(lock=False)[0]

    def find_in_force(self, tenant_id: str, *, lock: bool = False) -> PolicyInForce | None:
        if tenant_id == DEPLOYMENT:
            own, version = self._read_base(lock=lock)
            return PolicyInForce(tenant_id=DEPLOYMENT, base=NOTHING, own=own, version=version)
        query = sa.select(tenants.c.policy, tenants.c.policy_version).where(
            tenants.c.tenant_id == tenant_id, tenants.c.deleted_at.is_(None)
        )
        row = self._connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            return None
        base = self.get_base()
        return PolicyInForce(tenant_id=tenant_id, base=base, own=row.policy, version=row.policy_version)

    def put_base(self, after: PolicyInForce) -> None:
        self._connection.execute(
            sa.update(deployment)
            .where(deployment.c.deployment_id == DEPLOYMENT_ID)
            .values(policy=after.own, policy_version=after.version)
        )

    def list_own_documents(self) -> Sequence[str]:
        query = sa.select(tenants.c.policy).where(tenants.c.deleted_at.is_(None)).distinct()
        return list(self._connection.execute(query.order_by(tenants.c.policy)).scalars())

    def keep_document(self, document: str) -> str:
        document_hash = hash_document(document)
        values = {"policy_hash": document_hash, "document": document, "created_at": self._now()}
        insert_unless_there(self._connection, policy_documents, values)
        return document_hash

    def find_document(self, document_hash: str) -> str | None:
        query = sa.select(policy_documents.c.document).where(policy_documents.c.policy_hash == document_hash)
        return self._connection.execute(query).scalar()

    def add_change(self, change: PolicyChange) -> None:
        self._connection.execute(
            sa.insert(policy_changes).values(
                change_id=change.change_id,
                tenant_id=change.tenant_id,
                policy_hash=change.document_hash,
                base_hash=change.base_hash,
                is_loosening=change.is_loosening,
                author_id=change.author_id,
                created_at=change.created_at,
                activated_at=change.activated_at,
                closed_at=change.closed_at,
            )
        )

    def find_change(self, tenant_id: str, change_id: str) -> PolicyChange | None:
        query = sa.select(policy_changes).where(
            policy_changes.c.tenant_id == tenant_id, policy_changes.c.change_id == change_id
        )
        row = self._connection.execute(query).first()
        return None if row is None else _read_change(row)

    def has_active(self, tenant_id: str) -> bool:
        query = (
            sa.select(policy_changes.c.change_id)
            .where(policy_changes.c.tenant_id == tenant_id, policy_changes.c.activated_at.is_not(None))
            .where(policy_changes.c.closed_at.is_(None))
        )
        return self._connection.execute(query).first() is not None

    def find_previous(self, tenant_id: str) -> PolicyChange | None:
        query = (
            sa.select(policy_changes)
            .where(policy_changes.c.tenant_id == tenant_id, policy_changes.c.activated_at.is_not(None))
            .where(policy_changes.c.closed_at.is_not(None))
            .order_by(policy_changes.c.closed_at.desc(), policy_changes.c.activated_at.desc())
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return None if row is None else _read_change(row)

    def list_changes(self, tenant_id: str, request: PageRequest) -> Page[PolicyChange]:
        query = sa.select(policy_changes).where(policy_changes.c.tenant_id == tenant_id)
        return fetch_page(self._connection, query, _ORDER, request).map(_read_change)

    def set_approved(self, change_id: str, approver_id: str) -> bool:
        change = (
            sa.update(policy_changes)
            .where(policy_changes.c.change_id == change_id, policy_changes.c.closed_at.is_(None))
            .where(policy_changes.c.approved_at.is_(None), policy_changes.c.activated_at.is_(None))
            .values(approver_id=approver_id, approved_at=self._now())
        )
        return self._connection.execute(change).rowcount == 1

    def set_withdrawn(self, change_id: str) -> bool:
        change = (
            sa.update(policy_changes)
            .where(policy_changes.c.change_id == change_id, policy_changes.c.closed_at.is_(None))
            .where(policy_changes.c.activated_at.is_(None))
            .values(closed_at=self._now())
        )
        return self._connection.execute(change).rowcount == 1

    def set_activated(self, tenant_id: str, change_id: str) -> bool:
        now = self._now()
        ours = sa.and_(policy_changes.c.tenant_id == tenant_id, policy_changes.c.closed_at.is_(None))
        this = policy_changes.c.change_id == change_id
        change = sa.update(policy_changes).where(ours, this, policy_changes.c.activated_at.is_(None))
        is_done = self._connection.execute(change.values(activated_at=now)).rowcount == 1
        if is_done:
            self._connection.execute(sa.update(policy_changes).where(ours, ~this).values(closed_at=now))
        return is_done

    def list_decisions(self, tenant_id: str, count: int) -> Sequence[RecordedDecision]:
        query = (
            _DECISION.where(audit_events.c.tenant_id == tenant_id, audit_events.c.kind.in_(DECISIONS))
            .order_by(audit_events.c.occurred_at.desc(), audit_events.c.event_id.desc())
            .limit(count)
        )
        rows = self._connection.execute(query).all()
        self._vault.prefetch((row.tenant_id, row.invited_email) for row in rows)
        return [_read_decision(row, self._vault) for row in rows]

    def find_decision(self, event_id: str) -> RecordedDecision | None:
        query = _DECISION.where(audit_events.c.event_id == event_id, audit_events.c.kind.in_(DECISIONS))
        row = self._connection.execute(query).first()
        return None if row is None else _read_decision(row, self._vault)

    def list_pending(self, tenant_id: str) -> Sequence[tuple[Invitation, str | None]]:
        now = self._now()
        inviter = sa.and_(
            memberships.c.tenant_id == invitations.c.tenant_id,
            memberships.c.principal_id == invitations.c.inviter_principal_id,
            is_in_force(now),
        )
        query: sa.Select[Any] = (
            sa.select(*VISIBLE, memberships.c.role.label("inviter_role"))
            .join_from(invitations, memberships, inviter, isouter=True)
            .where(
                invitations.c.tenant_id == tenant_id, is_open(), ~is_held(), invitations.c.expires_at > now
            )
            .order_by(invitations.c.created_at, invitations.c.invitation_id)
        )
        rows = self._connection.execute(query).all()
        self._vault.prefetch((row.tenant_id, row.invited_email) for row in rows)
        return [(read_invitation(row, self._vault), row.inviter_role) for row in rows]

    def _read_base(self, *, lock: bool) -> tuple[str, int]:
        query = sa.select(deployment.c.policy, deployment.c.policy_version).where(
            deployment.c.deployment_id == DEPLOYMENT_ID
        )
        if lock:
            # No row means that nothing was said; there is one from the first time that somebody will.
            values = {"deployment_id": DEPLOYMENT_ID, "policy": NOTHING, "policy_version": 0}
            insert_unless_there(self._connection, deployment, values)
            query = query.with_for_update()
        row = self._connection.execute(query).first()
        return (NOTHING, 0) if row is None else (row.policy, row.policy_version)


def _read_change(row: sa.Row[Any]) -> PolicyChange:
    return PolicyChange(
        change_id=row.change_id,
        tenant_id=row.tenant_id,
        document_hash=row.policy_hash,
        base_hash=row.base_hash,
        is_loosening=row.is_loosening,
        author_id=row.author_id,
        created_at=row.created_at,
        approver_id=row.approver_id,
        approved_at=row.approved_at,
        activated_at=row.activated_at,
        closed_at=row.closed_at,
    )


def _read_address(row: sa.Row[Any], vault: Vault) -> EmailAddress | None:
    # Of somebody who was erased, or is not kept, nothing is judged again that rests on the address.
    if row.invited_email is None or is_tombstone(row.invited_email):
        return None
    address = EmailAddress(vault.address(row.tenant_id, row.invited_email))
    return address if address.is_kept else None


def _read_decision(row: sa.Row[Any], vault: Vault) -> RecordedDecision:
    return RecordedDecision(
        event_id=row.event_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        invitation_id=row.invitation_id,
        occurred_at=row.occurred_at,
        address=_read_address(row, vault),
        facts=json.loads(row.body),
    )

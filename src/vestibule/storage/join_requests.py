# SPDX-License-Identifier: Apache-2.0
"""Requests to join in the database, and who was removed before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.event import MembershipRemoved
from vestibule.core.joining import JoinRequest, JoinRequestState
from vestibule.core.paging import Page, PageRequest
from vestibule.core.privacy import EVERYWHERE
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import audit_events, invitations, join_requests, principal_addresses
from vestibule.storage.vault import Vault

# More principals than have ever shown that one address is theirs, but for an attack.
_HOLDERS_MAX = 50
_ORDER = (join_requests.c.created_at, join_requests.c.request_id)


def read_join_request(row: sa.Row[Any], vault: Vault) -> JoinRequest:
    return JoinRequest(
        request_id=row.request_id,
        tenant_id=row.tenant_id,
        principal_id=row.principal_id,
        address=EmailAddress(vault.address(row.tenant_id, row.address)),
        created_at=row.created_at,
        approved_at=row.approved_at,
        rejected_at=row.rejected_at,
        withdrawn_at=row.withdrawn_at,
        decided_by_principal_id=row.decided_by_principal_id,
        invitation_id=row.invitation_id,
    )


def _has_state(state: JoinRequestState) -> sa.ColumnElement[bool]:
    columns = {
        JoinRequestState.APPROVED: join_requests.c.approved_at,
        JoinRequestState.REJECTED: join_requests.c.rejected_at,
        JoinRequestState.WITHDRAWN: join_requests.c.withdrawn_at,
    }
    if state in columns:
        return columns[state].is_not(None)
    return sa.and_(*(column.is_(None) for column in columns.values()))


class SqlJoinRequests:
    """Implements ``ports.JoinRequests``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find(self, tenant_id: str, request_id: str) -> JoinRequest | None:
        query = sa.select(join_requests).where(
            join_requests.c.tenant_id == tenant_id, join_requests.c.request_id == request_id
        )
        row = self._connection.execute(query).first()
        return None if row is None else read_join_request(row, self._vault)

    def add(self, request: JoinRequest) -> bool:
        values = {
            "request_id": request.request_id,
            "tenant_id": request.tenant_id,
            "principal_id": request.principal_id,
            "address": self._vault.keep(request.tenant_id, request.address.key),
            "created_at": request.created_at,
        }
        return insert_unless_there(self._connection, join_requests, values)

    def decide(
        self, tenant_id: str, request_id: str, *, by_principal_id: str, invitation_id: str | None
    ) -> bool:
        decided = "rejected_at" if invitation_id is None else "approved_at"
        change = (
            sa.update(join_requests)
            .where(join_requests.c.tenant_id == tenant_id, join_requests.c.request_id == request_id)
            .where(_has_state(JoinRequestState.OPEN))
            .values({decided: self._now()})
            .values(decided_by_principal_id=by_principal_id, invitation_id=invitation_id)
        )
        return self._connection.execute(change).rowcount == 1

    def list_of_tenant(
        self, tenant_id: str, state: JoinRequestState | None, request: PageRequest
    ) -> Page[JoinRequest]:
        query = sa.select(join_requests).where(join_requests.c.tenant_id == tenant_id)
        if state is not None:
            query = query.where(_has_state(state))
        page = fetch_page(self._connection, query, _ORDER, request)
        self._vault.prefetch((row.tenant_id, row.address) for row in page.items)
        return page.map(lambda row: read_join_request(row, self._vault))

    def count_open(self, tenant_id: str, ceiling: int) -> int:
        some = (
            sa.select(sa.literal(1))
            .where(join_requests.c.tenant_id == tenant_id, _has_state(JoinRequestState.OPEN))
            .limit(ceiling)
        )
        query = sa.select(sa.func.count()).select_from(some.subquery())
        return int(self._connection.execute(query).scalar_one())

    def withdraw_of(self, principal_id: str) -> int:
        change = (
            sa.update(join_requests)
            .where(join_requests.c.principal_id == principal_id, _has_state(JoinRequestState.OPEN))
            .values(withdrawn_at=self._now())
        )
        return self._connection.execute(change).rowcount

    def was_rejected(self, tenant_id: str, principal_id: str, since: datetime) -> bool:
        query = sa.select(join_requests.c.request_id).where(
            join_requests.c.tenant_id == tenant_id,
            join_requests.c.principal_id == principal_id,
            join_requests.c.rejected_at > since,
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def was_removed(self, tenant_id: str, principal_id: str, address: EmailAddress, since: datetime) -> bool:
        # The trail is what remembers; it names principals, never addresses.
        known = (
            sa.select(principal_addresses.c.principal_id)
            .where(principal_addresses.c.address == self._vault.form(EVERYWHERE, address.key))
            .limit(_HOLDERS_MAX)
        )
        # An address that counts in one tenant only is remembered of nobody, but it was claimed here.
        invited = self._vault.form(tenant_id, address.key)
        claimed = (
            sa.select(invitations.c.consumed_by_principal_id)
            .where(invitations.c.tenant_id == tenant_id, invitations.c.invited_email == invited)
            .where(invitations.c.consumed_at.is_not(None))
            .order_by(invitations.c.consumed_at.desc())
            .limit(_HOLDERS_MAX)
        )
        holders = {
            principal_id,
            *self._connection.execute(known).scalars(),
            *self._connection.execute(claimed).scalars(),
        }
        query = sa.select(audit_events.c.event_id).where(
            audit_events.c.tenant_id == tenant_id,
            audit_events.c.occurred_at > since,
            audit_events.c.kind == MembershipRemoved.kind,
            sa.or_(*(_is_about(holder) for holder in sorted(holders))),
        )
        return self._connection.execute(query.limit(1)).first() is not None


def _is_about(principal_id: str) -> sa.ColumnElement[bool]:
    # Who left by itself was not removed.
    member = f'"principal_id":{json.dumps(principal_id)},'
    named = audit_events.c.body.contains(member, autoescape=True)
    return sa.and_(named, audit_events.c.actor_id != principal_id)

# SPDX-License-Identifier: Apache-2.0
"""Reading pending grants: one, a tenant's, an invitee's."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant
from vestibule.errors import NotFoundError
from vestibule.ports import InvitationFilter
from vestibule.storage.filters import is_open
from vestibule.storage.invitations.rows import VISIBLE, InvitationRows, read_invitation
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import invitations, tenants
from vestibule.storage.tenants import SELECT_TENANT, read_tenant

# More than are ever issuing in one tenant at the same moment.
_CROWD = 500
_ORDER = (invitations.c.created_at, invitations.c.invitation_id)


class ReadingInvitations(InvitationRows):
    """The reading part of ``ports.Invitations``."""

    def find(self, tenant_id: str, invitation_id: str) -> Invitation | None:
        query = sa.select(*VISIBLE).where(
            invitations.c.invitation_id == invitation_id, invitations.c.tenant_id == tenant_id
        )
        row = self._connection.execute(query).first()
        return None if row is None else read_invitation(row)

    def get_by_id(self, invitation_id: str) -> Invitation:
        row = self._connection.execute(
            sa.select(*VISIBLE).where(invitations.c.invitation_id == invitation_id)
        ).first()
        if row is None:
            raise NotFoundError
        return read_invitation(row)

    def list_of_tenant(
        self, tenant_id: str, wanted: InvitationFilter, request: PageRequest
    ) -> Page[Invitation]:
        query = sa.select(*VISIBLE).where(invitations.c.tenant_id == tenant_id)
        if wanted.email is not None:
            query = query.where(invitations.c.invited_email == wanted.email.key)
        if wanted.state is not None:
            query = query.where(self._has_state(wanted.state))
        return fetch_page(self._connection, query, _ORDER, request).map(read_invitation)

    def list_of_addresses(
        self, addresses: Iterable[EmailAddress], request: PageRequest
    ) -> Page[tuple[Invitation, Tenant]]:
        query = (
            sa.select(*VISIBLE)
            .join(tenants, tenants.c.tenant_id == invitations.c.tenant_id)
            .where(invitations.c.invited_email.in_([address.key for address in addresses]))
            .where(self._has_state(InvitationState.PENDING))
            .where(tenants.c.suspended_at.is_(None), tenants.c.deleted_at.is_(None))
        )
        page = fetch_page(self._connection, query, _ORDER, request)
        return page.map(lambda row: (read_invitation(row), self._get_tenant(row.tenant_id)))

    def count_pending(self, tenant_id: str, ceiling: int) -> int:
        count = self._count_pending(tenant_id, ceiling)
        if count < ceiling - _CROWD:
            return count
        # Near the ceiling one counts after the other; who holds the row in share mode can still ask for this.
        tenant = sa.select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id)
        self._connection.execute(tenant.with_for_update(key_share=True))
        return self._count_pending(tenant_id, ceiling)

    def _count_pending(self, tenant_id: str, ceiling: int) -> int:
        some = (
            sa.select(sa.literal(1))
            .where(invitations.c.tenant_id == tenant_id, self._has_state(InvitationState.PENDING))
            .limit(ceiling)
        )
        return int(
            self._connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()
        )

    def claim_renewal(self, claim_token_hash: bytes) -> tuple[str, str] | None:
        query = sa.select(invitations.c.tenant_id, invitations.c.invitation_id).where(
            invitations.c.claim_token_hash == claim_token_hash
        )
        row = self._connection.execute(query).first()
        return None if row is None else (row.tenant_id, row.invitation_id)

    def _get_tenant(self, tenant_id: str) -> Tenant:
        return read_tenant(
            self._connection.execute(SELECT_TENANT.where(tenants.c.tenant_id == tenant_id)).one()
        )

    def _has_state(self, state: InvitationState) -> sa.ColumnElement[bool]:
        now = self._now()
        conditions: dict[InvitationState, sa.ColumnElement[bool]] = {
            InvitationState.HELD: sa.false(),
            InvitationState.PENDING: sa.and_(is_open(), invitations.c.expires_at > now),
            InvitationState.ACCEPTED: invitations.c.consumed_at.is_not(None),
            InvitationState.DECLINED: invitations.c.declined_at.is_not(None),
            InvitationState.REVOKED: invitations.c.revoked_at.is_not(None),
            InvitationState.EXPIRED: sa.or_(
                invitations.c.expired_at.is_not(None), sa.and_(is_open(), invitations.c.expires_at <= now)
            ),
        }
        return conditions[state]

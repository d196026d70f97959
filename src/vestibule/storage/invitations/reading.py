# SPDX-License-Identifier: Apache-2.0
"""Reading pending grants: one, a tenant's, an invitee's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedAddress
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant
from vestibule.errors import NotFoundError
from vestibule.ports import InvitationFilter
from vestibule.storage.filters import is_held, is_open
from vestibule.storage.invitations.rows import VISIBLE, InvitationRows, read_grants, read_invitation
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import invitations, tenants
from vestibule.storage.tenants import SELECT_TENANT, read_tenant

# More than are ever issuing in one tenant at the same moment.
_CROWD = 500
_LATEST = 10
_ORDER = (invitations.c.created_at, invitations.c.invitation_id)


class ReadingInvitations(InvitationRows):
    """The reading part of ``ports.Invitations``."""

    def find(self, tenant_id: str, invitation_id: str) -> Invitation | None:
        query = sa.select(*VISIBLE).where(
            invitations.c.invitation_id == invitation_id, invitations.c.tenant_id == tenant_id
        )
        row = self._connection.execute(query).first()
        return None if row is None else self._read_whole([row])[0]

    def get_by_id(self, invitation_id: str) -> Invitation:
        row = self._connection.execute(
            sa.select(*VISIBLE).where(invitations.c.invitation_id == invitation_id)
        ).first()
        if row is None:
            raise NotFoundError
        return self._read_whole([row])[0]

    def list_of_tenant(
        self, tenant_id: str, wanted: InvitationFilter, request: PageRequest
    ) -> Page[Invitation]:
        query = sa.select(*VISIBLE).where(invitations.c.tenant_id == tenant_id)
        if wanted.email is not None:
            query = query.where(invitations.c.invited_email == self._vault.form(tenant_id, wanted.email.key))
        if wanted.state is not None:
            query = query.where(self._has_state(wanted.state))
        page = fetch_page(self._connection, query, _ORDER, request)
        return Page(items=self._read_whole(page.items), next_cursor=page.next_cursor)

    def list_of_addresses(
        self, addresses: Iterable[VerifiedAddress], request: PageRequest
    ) -> Page[tuple[Invitation, Tenant]]:
        places: dict[str | None, list[str]] = {}
        for verified in addresses:
            places.setdefault(verified.tenant_id, []).append(verified.address.key)
        mine = [
            invitations.c.invited_email.in_(self._vault.find_forms(keys))
            if tenant_id is None
            else invitations.c.invited_email.in_([self._vault.form(tenant_id, one) for one in keys])
            & (invitations.c.tenant_id == tenant_id)
            for tenant_id, keys in places.items()
        ]
        query = (
            sa.select(*VISIBLE)
            .join(tenants, tenants.c.tenant_id == invitations.c.tenant_id)
            .where(sa.or_(sa.false(), *mine))
            .where(self._has_state(InvitationState.PENDING))
            .where(tenants.c.suspended_at.is_(None), tenants.c.deleted_at.is_(None))
        )
        page = fetch_page(self._connection, query, _ORDER, request)
        whole = [(one, self._get_tenant(one.tenant_id)) for one in self._read_whole(page.items)]
        return Page(items=whole, next_cursor=page.next_cursor)

    def _read_whole(self, rows: Sequence[sa.Row[Any]]) -> list[Invitation]:
        found = read_grants(self._connection, [row.invitation_id for row in rows])
        self._vault.prefetch((row.tenant_id, row.invited_email) for row in rows)
        return [read_invitation(row, self._vault, found.get(row.invitation_id, ())) for row in rows]

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
            .where(invitations.c.tenant_id == tenant_id, is_open(), invitations.c.expires_at > self._now())
            .limit(ceiling)
        )
        return int(
            self._connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()
        )

    def list_latest(self, tenant_id: str, email: EmailAddress) -> Sequence[Invitation]:
        invited = self._vault.form(tenant_id, email.key)
        query = (
            sa.select(*VISIBLE)
            .where(invitations.c.tenant_id == tenant_id, invitations.c.invited_email == invited)
            .order_by(invitations.c.created_at.desc(), invitations.c.invitation_id.desc())
            .limit(_LATEST)
        )
        return self._read_whole(self._connection.execute(query).all())

    def list_answers(self, tenant_id: str, request: PageRequest) -> Page[Invitation]:
        later = invitations.alias("later")
        is_later = sa.exists(sa.literal(1)).where(
            later.c.tenant_id == tenant_id,
            later.c.invited_email == invitations.c.invited_email,
            later.c.target == invitations.c.target,
            later.c.revoked_at.is_(None),
            ~later.c.grants_only,
            sa.tuple_(later.c.created_at, later.c.invitation_id)
            > sa.tuple_(invitations.c.created_at, invitations.c.invitation_id),
        )
        query = sa.select(*VISIBLE).where(
            invitations.c.tenant_id == tenant_id,
            invitations.c.revoked_at.is_(None),
            ~invitations.c.grants_only,
            ~is_later,
        )
        page = fetch_page(self._connection, query, _ORDER, request, descending=False)
        return Page(items=self._read_whole(page.items), next_cursor=page.next_cursor)

    def count_of_inviter(self, tenant_id: str, principal_id: str) -> int:
        query = sa.select(sa.func.count()).where(
            invitations.c.inviter_principal_id == principal_id,
            invitations.c.tenant_id == tenant_id,
            is_open(),
            invitations.c.expires_at > self._now(),
        )
        return int(self._connection.execute(query).scalar_one())

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
            InvitationState.HELD: sa.and_(is_open(), is_held(), invitations.c.expires_at > now),
            InvitationState.PENDING: sa.and_(is_open(), ~is_held(), invitations.c.expires_at > now),
            InvitationState.ACCEPTED: invitations.c.consumed_at.is_not(None),
            InvitationState.DECLINED: invitations.c.declined_at.is_not(None),
            InvitationState.REVOKED: invitations.c.revoked_at.is_not(None),
            InvitationState.EXPIRED: sa.or_(
                invitations.c.expired_at.is_not(None), sa.and_(is_open(), invitations.c.expires_at <= now)
            ),
        }
        return conditions[state]

# SPDX-License-Identifier: Apache-2.0
"""Ending pending grants: one by hand, many by cascade, all that the clock has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from vestibule.storage.filters import database_clock, is_held, is_open
from vestibule.storage.invitations.rows import InvitationRows
from vestibule.storage.schema import invitations
from vestibule.storage.seats import give_back_seats


class EndingInvitations(InvitationRows):
    """The part of ``ports.Invitations`` that ends."""

    def revoke(self, tenant_id: str, invitation_id: str, reason: str) -> bool:
        one = sa.and_(invitations.c.tenant_id == tenant_id, invitations.c.invitation_id == invitation_id)
        return bool(self._revoke_where(one, reason))

    def revoke_of_tenant(self, tenant_id: str, reason: str) -> Sequence[tuple[str, str]]:
        return self._revoke_where(invitations.c.tenant_id == tenant_id, reason)

    def revoke_of_inviter(
        self,
        principal_id: str,
        reason: str,
        *,
        tenant_id: str | None = None,
        roles: Iterable[str] | None = None,
    ) -> Sequence[tuple[str, str]]:
        theirs = invitations.c.inviter_principal_id == principal_id
        if tenant_id is not None:
            theirs = sa.and_(theirs, invitations.c.tenant_id == tenant_id)
        if roles is not None:
            theirs = sa.and_(theirs, invitations.c.role.in_(list(roles)))
        return self._revoke_where(theirs, reason)

    def revoke_of_addresses(
        self, addresses: Iterable[str], reason: str, *, tenant_id: str | None = None, with_held: bool = True
    ) -> Sequence[tuple[str, str]]:
        known = list(addresses)
        if tenant_id is None:
            theirs: sa.ColumnElement[bool] = invitations.c.invited_email.in_(self._vault.find_forms(known))
        else:
            forms = [self._vault.form(tenant_id, one) for one in known]
            theirs = sa.and_(invitations.c.invited_email.in_(forms), invitations.c.tenant_id == tenant_id)
        if not with_held:
            theirs = sa.and_(theirs, sa.not_(is_held()))
        return self._revoke_where(theirs, reason)

    def expire_of_addresses(self, addresses: Iterable[str]) -> Sequence[tuple[str, str]]:
        now = self._now()
        theirs = invitations.c.invited_email.in_(self._vault.find_forms(list(addresses)))
        over = invitations.c.expires_at <= database_clock(self._connection, now)
        return self._end(sa.update(invitations).where(theirs, is_open(), over).values(expired_at=now))

    def revoke_of_domain(self, tenant_id: str, domain: str, reason: str) -> Sequence[tuple[str, str]]:
        ending = self._vault.domain_form(tenant_id, domain)
        at_domain = invitations.c.invited_email.endswith(f"@{ending}", autoescape=True)
        return self._revoke_where(sa.and_(invitations.c.tenant_id == tenant_id, at_domain), reason)

    def record_expired(self, limit: int) -> Sequence[tuple[str, str]]:
        now = self._now()
        due = (
            sa.select(invitations.c.invitation_id)
            .where(is_open(), invitations.c.expires_at <= now)
            .order_by(invitations.c.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.execute(due).scalars())
        if not ids:
            return []
        change = (
            sa.update(invitations)
            .where(invitations.c.invitation_id.in_(ids), is_open(), invitations.c.expires_at <= now)
            .values(expired_at=now)
        )
        return self._end(change)

    def _revoke_where(self, which: sa.ColumnElement[bool], reason: str) -> Sequence[tuple[str, str]]:
        now = self._now()
        change = (
            sa.update(invitations)
            .where(which, is_open(), invitations.c.expires_at > database_clock(self._connection, now))
            .values(revoked_at=now, revoked_reason=reason)
        )
        return self._end(change)

    def _end(self, change: sa.Update) -> Sequence[tuple[str, str]]:
        columns = (invitations.c.tenant_id, invitations.c.invitation_id, invitations.c.has_reservation)
        ended = self._connection.execute(change.values(due_address=None).returning(*columns)).all()
        for tenant_id in sorted({row.tenant_id for row in ended if row.has_reservation}):
            held = sum(row.has_reservation for row in ended if row.tenant_id == tenant_id)
            give_back_seats(self._connection, tenant_id, held)
        return [(row.tenant_id, row.invitation_id) for row in ended]

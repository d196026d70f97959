# SPDX-License-Identifier: Apache-2.0
"""Suppressions, reports, and what speaks for a sender."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.abuse import (
    ACCEPTED_MAX,
    AbuseStanding,
    AcceptedCount,
    SuppressedFor,
    Suppression,
    list_allowances,
    list_earned,
    name_recipient,
)
from vestibule.core.email import EmailAddress
from vestibule.core.limits import Limits
from vestibule.core.paging import Page, PageRequest
from vestibule.core.privacy import EVERYWHERE
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_id
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.paging import fetch_page
from vestibule.storage.rate_limits import take_hits
from vestibule.storage.schema import invitations, memberships, reports, suppressions, to_milliseconds
from vestibule.storage.vault import Vault

_REPORTERS_MAX = 1000


def _read_suppression(row: sa.Row[Any], vault: Vault) -> Suppression:
    return Suppression(
        address=EmailAddress(vault.address(row.tenant_id, row.address)),
        tenant_id=row.tenant_id,
        reason=row.reason,
        created_at=row.created_at,
    )


class SqlAbuse:
    """Implements ``ports.Abuse``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def take_allowance(self, tenant: Tenant, inviter_id: str, limits: Limits) -> int | None:
        tenant_id, now_ms = tenant.tenant_id, to_milliseconds(self._now())
        within = timedelta(seconds=limits.reports_tolerated.seconds)
        standing = self._read_standing(tenant, inviter_id, within)
        allowances = list_allowances(limits, tenant_id, inviter_id, standing)
        spent = [
            (place, wait)
            for place, one in enumerate(allowances)
            if (wait := take_hits(self._connection, [one], now_ms)) is not None
        ]
        if not spent:
            return None
        # What was accepted is counted only when it matters.
        accepted = self._count_accepted(tenant_id, inviter_id)
        earned = list_earned(limits, tenant_id, inviter_id, standing, accepted)
        for place, wait in spent:
            more = earned[place]
            if more is None or take_hits(self._connection, [more], now_ms) is not None:
                return wait
        return None

    def _read_standing(self, tenant: Tenant, inviter_id: str, within: timedelta) -> AbuseStanding:
        now = self._now()
        joined = (
            sa.select(memberships.c.created_at)
            .where(memberships.c.tenant_id == tenant.tenant_id, memberships.c.principal_id == inviter_id)
            .scalar_subquery()
        )
        since = self._connection.execute(sa.select(joined)).scalar_one()
        return AbuseStanding(
            tenant_age=now - tenant.created_at,
            inviter_age=now - (since or tenant.created_at),
            reports=self._count_reporters(tenant.tenant_id, now - within),
        )

    def _count_reporters(self, tenant_id: str, since: datetime) -> int:
        """One recipient is one, however often it reported and however it is spelt."""
        query = (
            sa.select(invitations.c.invited_email)
            .distinct()
            .join(reports, reports.c.invitation_id == invitations.c.invitation_id)
            .where(reports.c.tenant_id == tenant_id, reports.c.created_at > since)
            .limit(_REPORTERS_MAX)
        )
        told = self._connection.execute(query).scalars().all()
        self._vault.prefetch((tenant_id, one) for one in told)
        addresses = (self._vault.address(tenant_id, one) for one in told)
        return len({name_recipient(EmailAddress(one)) for one in addresses})

    def _count_accepted(self, tenant_id: str, inviter_id: str) -> AcceptedCount:
        # Among the newest members only, so that it costs the same in every tenant.
        newest = (
            sa.select(memberships.c.invitation_id)
            .where(memberships.c.tenant_id == tenant_id, memberships.c.invitation_id.is_not(None))
            .order_by(memberships.c.created_at.desc())
            .limit(ACCEPTED_MAX)
            .subquery()
        )
        theirs = sa.case((invitations.c.inviter_principal_id == inviter_id, 1), else_=0)
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(theirs), 0)).select_from(
            newest.join(invitations, invitations.c.invitation_id == newest.c.invitation_id)
        )
        of_tenant, of_inviter = self._connection.execute(query).one()
        return AcceptedCount(of_tenant=of_tenant, of_inviter=int(of_inviter))

    def is_suppressed(self, address: EmailAddress, tenant_id: str) -> bool:
        query = sa.select(suppressions.c.address).where(
            sa.or_(self._is(address, EVERYWHERE), self._is(address, tenant_id))
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def find_suppression(self, address: EmailAddress, tenant_id: str) -> Suppression | None:
        row = self._connection.execute(sa.select(suppressions).where(self._is(address, tenant_id))).first()
        return None if row is None else _read_suppression(row, self._vault)

    def suppress(self, address: EmailAddress, tenant_id: str, reason: SuppressedFor) -> bool:
        values = {
            "address": self._vault.keep(tenant_id, address.key),
            "tenant_id": tenant_id,
            "reason": reason,
            "created_at": self._now(),
        }
        return insert_unless_there(self._connection, suppressions, values)

    def lift(self, address: EmailAddress, tenant_id: str) -> bool:
        gone = sa.delete(suppressions).where(self._is(address, tenant_id))
        return self._connection.execute(gone).rowcount == 1

    def list_suppressions(self, request: PageRequest) -> Page[Suppression]:
        order = (suppressions.c.created_at, suppressions.c.address)
        page = fetch_page(self._connection, sa.select(suppressions), order, request)
        self._vault.prefetch((row.tenant_id, row.address) for row in page.items)
        return page.map(lambda row: _read_suppression(row, self._vault))

    def add_report(self, tenant_id: str, invitation_id: str) -> None:
        self._connection.execute(
            sa.insert(reports).values(
                report_id=mint_id(),
                tenant_id=tenant_id,
                invitation_id=invitation_id,
                created_at=self._now(),
            )
        )

    def count_reported(self, *, within: timedelta) -> tuple[int, int]:
        query = sa.select(sa.func.count(), sa.func.count(sa.distinct(reports.c.tenant_id))).where(
            reports.c.created_at > self._now() - within
        )
        told, about = self._connection.execute(query).one()
        return told, about

    def _is(self, address: EmailAddress, tenant_id: str) -> sa.ColumnElement[bool]:
        stored = self._vault.form(tenant_id, address.key)
        return sa.and_(suppressions.c.address == stored, suppressions.c.tenant_id == tenant_id)

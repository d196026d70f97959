# SPDX-License-Identifier: Apache-2.0
"""Domains of tenants in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.domain import DomainFinding, DomainRule, ProofPolicy, Rung, TenantDomain, contradicts
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.filters import is_in_force
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import domains, memberships, tenants
from vestibule.storage.tenants import SELECT_TENANT, read_tenant
from vestibule.storage.vault import Vault

_OFFERING = [rung.value for rung in Rung if rung.needs_proof]
_ORDER = (domains.c.created_at, domains.c.domain)
_ORDER_ACROSS = (domains.c.created_at, domains.c.tenant_id)


def read_tenant_domain(row: sa.Row[Any]) -> TenantDomain:
    return TenantDomain(
        tenant_id=row.tenant_id,
        domain=row.domain,
        rung=Rung(row.rung),
        role=row.role,
        challenge=row.challenge,
        created_at=row.created_at,
        proved_at=row.proved_at,
        proof_expires_at=row.proof_expires_at,
        checked_at=row.checked_at,
        finding=None if row.finding is None else DomainFinding(row.finding),
    )


def _is(tenant_id: str, domain: str) -> sa.ColumnElement[bool]:
    return sa.and_(domains.c.tenant_id == tenant_id, domains.c.domain == domain)


class SqlDomains:
    """Implements ``ports.Domains``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find(self, tenant_id: str, domain: str) -> TenantDomain | None:
        row = self._connection.execute(sa.select(domains).where(_is(tenant_id, domain))).first()
        return None if row is None else read_tenant_domain(row)

    def find_rule(self, tenant_id: str, domain: str) -> DomainRule | None:
        found = self.find(tenant_id, domain)
        return None if found is None else found.rule_at(self._now())

    def add(self, domain: TenantDomain) -> bool:
        values = {
            "tenant_id": domain.tenant_id,
            "domain": domain.domain,
            "rung": domain.rung.value,
            "role": domain.role,
            "challenge": domain.challenge,
            "created_at": domain.created_at,
            "domain_index": self._vault.domain_form(domain.tenant_id, domain.domain)
            if self._vault.is_sealed
            else None,
        }
        return insert_unless_there(self._connection, domains, values)

    def set_rung(self, tenant_id: str, domain: str, *, rung: Rung, role: str) -> bool:
        change = sa.update(domains).where(_is(tenant_id, domain)).values(rung=rung.value, role=role)
        return self._connection.execute(change).rowcount == 1

    def remove(self, tenant_id: str, domain: str) -> bool:
        return self._connection.execute(sa.delete(domains).where(_is(tenant_id, domain))).rowcount == 1

    def count(self, tenant_id: str) -> int:
        query = sa.select(sa.func.count()).select_from(domains).where(domains.c.tenant_id == tenant_id)
        return int(self._connection.execute(query).scalar_one())

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[TenantDomain]:
        query = sa.select(domains).where(domains.c.tenant_id == tenant_id)
        return fetch_page(self._connection, query, _ORDER, request, descending=False).map(read_tenant_domain)

    def list_offers(
        self, principal_id: str, domains_of: Iterable[str], request: PageRequest
    ) -> Page[tuple[TenantDomain, Tenant]]:
        now = self._now()
        belongs = sa.exists().where(
            memberships.c.tenant_id == domains.c.tenant_id,
            memberships.c.principal_id == principal_id,
            is_in_force(now),
        )
        query = (
            sa.select(domains)
            .join(tenants, tenants.c.tenant_id == domains.c.tenant_id)
            .where(domains.c.domain.in_(sorted(domains_of)), domains.c.rung.in_(_OFFERING))
            .where(domains.c.proof_expires_at > now, ~belongs)
            .where(tenants.c.suspended_at.is_(None), tenants.c.deleted_at.is_(None))
        )
        page = fetch_page(self._connection, query, _ORDER_ACROSS, request, descending=False)
        return page.map(lambda row: (read_tenant_domain(row), self._get_tenant(row.tenant_id)))

    def record_look(
        self, looked_at: TenantDomain, finding: DomainFinding, *, proof_expires_at: datetime | None
    ) -> bool:
        now = self._now()
        values: dict[str, Any] = {"checked_at": now, "finding": finding.value}
        if proof_expires_at is not None:
            values |= {"proved_at": now, "proof_expires_at": proof_expires_at}
        # The challenge is the row's own: a domain that was removed and named again is to be proved again.
        change = (
            sa.update(domains)
            .where(_is(looked_at.tenant_id, looked_at.domain), domains.c.challenge == looked_at.challenge)
            .values(values)
        )
        return self._connection.execute(change).rowcount == 1

    def list_due(self, rules: ProofPolicy, limit: int) -> Sequence[TenantDomain]:
        now = self._now()
        is_failing = domains.c.finding != DomainFinding.PROVED.value
        is_due = sa.or_(
            domains.c.checked_at <= now - rules.check_every,
            sa.and_(is_failing, domains.c.checked_at <= now - rules.check_failing_every),
        )
        query = (
            sa.select(domains)
            .join(tenants, tenants.c.tenant_id == domains.c.tenant_id)
            .where(tenants.c.deleted_at.is_(None), domains.c.proof_expires_at > now, is_due)
        )
        return self._list(query.order_by(domains.c.checked_at).limit(limit))

    def list_lapsed(self, limit: int) -> Sequence[TenantDomain]:
        query = sa.select(domains).where(domains.c.proof_expires_at <= self._now())
        return self._list(query.order_by(domains.c.tenant_id, domains.c.domain).limit(limit))

    def record_lapse(self, tenant_id: str, domain: str) -> bool:
        change = (
            sa.update(domains)
            .where(_is(tenant_id, domain), domains.c.proof_expires_at <= self._now())
            .values(proved_at=None, proof_expires_at=None)
        )
        return self._connection.execute(change).rowcount == 1

    def list_ending(self, before: datetime, limit: int) -> Sequence[TenantDomain]:
        is_ending = sa.and_(domains.c.proof_expires_at > self._now(), domains.c.proof_expires_at < before)
        query = sa.select(domains).where(is_ending)
        return self._list(query.order_by(domains.c.proof_expires_at).limit(limit))

    def find_any(self) -> TenantDomain | None:
        row = self._connection.execute(sa.select(domains).limit(1)).first()
        return None if row is None else read_tenant_domain(row)

    def list_contradictory(self, limit: int) -> Sequence[TenantDomain]:
        query = (
            sa.select(domains)
            .join(tenants, tenants.c.tenant_id == domains.c.tenant_id)
            .where(tenants.c.deleted_at.is_(None))
            .order_by(domains.c.tenant_id, domains.c.domain)
        )
        found: list[TenantDomain] = []
        for row in self._connection.execute(query):
            domain = read_tenant_domain(row)
            if contradicts(domain, self._get_tenant(domain.tenant_id).policy):
                found.append(domain)
            if len(found) == limit:
                break
        return found

    def _list(self, query: sa.Select[Any]) -> Sequence[TenantDomain]:
        return [read_tenant_domain(row) for row in self._connection.execute(query)]

    def _get_tenant(self, tenant_id: str) -> Tenant:
        return read_tenant(
            self._connection.execute(SELECT_TENANT.where(tenants.c.tenant_id == tenant_id)).one()
        )

# SPDX-License-Identifier: Apache-2.0
"""Domains of tenants, what the world says of them, and requests to join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from vestibule.core.domain import (
    DomainAnswer,
    DomainFinding,
    DomainKind,
    DomainRule,
    ProofPolicy,
    Rung,
    TenantDomain,
)
from vestibule.core.email import EmailAddress
from vestibule.core.joining import JoinRequest, JoinRequestState
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant


class DomainNames(Protocol):
    """What the world says of a domain. Ask outside of transactions."""

    def classify(self, domain: str) -> DomainKind | None:
        """Whether anybody can have an address there, as far as lists know."""

    async def look_up(self, name: str) -> DomainAnswer:
        """The texts of the TXT records at exactly *name*; whatever goes wrong on the way is in the answer."""


class Domains(Protocol):
    """The domains of tenants."""

    def find(self, tenant_id: str, domain: str) -> TenantDomain | None: ...

    def find_rule(self, tenant_id: str, domain: str) -> DomainRule | None:
        """What it says now."""

    def add(self, domain: TenantDomain) -> bool:
        """False when the tenant has it already."""

    def set_rung(self, tenant_id: str, domain: str, *, rung: Rung, role: str) -> bool: ...

    def remove(self, tenant_id: str, domain: str) -> bool: ...

    def count(self, tenant_id: str) -> int: ...

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[TenantDomain]: ...

    def list_offers(
        self, principal_id: str, domains: Iterable[str], request: PageRequest
    ) -> Page[tuple[TenantDomain, Tenant]]:
        """Proved rules of active tenants for *domains*, but for tenants that the principal is a member of."""

    def record_look(
        self, looked_at: TenantDomain, finding: DomainFinding, *, proof_expires_at: datetime | None
    ) -> bool:
        """Write what was found; with *proof_expires_at* a proof. False when the row is another by now."""

    def list_due(self, rules: ProofPolicy, limit: int) -> Sequence[TenantDomain]:
        """Live proofs that were not looked for lately."""

    def list_lapsed(self, limit: int) -> Sequence[TenantDomain]:
        """Proofs that the clock has ended, and nobody has recorded."""

    def record_lapse(self, tenant_id: str, domain: str) -> bool:
        """Forget an ended proof; false when it is not ended."""

    def list_ending(self, before: datetime, limit: int) -> Sequence[TenantDomain]:
        """Live proofs that end before that moment."""

    def find_any(self) -> TenantDomain | None: ...

    def list_contradictory(self, limit: int) -> Sequence[TenantDomain]:
        """Rules of tenants that their own allow-list or required connection takes back."""


class JoinRequests(Protocol):
    """Requests to join."""

    def find(self, tenant_id: str, request_id: str) -> JoinRequest | None: ...

    def add(self, request: JoinRequest) -> bool:
        """False when the principal has an open one there."""

    def decide(
        self, tenant_id: str, request_id: str, *, by_principal_id: str, invitation_id: str | None
    ) -> bool:
        """Approved with the invitation it became, or rejected; false when it is no longer open."""

    def list_of_tenant(
        self, tenant_id: str, state: JoinRequestState | None, request: PageRequest
    ) -> Page[JoinRequest]: ...

    def count_open(self, tenant_id: str, ceiling: int) -> int: ...

    def withdraw_of(self, principal_id: str) -> int:
        """Close what this principal has open, everywhere; how many."""

    def was_rejected(self, tenant_id: str, principal_id: str, since: datetime) -> bool: ...

    def was_removed(self, tenant_id: str, principal_id: str, address: EmailAddress, since: datetime) -> bool:
        """Has somebody else removed this principal, or one that had the address, from the tenant?"""

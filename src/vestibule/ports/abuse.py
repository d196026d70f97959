# SPDX-License-Identifier: Apache-2.0
"""Who wants no mail, who was reported, and what speaks for a sender."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from vestibule.core.abuse import SuppressedFor, Suppression
from vestibule.core.email import EmailAddress
from vestibule.core.limits import Limits
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant


class Abuse(Protocol):
    """Suppressions, reports, and the standing of senders."""

    def take_allowance(self, tenant: Tenant, inviter_id: str, limits: Limits) -> int | None:
        """Count one more issue or resend; seconds to wait when the tenant or the inviter has no more left."""

    def is_suppressed(self, address: EmailAddress, tenant_id: str) -> bool:
        """By this tenant's mail, or by all."""

    def find_suppression(self, address: EmailAddress, tenant_id: str) -> Suppression | None:
        """Exactly this one; with an empty *tenant_id* that of all mail."""

    def suppress(self, address: EmailAddress, tenant_id: str, reason: SuppressedFor) -> bool:
        """Whether it is new."""

    def lift(self, address: EmailAddress, tenant_id: str) -> bool:
        """Whether there was one."""

    def list_suppressions(self, request: PageRequest) -> Page[Suppression]: ...

    def add_report(self, tenant_id: str, invitation_id: str) -> None: ...

    def count_reported(self, *, within: timedelta) -> tuple[int, int]:
        """How many reports there were *within* that time, and about how many tenants."""

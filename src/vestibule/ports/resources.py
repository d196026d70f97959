# SPDX-License-Identifier: Apache-2.0
"""What else than the tenant a role can be held on, and who holds one there (ISS-18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vestibule.core.paging import Page, PageRequest
from vestibule.core.resource import HeldGrant, Resource


class Resources(Protocol):
    """Resources of tenants, named by the host, and the grants on them."""

    def find(self, tenant_id: str, resource_id: str) -> Resource | None: ...

    def put(self, tenant_id: str, resource_id: str, name: str) -> bool:
        """Whether it is new, or was deleted before."""

    def delete(self, tenant_id: str, resource_id: str) -> bool:
        """Whether there was one."""

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Resource]: ...

    def list_pending_on(self, tenant_id: str, resource_id: str) -> Sequence[str]:
        """Ids of invitations still open that would grant something there."""

    def list_grants(self, tenant_id: str, principal_id: str) -> Sequence[HeldGrant]:
        """What this member holds now, beside its membership."""

    def end_grants(
        self, tenant_id: str, *, principal_id: str | None = None, resource_id: str | None = None
    ) -> Sequence[HeldGrant]:
        """Delete every grant of that member, or on that resource, and give them back."""

    def end_expired(self, limit: int) -> Sequence[HeldGrant]:
        """Delete grants past their end and give them back."""

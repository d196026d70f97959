# SPDX-License-Identifier: Apache-2.0
"""Reading one tenant: state, policy and seats."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.identity import Actor, actor_id
from vestibule.core.tenant import Membership, Tenant
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantView:
    """A tenant, its seats (used, allowed; None without a limit) and the caller's own membership there."""

    tenant: Tenant
    seats: tuple[int, int] | None
    standing: Membership | None


def get_tenant(uow: UnitOfWork, actor: Actor, tenant_id: str) -> TenantView:
    """The tenant, for its host or its administrators.

    Raises:
        NotPermittedError: a key without the scope ``tenants``, or a member without the right.
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    standing = uow.members.find(tenant_id, actor_id(actor))
    found = uow.tenants.find(tenant_id)
    tenant = authority.check_overseer(actor, "tenants", tenant_id, found, standing, uow.now())
    return TenantView(tenant=tenant, seats=uow.tenants.seats(tenant_id), standing=standing)

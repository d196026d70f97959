# SPDX-License-Identifier: Apache-2.0
"""Reading members: a tenant's list, and one's own memberships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.identity import Actor, actor_id
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Membership, Tenant
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork

OWN_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMembership:
    """One of my memberships, with its tenant."""

    membership: Membership
    tenant: Tenant


def list_members(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[Membership]:
    """A page of this tenant's members, in force or yet to begin, the oldest first.

    Raises:
        NotPermittedError: a key without the scope ``members``, or a member without the right.
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    standing = uow.members.find(tenant_id, actor_id(actor))
    tenant = uow.tenants.find(tenant_id)
    authority.check_overseer(actor, "members", tenant_id, tenant, standing, uow.now())
    return uow.members.list_of_tenant(tenant_id, request)


def list_own_memberships(uow: UnitOfWork, actor: Actor) -> Sequence[OwnMembership]:
    """Where the caller is a member in force, of tenants that are not deleted."""
    identity = authority.check_principal(actor)
    now = uow.now()
    found = []
    for membership in uow.members.list_of_principal(identity.principal_id)[:OWN_MAX]:
        tenant = uow.tenants.find(membership.tenant_id)
        if tenant is not None and tenant.deleted_at is None and membership.is_in_force(now):
            found.append(OwnMembership(membership=membership, tenant=tenant))
    return found


def list_fellow_members(
    uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest
) -> tuple[Tenant, Membership, Page[Membership]]:
    """The tenant, the caller's own membership, and a page of members, for any member in force.

    Whoever shows this to fellow members shows names and roles, not addresses.

    Raises:
        NotFoundError: no such tenant, or the actor does not belong to it.
    """
    identity = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id)
    standing = authority.check_member(tenant, uow.members.find(tenant_id, identity.principal_id), uow.now())
    if tenant is None:
        raise NotFoundError
    return tenant, standing, uow.members.list_of_tenant(tenant_id, request)


def get_member(uow: UnitOfWork, actor: Actor, tenant_id: str, principal_id: str) -> Membership:
    """One member of this tenant, for its administrators, or oneself.

    Raises:
        NotFoundError, NotPermittedError: unknown here, or not the actor's to see.
    """
    identity = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id)
    standing = uow.members.find(tenant_id, identity.principal_id)
    if identity.principal_id == principal_id:
        return authority.check_member(tenant, standing, uow.now())
    authority.check_administrator(tenant, standing, uow.now())
    found = uow.members.find(tenant_id, principal_id)
    if found is None:
        raise NotFoundError
    return found

# SPDX-License-Identifier: Apache-2.0
"""Resources on which an invitation can grant roles beside the membership: put, list, delete (ISS-18, E05)."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.event import GrantEnded, InvitationRevoked, ResourceDeleted, ResourcePut
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.naming import check_name
from vestibule.core.paging import Page, PageRequest
from vestibule.core.resource import RESOURCE_NAME_MAX, HeldGrant, Resource
from vestibule.core.tenant import Tenant
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def put_resource(
    uow: UnitOfWork, actor: Actor, tenant_id: str, resource_id: str, name: str, *, context: RequestContext
) -> tuple[Resource, bool]:
    """The tenant has this resource under this name; also whether it is new.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
        NotFoundError: no such tenant.
    """
    authority.check_key(actor, "tenants")
    check_name("/name", name, RESOURCE_NAME_MAX)
    _get_tenant(uow, tenant_id)
    is_new = uow.resources.put(tenant_id, resource_id, name)
    event = ResourcePut(tenant_id=tenant_id, resource_id=resource_id, is_new=is_new)
    uow.audit.append(event, actor=actor, context=context)
    found = uow.resources.find(tenant_id, resource_id)
    if found is None:
        raise NotFoundError
    uow.commit()
    return found, is_new


def delete_resource(
    uow: UnitOfWork, actor: Actor, tenant_id: str, resource_id: str, *, context: RequestContext
) -> None:
    """The resource is gone, with every grant on it; invitations that named it are revoked as a whole.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
        NotFoundError: no such tenant or resource.
    """
    authority.check_key(actor, "tenants")
    _get_tenant(uow, tenant_id)
    if not uow.resources.delete(tenant_id, resource_id):
        raise NotFoundError
    revoked = 0
    for invitation_id in uow.resources.list_pending_on(tenant_id, resource_id):
        if uow.invitations.revoke(tenant_id, invitation_id, "resource_deleted"):
            revoked += 1
            event = InvitationRevoked(
                tenant_id=tenant_id, invitation_id=invitation_id, reason="resource_deleted"
            )
            uow.audit.append(event, actor=actor, context=context)
    for one in uow.resources.end_grants(tenant_id, resource_id=resource_id):
        ended = GrantEnded(
            tenant_id=tenant_id,
            principal_id=one.principal_id,
            resource_id=resource_id,
            role=one.role,
            reason="resource_deleted",
        )
        uow.audit.append(ended, actor=actor, context=context)
    gone = ResourceDeleted(tenant_id=tenant_id, resource_id=resource_id, revoked_count=revoked)
    uow.audit.append(gone, actor=actor, context=context)
    uow.commit()


def list_resources(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[Resource]:
    """A page of this tenant's resources, the oldest first, for its host or its administrators.

    Raises:
        NotPermittedError, NotFoundError: not the actor's to see.
    """
    _check_reader(uow, actor, tenant_id)
    return uow.resources.list_of_tenant(tenant_id, request)


def list_grants(uow: UnitOfWork, actor: Actor, tenant_id: str, principal_id: str) -> Sequence[HeldGrant]:
    """What this member holds now beside its membership; for the host, administrators, and oneself.

    Raises:
        NotPermittedError, NotFoundError: not the actor's to see.
    """
    if isinstance(actor, HostKey) or actor.principal_id != principal_id:
        _check_reader(uow, actor, tenant_id)
    else:
        standing = uow.members.find(tenant_id, principal_id)
        authority.check_member(uow.tenants.find(tenant_id), standing, uow.now())
    member = uow.members.find(tenant_id, principal_id)
    # What a membership carries ends with it, whatever its own end says (ATTACKS E04).
    if member is None or not member.is_in_force(uow.now()):
        return ()
    return uow.resources.list_grants(tenant_id, principal_id)


def _check_reader(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    tenant = uow.tenants.find(tenant_id)
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants")
        if tenant is None or tenant.deleted_at is not None:
            raise NotFoundError
        return
    standing = uow.members.find(tenant_id, actor.principal_id)
    authority.check_administrator(tenant, standing, uow.now())


def _get_tenant(uow: UnitOfWork, tenant_id: str) -> Tenant:
    # Alone on the tenant: an invitation that is just naming a resource must be seen, and revoked with it.
    tenant = uow.tenants.find(tenant_id, lock="update")
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    return tenant

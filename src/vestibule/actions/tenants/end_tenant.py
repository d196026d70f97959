# SPDX-License-Identifier: Apache-2.0
"""Suspend, resume, delete a tenant; suspension and deletion revoke what is pending (LIF-03, E03)."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.event import InvitationRevoked, TenantDeleted, TenantResumed, TenantSuspended
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.tenant import Tenant
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def suspend_tenant(uow: UnitOfWork, actor: Actor, tenant_id: str, *, context: RequestContext) -> Tenant:
    """The tenant is suspended and its pending invitations are revoked; repeating changes nothing.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
        NotFoundError: no such tenant.
    """
    _get(uow, actor, tenant_id)
    if uow.tenants.set_suspended(tenant_id, suspended=True):
        count = _revoke_all(uow, actor, tenant_id, "tenant_suspended", context)
        uow.audit.append(
            TenantSuspended(tenant_id=tenant_id, revoked_count=count), actor=actor, context=context
        )
    return _finish(uow, tenant_id)


def resume_tenant(uow: UnitOfWork, actor: Actor, tenant_id: str, *, context: RequestContext) -> Tenant:
    """The tenant is active again; nothing that was revoked comes back.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
        NotFoundError: no such tenant.
    """
    _get(uow, actor, tenant_id)
    if uow.tenants.set_suspended(tenant_id, suspended=False):
        uow.audit.append(TenantResumed(tenant_id=tenant_id), actor=actor, context=context)
    return _finish(uow, tenant_id)


def delete_tenant(uow: UnitOfWork, actor: Actor, tenant_id: str, *, context: RequestContext) -> None:
    """The tenant is gone for good, its invitations revoked; its id can't be used again.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
        NotFoundError: no such tenant.
    """
    _get(uow, actor, tenant_id)
    if not uow.tenants.set_deleted(tenant_id):
        raise NotFoundError
    count = _revoke_all(uow, actor, tenant_id, "tenant_deleted", context)
    uow.audit.append(TenantDeleted(tenant_id=tenant_id, revoked_count=count), actor=actor, context=context)
    uow.commit()


def _get(uow: UnitOfWork, actor: Actor, tenant_id: str) -> Tenant:
    authority.check_key(actor, "tenants", tenant_id=tenant_id)
    tenant = uow.tenants.find(tenant_id, lock="update")
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    return tenant


def _revoke_all(uow: UnitOfWork, actor: Actor, tenant_id: str, reason: str, context: RequestContext) -> int:
    revoked = uow.invitations.revoke_of_tenant(tenant_id, reason)
    for _, invitation_id in revoked:
        event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
        uow.audit.append(event, actor=actor, context=context)
    return len(revoked)


def _finish(uow: UnitOfWork, tenant_id: str) -> Tenant:
    tenant = uow.tenants.find(tenant_id)
    if tenant is None:
        raise NotFoundError
    uow.commit()
    return tenant

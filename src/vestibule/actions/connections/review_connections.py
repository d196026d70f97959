# SPDX-License-Identifier: Apache-2.0
"""Reading connections: for whoever looks after them, and what is offered to whoever wants to sign in."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.account import LOCAL_CONNECTION
from vestibule.core.connection import Connection
from vestibule.core.identity import Actor, HostKey
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant
from vestibule.errors import NotFoundError
from vestibule.ports import UnitOfWork


def get_connection(uow: UnitOfWork, actor: Actor, tenant_id: str, connection_id: str) -> Connection:
    """One connection of that tenant, or with an empty *tenant_id* of the deployment.

    Raises:
        NotFoundError: no such connection or tenant, or the actor does not belong to it.
        NotPermittedError: neither a key with the scope ``tenants`` nor an administrator of the tenant.
    """
    _check(uow, actor, tenant_id)
    found = uow.connections.find(connection_id)
    if found is None or found.tenant_id != tenant_id:
        raise NotFoundError
    return found


def list_connections(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[Connection]:
    """A page of that tenant's connections, the oldest first; with an empty *tenant_id* the deployment's.

    Raises:
        NotFoundError, NotPermittedError: as in ``get_connection``.
    """
    _check(uow, actor, tenant_id)
    return uow.connections.list_of_tenant(tenant_id, request)


def list_stored(uow: UnitOfWork) -> Sequence[Connection]:
    """Every connection, for a process that looks whether it can open their secrets."""
    return uow.connections.list_all()


def list_every_connection(uow: UnitOfWork, actor: Actor) -> Sequence[tuple[Connection, Tenant | None]]:
    """Every connection with its tenant, for looking after the deployment.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
    """
    authority.check_key(actor, "tenants")
    return [
        (one, uow.tenants.find(one.tenant_id) if one.tenant_id else None)
        for one in uow.connections.list_all()
    ]


def list_ways_in(uow: UnitOfWork, tenant_id: str | None) -> tuple[Sequence[Connection], bool]:
    """What a sign-in page offers, and whether local accounts are among it.

    With *tenant_id* (of the invitation in this browser) that tenant's own connections come first; when it
    demands one, that one is all there is.
    """
    tenant = uow.tenants.find(tenant_id) if tenant_id is not None else None
    required = tenant.policy.require_connection if tenant is not None else None
    if tenant is not None and required is not None:
        wanted = uow.connections.find_offered(required)
        is_its = wanted is not None and wanted.tenant_id in {"", tenant.tenant_id}
        return ([wanted] if wanted is not None and is_its else [], required == LOCAL_CONNECTION)
    own = uow.connections.list_offered(tenant.tenant_id) if tenant is not None else []
    return ([*own, *uow.connections.list_offered("")], True)


def _check(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    if not tenant_id:
        authority.check_key(actor, "tenants")
        return
    tenant = uow.tenants.find(tenant_id)
    if isinstance(actor, HostKey):
        authority.check_key(actor, "tenants")
        if tenant is None or tenant.deleted_at is not None:
            raise NotFoundError
        return
    authority.check_administrator(tenant, uow.members.find(tenant_id, actor.principal_id), uow.now())

# SPDX-License-Identifier: Apache-2.0
"""Reading connections: for whoever looks after them, and what is offered to whoever wants to sign in."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.account import LOCAL_CONNECTION
from vestibule.core.connecting import BUILT_IN
from vestibule.core.connection import Connection
from vestibule.core.email import EmailAddress
from vestibule.core.identity import Actor, HostKey, VerifiedIdentity
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


def list_every_connection(uow: UnitOfWork, actor: Actor) -> Sequence[Connection]:
    """Every connection, of all tenants and the deployment.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
    """
    authority.check_key(actor, "tenants")
    return uow.connections.list_all()


def list_missing_demands(uow: UnitOfWork, actor: Actor) -> Sequence[tuple[str, str]]:
    """Tenants, each with the connection that it demands and that nobody can use.

    Raises:
        NotPermittedError: no key with the scope ``tenants``.
    """
    authority.check_key(actor, "tenants")
    demanded = [
        (tenant_id, policy.require_connection)
        for tenant_id, policy in uow.connections.list_policies()
        if policy.require_connection not in {None, *BUILT_IN}
    ]
    return [
        (tenant_id, required)
        for tenant_id, required in demanded
        if required is not None and _find_of(uow, tenant_id, required) is None
    ]


def list_ways_in(
    uow: UnitOfWork, tenant_id: str | None, invited_email: EmailAddress | None
) -> tuple[Sequence[Connection], bool]:
    """What a sign-in page offers, and whether local accounts are among it.

    With an invitation in this browser its tenant's own connections come first; when the tenant demands one of
    the invited person, that one is all there is.
    """
    tenant = uow.tenants.find(tenant_id) if tenant_id is not None else None
    if tenant is None or invited_email is None:
        return (uow.connections.list_offered(""), True)
    required = _find_required(tenant, invited_email)
    if required is not None:
        wanted = _find_of(uow, tenant.tenant_id, required)
        return ([] if wanted is None else [wanted], required == LOCAL_CONNECTION)
    return ([*uow.connections.list_offered(tenant.tenant_id), *uow.connections.list_offered("")], True)


def find_demanded(
    uow: UnitOfWork, identity: VerifiedIdentity | None, tenant_id: str, invited_email: EmailAddress
) -> Connection | None:
    """What the tenant demands of whoever holds *invited_email*, if *identity* came another way."""
    tenant = uow.tenants.find(tenant_id)
    required = _find_required(tenant, invited_email) if tenant is not None else None
    if required is None or (identity is not None and identity.connection == required):
        return None
    return _find_of(uow, tenant_id, required)


def _find_required(tenant: Tenant, invited_email: EmailAddress) -> str | None:
    # Whose address is not kept may be one of the exceptions; at accepting, the session's own decides.
    if not invited_email.is_kept and tenant.policy.connection_exceptions:
        return None
    return tenant.policy.connection_for(invited_email)


def find_way_to(uow: UnitOfWork, connection_id: str) -> Connection | None:
    """The connection, if it can be used now."""
    return uow.connections.find_shown(connection_id)


def _find_of(uow: UnitOfWork, tenant_id: str, connection_id: str) -> Connection | None:
    """The connection, if it can be used now and is that tenant's or everybody's."""
    found = uow.connections.find_shown(connection_id)
    return found if found is not None and found.tenant_id in {"", tenant_id} else None


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

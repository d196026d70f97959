# SPDX-License-Identifier: Apache-2.0
"""Server-side sessions: who is signed in as of now, and in which tenants that is enough (ACC-05)."""

from __future__ import annotations

from vestibule.core.connection import check_connection
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.token import digest
from vestibule.ports import UnitOfWork


def find_session(uow: UnitOfWork, secret: str, tenant_id: str | None = None) -> VerifiedIdentity | None:
    """Who is signed in with this cookie, as of now; with *tenant_id*, for a look into that tenant.

    Raises:
        ConnectionRequiredError: a member of the tenant, signed in another way than it demands.
    """
    identity = uow.sessions.find(digest(secret))
    if identity is None or tenant_id is None:
        return identity
    tenant = uow.tenants.find(tenant_id)
    if tenant is None or tenant.policy.require_connection is None:
        return identity
    # Who doesn't belong to the tenant learns nothing of it, not even what it demands (ruling 13).
    standing = uow.members.find(tenant_id, identity.principal_id)
    if standing is not None and standing.is_in_force(uow.now()):
        check_connection(tenant, identity)
    return identity


def sign_out(uow: UnitOfWork, secret: str) -> None:
    """The session is over, on the server."""
    uow.sessions.end(digest(secret))
    uow.commit()

# SPDX-License-Identifier: Apache-2.0
"""Revoke: end a pending grant by hand; one write, effective on the next request everywhere (LIF-02)."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.event import InvitationRevoked
from vestibule.core.identity import Actor, RequestContext
from vestibule.errors import NotFoundError, NotPendingError
from vestibule.ports import UnitOfWork


def revoke(
    uow: UnitOfWork, actor: Actor, tenant_id: str, invitation_id: str, *, context: RequestContext
) -> None:
    """The invitation is revoked and its link dead.

    Raises:
        NotFoundError: no such invitation in this tenant, or the actor does not belong to it.
        NotPermittedError: the actor does not administer the tenant.
        NotPendingError: it has reached a final state already.
    """
    principal = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    authority.check_administrator(tenant, uow.members.find(tenant_id, principal.principal_id), now)
    if uow.invitations.find(tenant_id, invitation_id) is None:
        raise NotFoundError
    if not uow.invitations.revoke(tenant_id, invitation_id, "revoked"):
        raise NotPendingError
    event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason="revoked")
    uow.audit.append(event, actor=actor, context=context)
    uow.commit()

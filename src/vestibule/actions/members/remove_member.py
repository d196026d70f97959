# SPDX-License-Identifier: Apache-2.0
"""Remove a person from a tenant, with everything through which they could walk back in (TEN-01, E01)."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.event import InvitationRevoked, MembershipRemoved
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.policy import OWNER
from vestibule.core.tenant import Membership
from vestibule.errors import LastOwnerError, NotFoundError
from vestibule.ports import UnitOfWork


def remove_member(
    uow: UnitOfWork, actor: Actor, tenant_id: str, principal_id: str, *, context: RequestContext
) -> None:
    """The principal is no member; invitations it issued here and any to its addresses are revoked.

    Raises:
        NotPermittedError: a key without the scope ``members``, or a member who may not remove that role.
        NotFoundError: no such tenant or member, or the actor does not belong to the tenant.
        LastOwnerError: it is the tenant's last owner.
    """
    removed = _authorise(uow, actor, tenant_id, principal_id)
    if removed.role == OWNER and not uow.members.has_other_owner(tenant_id, principal_id):
        raise LastOwnerError
    _revoke_around(uow, actor, removed, context)
    if not uow.members.remove(tenant_id, principal_id):
        raise NotFoundError
    gone = MembershipRemoved(
        tenant_id=tenant_id, principal_id=principal_id, role=removed.role, reason="removed"
    )
    uow.audit.append(gone, actor=actor, context=context)
    uow.commit()


def _authorise(uow: UnitOfWork, actor: Actor, tenant_id: str, principal_id: str) -> Membership:
    """The membership that may be removed."""
    if isinstance(actor, HostKey):
        authority.check_key(actor, "members", tenant_id=tenant_id)
    # Alone on the tenant: an invitation being issued by the removed must be seen, and revoked with the rest.
    tenant = uow.tenants.find(tenant_id, lock="update")
    now = uow.now()
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    removing = None
    if not isinstance(actor, HostKey):
        removing = authority.check_member(tenant, uow.members.find(tenant_id, actor.principal_id), now)
        if removing.principal_id != principal_id:
            authority.check_administrator(tenant, removing, now)
    removed = uow.members.find(tenant_id, principal_id)
    if removed is None:
        raise NotFoundError
    if removing is not None:
        authority.check_may_remove(tenant.policy, removing, removed)
    return removed


def _revoke_around(uow: UnitOfWork, actor: Actor, removed: Membership, context: RequestContext) -> None:
    """Revoke what the removed issued here, and what would let it back in."""
    tenant_id, principal_id = removed.tenant_id, removed.principal_id
    record = uow.principals.find(principal_id)
    known = {*(record.addresses if record is not None else ()), *([removed.email] if removed.email else [])}
    issued = uow.invitations.revoke_of_inviter(principal_id, "inviter_removed", tenant_id=tenant_id)
    received = uow.invitations.revoke_of_addresses(known, "person_removed", tenant_id=tenant_id)
    for revoked, reason in ((issued, "inviter_removed"), (received, "person_removed")):
        for _, invitation_id in revoked:
            event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
            uow.audit.append(event, actor=actor, context=context)

# SPDX-License-Identifier: Apache-2.0
"""Remove a person from a tenant, with everything through which they could walk back in (TEN-01, E01)."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.event import InvitationRevoked, MembershipRemoved
from vestibule.core.identity import Actor, HostKey, RequestContext
from vestibule.core.policy import OWNER
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
    if isinstance(actor, HostKey):
        authority.check_key(actor, "members")
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    if isinstance(actor, HostKey):
        if tenant is None or tenant.deleted_at is not None:
            raise NotFoundError
        removing = None
    else:
        removing = authority.check_member(tenant, uow.members.find(tenant_id, actor.principal_id), now)
    if removing is not None and removing.principal_id != principal_id:
        authority.check_administrator(tenant, removing, now)
    removed = uow.members.find(tenant_id, principal_id)
    if removed is None or tenant is None:
        raise NotFoundError
    if removing is not None:
        authority.check_may_remove(tenant.policy, removing, removed)
    if removed.role == OWNER and not uow.members.has_other_owner(tenant_id, principal_id):
        raise LastOwnerError
    record = uow.principals.find(principal_id)
    addresses = {
        *(record.addresses if record is not None else ()),
        *([removed.email] if removed.email else []),
    }
    revoked = [
        (found, "inviter_removed")
        for found in uow.invitations.revoke_of_inviter(principal_id, "inviter_removed", tenant_id=tenant_id)
    ]
    revoked += [
        (found, "person_removed")
        for found in uow.invitations.revoke_of_addresses(addresses, "person_removed", tenant_id=tenant_id)
    ]
    for (_, invitation_id), reason in revoked:
        event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
        uow.audit.append(event, actor=actor, context=context)
    if not uow.members.remove(tenant_id, principal_id):
        raise NotFoundError
    gone = MembershipRemoved(
        tenant_id=tenant_id, principal_id=principal_id, role=removed.role, reason="removed"
    )
    uow.audit.append(gone, actor=actor, context=context)
    uow.commit()

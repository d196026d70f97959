# SPDX-License-Identifier: Apache-2.0
"""Put a member by an administrative act of the host: its own source of truth, recorded as such."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core import authority
from vestibule.core.email import EmailAddress
from vestibule.core.event import InvitationRevoked, MembershipSet
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.issuing import check_role_exists
from vestibule.core.naming import MEMBER_NAME_MAX, check_name
from vestibule.core.policy import OWNER
from vestibule.core.tenant import Membership, Tenant
from vestibule.errors import FieldFault, InvalidRequestError, LastOwnerError, NotFoundError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDraft:
    """What a host says about one member."""

    role: str
    email: EmailAddress | None = None
    name: str | None = None
    expires_at: datetime | None = None


def put_member(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    principal_id: str,
    draft: MemberDraft,
    *,
    context: RequestContext,
) -> tuple[Membership, bool]:
    """The principal has this role in this tenant; also whether it is new.

    A demotion revokes what the principal has pending and could no longer issue. Putting an offboarded
    principal back is an explicit act and lifts the offboarding; a last owner kept without force has it again.

    Raises:
        NotPermittedError: no key with the scope ``members``, and ``principals`` for an offboarded one.
        NotFoundError: no such tenant.
        InvalidRequestError: unknown role, or an end that is not in the future.
        SeatLimitError: a new member has no seat.
        LastOwnerError: the tenant would lose its last lasting owner.
    """
    authority.check_key(actor, "members", tenant_id=tenant_id)
    # Alone on the tenant: an invitation being issued by a member under demotion must be seen, and revoked.
    tenant = uow.tenants.find(tenant_id, lock="update")
    now = uow.now()
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    check_role_exists(tenant.policy, draft.role)
    if draft.name is not None:
        check_name("/name", draft.name, MEMBER_NAME_MAX)
    if draft.expires_at is not None and draft.expires_at <= now:
        raise InvalidRequestError(FieldFault("/expires_at", "Give a time in the future."))
    existing = uow.members.find(tenant_id, principal_id)
    _check_owners(uow, tenant_id, principal_id, existing, draft)
    membership = Membership(
        tenant_id=tenant_id,
        principal_id=principal_id,
        role=draft.role,
        created_at=existing.created_at if existing is not None else now,
        email=draft.email.key if draft.email is not None else (existing.email if existing else None),
        name=draft.name if draft.name is not None else (existing.name if existing else None),
        expires_at=draft.expires_at,
        invitation_id=existing.invitation_id if existing is not None else None,
        starts_at=existing.starts_at if existing is not None else None,
    )
    _revoke_beyond(uow, actor, tenant, existing, draft.role, context)
    uow.members.put(membership)
    record = uow.principals.find(principal_id)
    if record is not None and record.offboarded_at is not None:
        # It was put out everywhere: whoever may speak for one tenant's members may not undo that.
        authority.check_key(actor, "principals")
        uow.principals.set_offboarded(principal_id, offboarded=False)
    event = MembershipSet(
        tenant_id=tenant_id,
        principal_id=principal_id,
        role=draft.role,
        previous_role=existing.role if existing is not None else None,
    )
    uow.audit.append(event, actor=actor, context=context)
    uow.commit()
    return membership, existing is None


def _check_owners(
    uow: UnitOfWork, tenant_id: str, principal_id: str, existing: Membership | None, draft: MemberDraft
) -> None:
    is_lasting_owner = draft.role == OWNER and draft.expires_at is None
    was_lasting_owner = existing is not None and existing.role == OWNER and existing.expires_at is None
    if is_lasting_owner or not (was_lasting_owner or draft.role == OWNER):
        return
    if not uow.members.has_other_owner(tenant_id, principal_id):
        raise LastOwnerError


def _revoke_beyond(
    uow: UnitOfWork,
    actor: Actor,
    tenant: Tenant,
    existing: Membership | None,
    role: str,
    context: RequestContext,
) -> None:
    if existing is None or existing.role == role:
        return
    lost = {granted for granted in tenant.policy.roles if not tenant.policy.may_grant(role, granted)}
    revoked = uow.invitations.revoke_of_inviter(
        existing.principal_id, "inviter_demoted", tenant_id=tenant.tenant_id, roles=lost
    )
    for tenant_id, invitation_id in revoked:
        event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason="inviter_demoted")
        uow.audit.append(event, actor=actor, context=context)

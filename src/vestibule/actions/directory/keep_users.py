# SPDX-License-Identifier: Apache-2.0
"""Keep what a tenant's directory says of its users. Whom it deactivates is out of the tenant in the same
transaction; whom it adds or reactivates gets nothing by that (CRYPTO.md 11.5, LIF-03).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from vestibule.core import authority
from vestibule.core.directory import DirectoryDraft, DirectoryUser, read_addresses
from vestibule.core.event import (
    DirectoryUserDeactivated,
    DirectoryUserPut,
    DirectoryUserRemoved,
    InvitationRevoked,
    MembershipRemoved,
    MembershipStripped,
)
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.policy import OWNER
from vestibule.core.tenant import Membership
from vestibule.core.token import mint_id
from vestibule.errors import DirectoryConflictError, NotFoundError, NotPermittedError
from vestibule.ports import UnitOfWork

_REASON = "deactivated"


def add_user(
    uow: UnitOfWork, actor: Actor, draft: DirectoryDraft, *, context: RequestContext
) -> DirectoryUser:
    """The directory has this user; one that it calls inactive is kept out from the start.

    Raises:
        NotPermittedError: no key of a directory; or the tenant keeps no addresses.
        NotFoundError: the tenant was deleted.
        DirectoryConflictError: there is a user of that name.
    """
    tenant_id = _enter(uow, actor, names=True)
    user_id = mint_id()
    if not uow.directory.add_user(tenant_id, user_id, draft):
        raise DirectoryConflictError
    return _finish(uow, actor, tenant_id, user_id, draft.addresses, context=context, is_new=True)


def change_user(
    uow: UnitOfWork,
    actor: Actor,
    was: DirectoryUser,
    draft: DirectoryDraft,
    *,
    context: RequestContext,
) -> DirectoryUser | None:
    """The user is as in *draft*, unless it is no longer as it *was* when that was drawn up: None, unchanged.

    An inactive user is out by every address it has or had until now.

    Raises:
        NotPermittedError: no key of a directory; or the tenant keeps no addresses.
        NotFoundError: no such user.
        DirectoryConflictError: there is another user of that name.
    """
    tenant_id = _enter(uow, actor, names=True)
    kept = uow.directory.find_user(tenant_id, was.user_id)
    if kept is None:
        raise NotFoundError
    # The whole of it and not its time alone, which is too coarse on one engine.
    if kept != was:
        return None
    if not uow.directory.change_user(tenant_id, was.user_id, draft):
        raise DirectoryConflictError
    addresses = draft.addresses | read_addresses(json.loads(kept.document))
    return _finish(uow, actor, tenant_id, was.user_id, addresses, context=context, is_new=False)


def remove_user(uow: UnitOfWork, actor: Actor, user_id: str, *, context: RequestContext) -> None:
    """The directory does not know the user any more: out like one deactivated, but barred no longer.

    Raises:
        NotPermittedError: no key of a directory.
        NotFoundError: no such user.
    """
    tenant_id = _enter(uow, actor)
    kept = uow.directory.find_user(tenant_id, user_id)
    if kept is None or not uow.directory.remove_user(tenant_id, user_id):
        raise NotFoundError
    _put_out(uow, actor, kept, read_addresses(json.loads(kept.document)), context)
    uow.directory.set_bars(tenant_id, user_id, ())
    removed = DirectoryUserRemoved(tenant_id=tenant_id, user_id=user_id)
    uow.audit.append(removed, actor=actor, context=context)
    uow.commit()


def _enter(uow: UnitOfWork, actor: Actor, *, names: bool = False) -> str:
    tenant_id = authority.check_directory(actor)
    # Alone on the tenant: an invitation that a leaver is just issuing must be seen, and revoked too.
    tenant = uow.tenants.find(tenant_id, lock="update")
    if tenant is None or tenant.deleted_at is not None:
        raise NotFoundError
    if names and tenant.policy.is_blind:
        raise NotPermittedError("This tenant keeps no addresses, and so no directory of people.")
    return tenant_id


def _finish(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    user_id: str,
    addresses: Iterable[str],
    *,
    context: RequestContext,
    is_new: bool,
) -> DirectoryUser:
    user = uow.directory.find_user(tenant_id, user_id)
    if user is None:
        raise NotFoundError
    put = DirectoryUserPut(tenant_id=tenant_id, user_id=user_id, is_new=is_new, is_active=user.is_active)
    uow.audit.append(put, actor=actor, context=context)
    if user.is_active:
        uow.directory.set_bars(tenant_id, user_id, ())
    else:
        _put_out(uow, actor, user, frozenset(addresses), context)
    uow.commit()
    return user


def _put_out(
    uow: UnitOfWork, actor: Actor, user: DirectoryUser, addresses: frozenset[str], context: RequestContext
) -> None:
    """Repeating it changes nothing that is not there again."""
    tenant_id = user.tenant_id
    principals = uow.directory.list_principals(tenant_id, addresses, user.external_id)
    members = [one for who in principals if (one := uow.members.find(tenant_id, who)) is not None]
    revoked = _revoke(uow, actor, tenant_id, principals, _widen(uow, addresses, principals, members), context)
    ended, kept = 0, False
    for member in members:
        if member.role == OWNER and not uow.members.has_other_owner(tenant_id, member.principal_id):
            kept = True
            _strip(uow, actor, member, context)
            continue
        ended += uow.members.remove(tenant_id, member.principal_id)
        gone = MembershipRemoved(
            tenant_id=tenant_id, principal_id=member.principal_id, role=member.role, reason=_REASON
        )
        uow.audit.append(gone, actor=actor, context=context)
    uow.directory.set_bars(tenant_id, user.user_id, addresses, principals)
    done = DirectoryUserDeactivated(
        tenant_id=tenant_id,
        user_id=user.user_id,
        memberships_ended=ended,
        invitations_revoked=revoked,
        sessions_ended=uow.directory.end_sessions(tenant_id, principals),
        last_owner_kept=kept,
    )
    uow.audit.append(done, actor=actor, context=context)


def _strip(uow: UnitOfWork, actor: Actor, member: Membership, context: RequestContext) -> None:
    if member.suspended_at is not None:
        return
    uow.members.set_suspended(member.tenant_id, member.principal_id)
    stripped = MembershipStripped(
        tenant_id=member.tenant_id, principal_id=member.principal_id, role=member.role, reason=_REASON
    )
    uow.audit.append(stripped, actor=actor, context=context)


def _widen(
    uow: UnitOfWork, addresses: frozenset[str], principals: Sequence[str], members: Sequence[Membership]
) -> set[str]:
    """Every address through which the same people could come back."""
    known = {*addresses, *(member.email for member in members if member.email)}
    for principal_id in principals:
        record = uow.principals.find(principal_id)
        known |= set(record.addresses) if record is not None else set()
    return known


def _revoke(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    principals: Sequence[str],
    addresses: set[str],
    context: RequestContext,
) -> int:
    issued = [
        invitation_id
        for who in principals
        for _, invitation_id in uow.invitations.revoke_of_inviter(
            who, "inviter_deactivated", tenant_id=tenant_id
        )
    ]
    received = [
        invitation_id
        for _, invitation_id in uow.invitations.revoke_of_addresses(
            addresses, "person_deactivated", tenant_id=tenant_id
        )
    ]
    for ids, reason in ((issued, "inviter_deactivated"), (received, "person_deactivated")):
        for invitation_id in ids:
            event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
            uow.audit.append(event, actor=actor, context=context)
    return len(issued) + len(received)

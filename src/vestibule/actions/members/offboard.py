# SPDX-License-Identifier: Apache-2.0
"""Offboard a principal everywhere at once: it can neither act nor walk back in (LIF-03, E01, E10)."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core import authority
from vestibule.core.event import (
    AuditEvent,
    InvitationRevoked,
    MembershipRemoved,
    MembershipStripped,
    PrincipalOffboarded,
)
from vestibule.core.identity import Actor, HostKey, IdempotencyRequest, RequestContext
from vestibule.core.policy import OWNER
from vestibule.core.token import digest
from vestibule.errors import NotAuthenticatedError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Offboarded:
    """What was done. *last_owner_of*: tenants that keep the row without its force, for want of an heir."""

    memberships_removed: int
    invitations_revoked: int
    sessions_ended: int
    last_owner_of: tuple[str, ...]


def offboard(uow: UnitOfWork, actor: Actor, principal_id: str, *, context: RequestContext) -> Offboarded:
    """Remove every membership, revoke what the principal issued or was sent, end its sessions, keep it out.

    The last owner of a tenant keeps the row, so that the tenant is never without one, but loses all force.

    Raises:
        NotPermittedError: no key with the scope ``principals``, and no order of the host for this principal.
        NotAuthenticatedError: the order was carried out before.
    """
    authority.check_offboard(actor, principal_id)
    _spend(uow, actor)
    record = uow.principals.find(principal_id)
    memberships = uow.members.list_of_principal(principal_id)
    # Alone on each tenant: an invitation that the principal is just issuing must be seen, and revoked too.
    for membership in memberships:
        uow.tenants.find(membership.tenant_id, lock="update")
    known = {*(record.addresses if record is not None else ()), *(m.email for m in memberships if m.email)}
    # Invitations before the principal's row, as accept locks them: no deadlock with an accept under way.
    revoked = _revoke(uow, actor, principal_id, known, context)
    uow.principals.set_offboarded(principal_id, offboarded=True)
    uow.join_requests.withdraw_of(principal_id)
    kept: list[str] = []
    removed = 0
    for membership in uow.members.list_of_principal(principal_id):
        tenant_id = membership.tenant_id
        if membership.role == OWNER and not uow.members.has_other_owner(tenant_id, principal_id):
            uow.members.set_suspended(tenant_id, principal_id)
            kept.append(tenant_id)
            gone: AuditEvent = MembershipStripped(
                tenant_id=tenant_id, principal_id=principal_id, role=membership.role, reason="offboarded"
            )
        else:
            removed += uow.members.remove(tenant_id, principal_id)
            gone = MembershipRemoved(
                tenant_id=tenant_id, principal_id=principal_id, role=membership.role, reason="offboarded"
            )
        uow.audit.append(gone, actor=actor, context=context)
    sessions = uow.accounts.end_sessions_of(principal_id)
    done = PrincipalOffboarded(
        principal_id=principal_id, memberships_removed=removed, invitations_revoked=revoked
    )
    uow.audit.append(done, actor=actor, context=context)
    uow.commit()
    return Offboarded(
        memberships_removed=removed,
        invitations_revoked=revoked,
        sessions_ended=sessions,
        last_owner_of=tuple(kept),
    )


def _spend(uow: UnitOfWork, actor: Actor) -> None:
    """An order of the host counts once; a second at the same time waits for the first."""
    if not isinstance(actor, HostKey) or actor.act is None:
        return
    spent = IdempotencyRequest(scope_hash=digest(f"act\0{actor.act.act_id}"), body_hash=digest("spent"))
    if uow.idempotency.claim(spent) is not None:
        raise NotAuthenticatedError
    uow.idempotency.keep(spent, "spent")


def _revoke(
    uow: UnitOfWork, actor: Actor, principal_id: str, addresses: set[str], context: RequestContext
) -> int:
    """Revoke what it issued and what was sent to it; how many. Each event has its row's reason."""
    issued = uow.invitations.revoke_of_inviter(principal_id, "inviter_offboarded")
    received = uow.invitations.revoke_of_addresses(addresses, "person_offboarded") if addresses else []
    for revoked, reason in ((issued, "inviter_offboarded"), (received, "person_offboarded")):
        for tenant_id, invitation_id in revoked:
            event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
            uow.audit.append(event, actor=actor, context=context)
    return len(issued) + len(received)

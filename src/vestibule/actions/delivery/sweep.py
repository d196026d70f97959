# SPDX-License-Identifier: Apache-2.0
"""Record what the clock has ended: once each, by any number of workers (LIF-04, LIF-05).

No decision waits for this: expiry is judged at use. A dead sweeper only delays the record.
"""

from __future__ import annotations

from datetime import timedelta

from vestibule.core.event import GrantEnded, InvitationExpired, InvitationRevoked, MembershipEnded
from vestibule.core.identity import RequestContext
from vestibule.core.message import EndingNotice
from vestibule.core.tenant import Membership
from vestibule.ports import UnitOfWork


def sweep(uow: UnitOfWork, *, limit: int, context: RequestContext) -> int:
    """At most *limit* expired invitations and ended memberships each are recorded; how many in all."""
    expired = uow.invitations.record_expired(limit)
    for tenant_id, invitation_id in expired:
        event = InvitationExpired(tenant_id=tenant_id, invitation_id=invitation_id)
        uow.audit.append(event, actor="clock", context=context)
    ended = uow.members.end_expired(limit)
    for membership in ended:
        gone = MembershipEnded(
            tenant_id=membership.tenant_id, principal_id=membership.principal_id, role=membership.role
        )
        uow.audit.append(gone, actor="clock", context=context)
        _revoke_issued(uow, membership, context)
    done = len(expired) + len(ended) + _end_grants(uow, limit, context) + _announce_ends(uow, limit)
    uow.commit()
    return done


def _end_grants(uow: UnitOfWork, limit: int, context: RequestContext) -> int:
    ended = uow.resources.end_expired(limit)
    for one in ended:
        gone = GrantEnded(
            tenant_id=one.tenant_id,
            principal_id=one.principal_id,
            resource_id=one.resource_id,
            role=one.role,
            reason="expired",
        )
        uow.audit.append(gone, actor="clock", context=context)
    return len(ended)


def _announce_ends(uow: UnitOfWork, limit: int) -> int:
    """Tell members so long before their end as policy says, once each (LIF-05)."""
    told = 0
    for membership, announce in uow.members.list_ending(limit):
        if membership.expires_at is None or membership.expires_at - uow.now() > timedelta(seconds=announce):
            continue
        if uow.members.set_end_announced(membership):
            told += 1
            notice = EndingNotice(tenant_id=membership.tenant_id, principal_id=membership.principal_id)
            uow.outbox.put(notice)
    return told


def _revoke_issued(uow: UnitOfWork, ended: Membership, context: RequestContext) -> None:
    # They could not be accepted any more; and must not come back to life if the inviter does (ATTACKS E01).
    reason = "inviter_ended"
    issued = uow.invitations.revoke_of_inviter(ended.principal_id, reason, tenant_id=ended.tenant_id)
    for tenant_id, invitation_id in issued:
        event = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=reason)
        uow.audit.append(event, actor="clock", context=context)


def purge(uow: UnitOfWork) -> None:
    """What is dead and kept by nobody's wish is forgotten: sessions, codes, counters, kept answers."""
    uow.purge()
    uow.commit()

# SPDX-License-Identifier: Apache-2.0
"""Record what the clock has ended: once each, by any number of workers (LIF-04, LIF-05).

No decision waits for this: expiry is judged at use. A dead sweeper only delays the record.
"""

from __future__ import annotations

from vestibule.core.event import InvitationExpired, MembershipEnded
from vestibule.core.identity import RequestContext
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
    uow.commit()
    return len(expired) + len(ended)


def purge(uow: UnitOfWork) -> None:
    """What is dead and kept by nobody's wish is forgotten: sessions, codes, counters, kept answers."""
    uow.purge()
    uow.commit()

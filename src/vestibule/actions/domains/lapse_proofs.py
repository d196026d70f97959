# SPDX-License-Identifier: Apache-2.0
"""Record the proofs that the clock has ended, with what ends with them (LIF-03, CRYPTO.md 11.3).

No decision waits for this: whether a proof lives is judged at use.
"""

from __future__ import annotations

from vestibule.core.domain import TenantDomain, rule_name
from vestibule.core.event import DomainProofLapsed, InvitationRevoked
from vestibule.core.identity import RequestContext
from vestibule.core.message import DomainNotice
from vestibule.core.policy import OWNER
from vestibule.ports import UnitOfWork

_REASON = "domain_lapsed"


def lapse_proofs(uow: UnitOfWork, *, limit: int, context: RequestContext) -> int:
    """At most *limit* ended proofs are recorded, in one transaction with what they end; how many."""
    count = sum(_lapse(uow, domain, context) for domain in uow.domains.list_lapsed(limit))
    uow.commit()
    return count


def _lapse(uow: UnitOfWork, domain: TenantDomain, context: RequestContext) -> bool:
    tenant_id, name = domain.tenant_id, domain.domain
    # Alone on the tenant, as for every change of a rule.
    uow.tenants.find(tenant_id, lock="update")
    if not uow.domains.record_lapse(tenant_id, name):
        return False
    ended = uow.invitations.revoke_of_inviter(rule_name(name), _REASON, tenant_id=tenant_id)
    for _, invitation_id in ended:
        revoked = InvitationRevoked(tenant_id=tenant_id, invitation_id=invitation_id, reason=_REASON)
        uow.audit.append(revoked, actor="clock", context=context)
    lapsed = DomainProofLapsed(tenant_id=tenant_id, domain=name, revoked_count=len(ended))
    uow.audit.append(lapsed, actor="clock", context=context)
    for owner in uow.tenants.list_administrators(tenant_id, [OWNER]):
        uow.outbox.put(DomainNotice(tenant_id=tenant_id, domain=name, principal_id=owner))
    return True

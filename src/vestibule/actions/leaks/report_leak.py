# SPDX-License-Identifier: Apache-2.0
"""A leaked link dies at once; by policy a fresh one goes to the same address, and nobody else (DEL-09).

No person's rights are judged anew: nothing is promised that was not, to nobody else, and not a second longer.
Whoever accepts is judged as ever.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vestibule.core import authority
from vestibule.core.event import InvitationResent, InvitationRevoked, LeakReported
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.message import InvitationMail, LeakNotice
from vestibule.core.tenant import Tenant
from vestibule.ports import UnitOfWork

Outcome = Literal["reissued", "cut", "revoked"]


def report_leak(
    uow: UnitOfWork, actor: Actor, claim_token_hash: bytes, *, host: str, source: str, context: RequestContext
) -> bool:
    """The link with this hash is dead from here on; whether it was one of ours at all.

    What has reached a final state, and what nobody knows, is left as it is. A link that was handed over and
    not mailed is cut, and not mailed either: its tenant's administrators are told to make another.
    So is one whose address is not kept.

    Raises:
        NotPermittedError: *actor* is no operator, and no reporter that proved itself.
    """
    authority.check_key(actor, "tenants")
    found = uow.invitations.claim_renewal(claim_token_hash)
    if found is None:
        return False
    tenant_id, invitation_id = found
    tenant = uow.tenants.find(tenant_id, lock="share")
    invitation, now = uow.invitations.find(tenant_id, invitation_id), uow.now()
    if tenant is None or invitation is None or invitation.state_at(now) is not InvitationState.PENDING:
        return True
    outcome = _end(uow, actor, tenant, invitation, now, context)
    if outcome is None:
        return True
    event = LeakReported(
        tenant_id=tenant_id,
        invitation_id=invitation_id,
        generation=invitation.generation,
        host=host,
        source=source,
        outcome=outcome,
    )
    uow.audit.append(event, actor=actor, context=context)
    for principal_id in uow.tenants.list_administrators(tenant_id, tenant.policy.administrators):
        uow.outbox.put(LeakNotice(invitation_id=invitation_id, principal_id=principal_id, outcome=outcome))
    uow.commit()
    return True


def _end(
    uow: UnitOfWork,
    actor: Actor,
    tenant: Tenant,
    invitation: Invitation,
    now: datetime,
    context: RequestContext,
) -> Outcome | None:
    subject = {"tenant_id": tenant.tenant_id, "invitation_id": invitation.invitation_id}
    if not tenant.policy.reissue_leaked:
        if not uow.invitations.revoke(tenant.tenant_id, invitation.invitation_id, "leaked"):
            return None
        uow.audit.append(InvitationRevoked(reason="leaked", **subject), actor=actor, context=context)
        return "revoked"
    # Not a second longer: else whoever leaks its own link again and again would hold it open for ever.
    lifetime = int((invitation.expires_at - now).total_seconds())
    renewed = uow.invitations.renew(
        invitation, lifetime=lifetime, policy_version=invitation.policy_version, claim_token_hash=None
    )
    if renewed is None:
        return None
    if invitation.deliver != "email" or not invitation.invited_email.is_kept:
        uow.invitations.forget_address(renewed.invitation_id, renewed.generation)
        return "cut"
    resent = InvitationResent(
        generation=renewed.generation,
        policy_version=tenant.policy_version,
        policy_hash=tenant.policy_hash,
        **subject,
    )
    uow.audit.append(resent, actor=actor, context=context)
    uow.outbox.put(InvitationMail(invitation_id=renewed.invitation_id, generation=renewed.generation))
    return "reissued"

# SPDX-License-Identifier: Apache-2.0
"""Block and report: whoever holds a live link ends what this tenant sends to its address (ISS-20)."""

from __future__ import annotations

from vestibule.core.claiming import wrong_preview_hits
from vestibule.core.event import InvitationReported, InvitationRevoked, RecipientBlocked
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.limits import Limits
from vestibule.errors import ClaimRejectedError, RateLimitedError, RejectReason
from vestibule.ports import ClaimKey, UnitOfWork


def refuse_mail(
    uow: UnitOfWork,
    identity: VerifiedIdentity | None,
    key: ClaimKey,
    *,
    is_report: bool,
    context: RequestContext,
    limits: Limits,
) -> str:
    """No more mail from this tenant to this address, and what is pending is revoked; the tenant's name.

    What waits for an approval stays: nothing was sent for it, and its approvers decide. A report is a block
    that also counts against the tenant, but for an inviter's about its own link. Holding the link is enough:
    it was sent to the address, and nobody else gains anything by it.

    Raises:
        ClaimRejectedError: unknown or no longer pending, exactly as a preview.
        RateLimitedError: the same, too often.
    """
    snapshot = uow.claims.load(key, identity.principal_id if identity is not None else "")
    grant = snapshot.grant
    actor = identity.principal_id if identity is not None else "anonymous"
    if grant is not None and grant.is_presentable(snapshot.now):
        is_report = is_report and actor != grant.inviter_principal_id
        revoked = uow.invitations.revoke_of_addresses(
            [grant.invited_email.key], "blocked", tenant_id=grant.tenant_id, with_held=False
        )
        ids = [invitation_id for _, invitation_id in revoked]
        if grant.invitation_id in ids:
            uow.abuse.suppress(grant.invited_email, grant.tenant_id, "reported" if is_report else "blocked")
            subject = {"tenant_id": grant.tenant_id, "invitation_id": grant.invitation_id}
            uow.audit.append(RecipientBlocked(**subject), actor=actor, context=context)
            if is_report:
                uow.abuse.add_report(grant.tenant_id, grant.invitation_id)
                uow.audit.append(InvitationReported(**subject), actor=actor, context=context)
            for ended in ids:
                event = InvitationRevoked(tenant_id=grant.tenant_id, invitation_id=ended, reason="blocked")
                uow.audit.append(event, actor=actor, context=context)
            uow.commit()
            return grant.tenant_name
    wait = uow.claims.settle_refusal(wrong_preview_hits(limits, context), None)
    uow.commit()
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.preview_per_ip.count)
    raise ClaimRejectedError(RejectReason.UNKNOWN if grant is None else RejectReason.REVOKED)

# SPDX-License-Identifier: Apache-2.0
"""Resend: same record, next generation; the old link dies in the same transaction (ISS-12, ISS-13)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from vestibule.core import authority, issuing
from vestibule.core.directory import check_not_barred
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import LinkToken, SignedToken, choose_token
from vestibule.core.event import InvitationLinkIssued, InvitationResent
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import Deliver, Invitation, InvitationState, renew_lifetime
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.message import InvitationMail
from vestibule.core.tenant import Tenant
from vestibule.errors import (
    FieldFault,
    InvalidRequestError,
    NotFoundError,
    NotPendingError,
    RateLimitedError,
    TooSoonError,
)
from vestibule.ports import UnitOfWork


def resend(  # noqa: PLR0913 - what a request says, each by its name
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    invitation_id: str,
    *,
    deliver: Deliver = "email",
    email: EmailAddress | None = None,
    token: SignedToken | None = None,
    context: RequestContext,
    limits: Limits,
) -> IssuedInvitation:
    """Kill the old link, start the expiry window anew, and see to delivery again, by policy as it is now.

    *email* is the address typed again, which a tenant that keeps none needs; it must be the same.

    Raises:
        NotFoundError: no such invitation in this tenant, or the actor does not belong to it.
        NotPermittedError, RoleNotAssignableError: the resender could not issue it.
        NotPendingError: it has reached a final state; there is no way back.
        InvalidRequestError: the address is needed, or is another.
        TenantSuspendedError, DomainNotAllowedError, AlreadyMemberError, TooSoonError,
        RateLimitedError: not now.
    """
    resender = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    standing = authority.check_administrator(tenant, uow.members.find(tenant_id, resender.principal_id), now)
    invitation = uow.invitations.find(tenant_id, invitation_id)
    if tenant is None or invitation is None:
        raise NotFoundError
    for role in invitation.promised_roles:
        authority.check_may_grant(tenant.policy, standing.role, role)
    authority.check_active(tenant)
    if invitation.state_at(now) is not InvitationState.PENDING:
        raise NotPendingError
    invitation = _address(uow, invitation, email)
    issuing.check_still_promised(tenant.policy, invitation, now)
    member = uow.members.find_by_address(tenant_id, invitation.invited_email, now)
    hindrance = issuing.find_hindrance(member, invitation)
    issuing.check_recipient(tenant.policy, invitation.invited_email, hindrance)
    check_not_barred(is_barred=uow.directory.is_barred(tenant_id, invitation.invited_email.key))
    if invitation.resent_at is not None:
        rest = invitation.resent_at + timedelta(seconds=tenant.policy.resend_cooldown) - now
        if rest > timedelta(0):
            raise TooSoonError(math.ceil(rest.total_seconds()))
    hits = issuing.issue_hits(limits, tenant_id, resender.principal_id, invitation.invited_email)
    wait = uow.limits.take(hits) or uow.abuse.take_allowance(tenant, resender.principal_id, limits)
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.issue_per_inviter.count)
    link = choose_token(tenant.policy, token) if deliver == "link" else None
    issued = _renew(uow, actor, tenant, invitation, link, now, context)
    uow.principals.remember(resender)
    uow.commit()
    return issued


def _address(uow: UnitOfWork, invitation: Invitation, email: EmailAddress | None) -> Invitation:
    if email is None:
        if not invitation.invited_email.is_kept:
            raise InvalidRequestError(FieldFault("/email", "This address is not kept: type it again."))
        return invitation
    if not uow.invitations.is_to(invitation, email):
        raise InvalidRequestError(FieldFault("/email", "It was sent to another address; correct it instead."))
    return replace(invitation, invited_email=email)


def _renew(
    uow: UnitOfWork,
    actor: Actor,
    tenant: Tenant,
    invitation: Invitation,
    token: LinkToken | None,
    now: datetime,
    context: RequestContext,
) -> IssuedInvitation:
    lifetime = renew_lifetime(tenant.policy, invitation, now)
    renewed = uow.invitations.renew(
        invitation,
        lifetime=lifetime,
        policy_version=tenant.policy_version,
        claim_token_hash=None if token is None else token.claim_token_hash,
    )
    if renewed is None:
        raise NotPendingError
    subject = {"tenant_id": tenant.tenant_id, "invitation_id": renewed.invitation_id}
    resent = InvitationResent(
        generation=renewed.generation,
        policy_version=tenant.policy_version,
        policy_hash=tenant.policy_hash,
        **subject,
    )
    uow.audit.append(resent, actor=actor, context=context)
    if token is None:
        uow.outbox.put(InvitationMail(invitation_id=renewed.invitation_id, generation=renewed.generation))
    else:
        handed = InvitationLinkIssued(generation=renewed.generation, **subject)
        uow.audit.append(handed, actor=actor, context=context)
    renewed = replace(renewed, invited_email=invitation.invited_email)
    return IssuedInvitation(invitation=renewed, state=InvitationState.PENDING, token=token)

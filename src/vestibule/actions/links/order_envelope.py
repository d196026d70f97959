# SPDX-License-Identifier: Apache-2.0
"""Signed links: ordered by a look at the database, signed outside of any transaction, stored by the act.

A provider may be slow, or down: nothing waits for it while a row is locked, and when it fails nothing has
been written yet (CRYPTO.md 2.3). What is ordered for an act that is refused afterwards is thrown away.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vestibule.core import authority
from vestibule.core.approval import needed_approvals
from vestibule.core.envelope import EnvelopeOrder, SignedToken, mint_envelope
from vestibule.core.identity import Actor
from vestibule.core.invitation import InvitationDraft, InvitationState, decide_lifetime, renew_lifetime
from vestibule.core.keys import Purpose
from vestibule.core.message import InvitationMail
from vestibule.core.tenant import Tenant
from vestibule.errors import InvalidRequestError, KeyMissingError, NotFoundError
from vestibule.ports import ClaimedMessage, KeyProvider, UnitOfWork


def order_for_draft(
    uow: UnitOfWork, actor: Actor, tenant_id: str, draft: InvitationDraft
) -> EnvelopeOrder | None:
    """What to sign for a link that issuing *draft* will hand over; None where no signed link is needed.

    Raises:
        NotPermittedError: a key is nobody's identity.
        NotFoundError: no such tenant, or the actor does not belong to it.
        KeyMissingError: its policy asks for signed links, and no key signs them.
    """
    inviter = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id)
    now = uow.now()
    authority.check_member(tenant, uow.members.find(tenant_id, inviter.principal_id), now)
    if draft.deliver != "link" or tenant is None:
        return None
    roles = draft.promised_roles
    try:
        lifetime = decide_lifetime(tenant.policy, roles, draft.expires_in, now)
    except (InvalidRequestError, ValueError):
        return None  # Issuing says what is wrong with it.
    if needed_approvals(tenant.policy, roles):
        return None
    return _order(uow, tenant, now, now + timedelta(seconds=lifetime))


def order_for_renewal(
    uow: UnitOfWork, actor: Actor, tenant_id: str, invitation_id: str, *, corrects: bool = False
) -> EnvelopeOrder | None:
    """The same for a link that resending hands over; or correcting (*corrects*), if the first was a link.

    Raises:
        NotPermittedError, NotFoundError: not the actor's to renew.
        KeyMissingError: its policy asks for signed links, and no key signs them.
    """
    resender = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id)
    now = uow.now()
    authority.check_administrator(tenant, uow.members.find(tenant_id, resender.principal_id), now)
    invitation = uow.invitations.find(tenant_id, invitation_id)
    if tenant is None or invitation is None or (corrects and invitation.deliver != "link"):
        return None
    if corrects and needed_approvals(tenant.policy, invitation.promised_roles):
        return None
    lifetime = renew_lifetime(tenant.policy, invitation, now)
    return _order(uow, tenant, now, now + timedelta(seconds=lifetime))


def order_for_mail(uow: UnitOfWork, claimed: ClaimedMessage) -> EnvelopeOrder | None:
    """The same for a mail that is about to leave.

    Raises:
        KeyMissingError: its policy asks for a signed link, and no key signs one.
    """
    if not isinstance(claimed.message, InvitationMail):
        return None
    try:
        invitation = uow.invitations.get_by_id(claimed.message.invitation_id)
    except NotFoundError:
        return None
    tenant, now = uow.tenants.find(invitation.tenant_id), uow.now()
    is_newest = invitation.generation == claimed.message.generation
    if tenant is None or not is_newest or invitation.state_at(now) is not InvitationState.PENDING:
        return None
    return _order(uow, tenant, now, invitation.expires_at)


def sign_envelope(
    provider: KeyProvider | None, order: EnvelopeOrder | None, public_url: str
) -> SignedToken | None:
    """The signed token that was ordered, by the key's provider; it may wait for that.

    Raises:
        KeyMissingError: no provider is configured.
        KeyProviderError: the provider can't sign now.
    """
    if order is None:
        return None
    if provider is None:
        raise KeyMissingError
    envelope = mint_envelope(order, public_url)
    return envelope.close(provider.sign(order.key, envelope.signing_input))


def _order(uow: UnitOfWork, tenant: Tenant, now: datetime, expires_at: datetime) -> EnvelopeOrder | None:
    if not tenant.policy.signs_links or tenant.state != "active":
        return None
    key = uow.keys.find_active(Purpose.CLAIM)
    if key is None:
        raise KeyMissingError
    return EnvelopeOrder(key=key, issued_at=now, expires_at=expires_at)

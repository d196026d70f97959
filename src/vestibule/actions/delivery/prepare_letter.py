# SPDX-License-Identifier: Apache-2.0
"""Turn a promise into a letter at the moment of sending: look the recipient up, mint the secret.

The claim token does not exist before this (DESIGN.md ruling 2). Its hash is stored on the still-pending
record and generation, committed, and only then is the letter given out; a revoke in between kills it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vestibule.core.abuse import name_recipient
from vestibule.core.anonymity import event_in, thumbprint
from vestibule.core.display import format_moment
from vestibule.core.domain import DomainFinding
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import SignedToken, choose_token
from vestibule.core.event import InvitationHeld, InvitationIssued
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.joining import JoinRequestState
from vestibule.core.limits import Limits, hit
from vestibule.core.log.leaf import event_leaf
from vestibule.core.log.tree import leaf_hash
from vestibule.core.message import (
    AcceptedNotice,
    AccountExistsMail,
    ApprovalNotice,
    BreakGlassNotice,
    CodeMail,
    DecisionNotice,
    DeclinedNotice,
    DomainNotice,
    EndingNotice,
    InvitationMail,
    JoinRequestNotice,
    LeakNotice,
    Letter,
    Recipient,
    RenewalNotice,
)
from vestibule.core.tenant import Tenant
from vestibule.errors import NotFoundError, RecipientBusyError, SuppressedError
from vestibule.ports import ClaimedMessage, UnitOfWork

_PROMISED = frozenset({InvitationIssued.kind, InvitationHeld.kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedCode:
    """A one-time code and its slow hash, made outside the transaction."""

    code: str = field(repr=False)
    code_hash: str = field(repr=False)


def prepare_letter(
    uow: UnitOfWork,
    claimed: ClaimedMessage,
    *,
    public_url: str,
    limits: Limits,
    code: MintedCode | None = None,
    token: SignedToken | None = None,
) -> Letter | None:
    """The letter to send now, or None when its reason is gone, or the message is another worker's by now.

    *token* was signed for it before, where policy asks for that: no transaction waits for a key provider.

    Raises:
        SuppressedError: the recipient of an invitation wants none.
        RecipientBusyError: it has had as many as anybody is sent, from all tenants together; later.
        KeyMissingError: policy asks for a signed link since a moment ago.
    """
    if not uow.outbox.holds(claimed):
        return None
    try:
        return _prepare(uow, claimed, public_url, limits, code or token)
    except NotFoundError:
        return None


def _prepare(
    uow: UnitOfWork,
    claimed: ClaimedMessage,
    public_url: str,
    limits: Limits,
    minted: MintedCode | SignedToken | None,
) -> Letter | None:
    match claimed.message:
        case InvitationMail() as mail:
            signed = minted if isinstance(minted, SignedToken) else None
            return _invitation_mail(uow, claimed, mail, public_url, limits, signed)
        case CodeMail(challenge_id=challenge_id):
            code = minted if isinstance(minted, MintedCode) else None
            return _code_mail(uow, claimed, challenge_id, code)
        case AccountExistsMail(challenge_id=challenge_id):
            return _account_exists_mail(uow, claimed, challenge_id, public_url)
    return _notice(uow, claimed, public_url)


def _notice(uow: UnitOfWork, claimed: ClaimedMessage, public_url: str) -> Letter | None:
    """What members hear about their tenant."""
    match claimed.message:
        case AcceptedNotice(invitation_id=invitation_id) | DeclinedNotice(invitation_id=invitation_id):
            is_accepted = isinstance(claimed.message, AcceptedNotice)
            return _inviter_notice(uow, claimed, invitation_id, is_accepted=is_accepted)
        case RenewalNotice() as notice:
            return _renewal_notice(uow, claimed, notice, public_url)
        case ApprovalNotice() | BreakGlassNotice() as notice:
            return _administrator_notice(uow, claimed, notice, public_url)
        case DecisionNotice() as notice:
            return _decision_notice(uow, claimed, notice)
        case EndingNotice() as notice:
            return _ending_notice(uow, claimed, notice)
    return _domain_side_notice(uow, claimed, public_url)


def _domain_side_notice(uow: UnitOfWork, claimed: ClaimedMessage, public_url: str) -> Letter | None:
    """What members hear about domains, who asks to join by one, and leaked links."""
    match claimed.message:
        case JoinRequestNotice() as notice:
            return _join_request_notice(uow, claimed, notice, public_url)
        case LeakNotice() as notice:
            return _leak_notice(uow, claimed, notice, public_url)
        case DomainNotice() as notice:
            return _domain_notice(uow, claimed, notice, public_url)
    return None


def _invitation_mail(
    uow: UnitOfWork,
    claimed: ClaimedMessage,
    mail: InvitationMail,
    public_url: str,
    limits: Limits,
    signed: SignedToken | None,
) -> Letter | None:
    invitation = uow.invitations.get_by_id(mail.invitation_id)
    tenant = uow.tenants.find(invitation.tenant_id)
    is_pending = invitation.state_at(uow.now()) is InvitationState.PENDING
    is_newest = invitation.generation == mail.generation
    if tenant is None or tenant.state != "active" or not is_pending or not is_newest:
        return None
    if not invitation.invited_email.is_kept:
        return None
    token = choose_token(tenant.policy, signed)
    _check_recipient(uow, claimed, invitation, limits)
    if not uow.invitations.set_token(mail.invitation_id, mail.generation, token.claim_token_hash):
        return None
    inviter = uow.principals.find(invitation.inviter_principal_id)
    promised = uow.audit.find_first(invitation.invitation_id, _PROMISED)
    thumbprints = _list_thumbprints(uow, invitation)
    uow.commit()
    values = {
        "tenant_name": tenant.name,
        "role": invitation.role,
        "inviter_name": (inviter.name or "") if inviter is not None else "",
        "expires_text": format_moment(invitation.expires_at),
        "message": invitation.message or "",
        "thumbprints": thumbprints,
    }
    return Letter(
        message_id=claimed.message_id,
        kind=claimed.message.kind,
        recipient=Recipient(address_key=invitation.invited_email.key),
        locale=invitation.locale,
        values=values,
        link=f"{public_url}/i/{token.reveal()}",
        leaf_hash=None if promised is None else leaf_hash(event_leaf(promised.record, promised.occurred_at)),
    )


def _list_thumbprints(uow: UnitOfWork, invitation: Invitation) -> str:
    """The keys of the anonymous events it invites to, for the recipient to compare with the page's."""
    named = (event_in(one.resource_id) for one in invitation.grants)
    events = (uow.anonymity.find(event_id) for event_id in named if event_id is not None)
    keys = (uow.keys.find(event.key_id) for event in events if event is not None)
    return ", ".join(thumbprint(key.public_key) for key in keys if key is not None and key.public_key)


def _check_recipient(
    uow: UnitOfWork, claimed: ClaimedMessage, invitation: Invitation, limits: Limits
) -> None:
    # Here and not at issue: no tenant may learn from its own answers what others send to whom (ISS-20).
    address = invitation.invited_email
    if uow.abuse.is_suppressed(address, invitation.tenant_id):
        raise SuppressedError
    if claimed.attempt == 1:
        wait = uow.limits.take([hit("mail_recipient", name_recipient(address), limits.mail_per_recipient)])
        if wait is not None:
            raise RecipientBusyError(wait)


def _inviter_notice(
    uow: UnitOfWork, claimed: ClaimedMessage, invitation_id: str, *, is_accepted: bool
) -> Letter | None:
    invitation = uow.invitations.get_by_id(invitation_id)
    tenant = uow.tenants.find(invitation.tenant_id)
    if tenant is None:
        return None
    values = {"tenant_name": tenant.name, "role": invitation.role}
    if is_accepted and invitation.consumed_by_principal_id is not None:
        member = uow.members.find(invitation.tenant_id, invitation.consumed_by_principal_id)
        name = member.name if member is not None else None
        kept = member is not None and member.invitation_id != invitation_id
        values |= {"member_name": name or invitation.invited_email.masked, "kept_role": "yes" if kept else ""}
    else:
        values["invited_hint"] = invitation.invited_email.masked
    return _to_member(uow, claimed, tenant, invitation.locale, invitation.inviter_principal_id, values)


def _renewal_notice(
    uow: UnitOfWork, claimed: ClaimedMessage, notice: RenewalNotice, public_url: str
) -> Letter | None:
    invitation = uow.invitations.get_by_id(notice.invitation_id)
    tenant = uow.tenants.find(invitation.tenant_id)
    if tenant is None or tenant.state != "active":
        return None
    asker = uow.principals.find(notice.asker_principal_id) if notice.asker_principal_id else None
    values = {
        "tenant_name": tenant.name,
        "invited_hint": invitation.invited_email.masked,
        "asker_address": asker.addresses[0] if asker is not None and asker.addresses else "",
        "settings_url": f"{public_url}/tenants/{tenant.tenant_id}/settings",
    }
    return _to_member(uow, claimed, tenant, invitation.locale, notice.principal_id, values)


def _leak_notice(
    uow: UnitOfWork, claimed: ClaimedMessage, notice: LeakNotice, public_url: str
) -> Letter | None:
    invitation = uow.invitations.get_by_id(notice.invitation_id)
    tenant = uow.tenants.find(invitation.tenant_id)
    if tenant is None or tenant.state == "deleted":
        return None
    values = {
        "tenant_name": tenant.name,
        "invited_hint": invitation.invited_email.masked,
        "outcome": notice.outcome,
        "settings_url": f"{public_url}/tenants/{tenant.tenant_id}/settings",
    }
    return _to_member(uow, claimed, tenant, invitation.locale, notice.principal_id, values)


def _administrator_notice(
    uow: UnitOfWork, claimed: ClaimedMessage, notice: ApprovalNotice | BreakGlassNotice, public_url: str
) -> Letter | None:
    invitation = uow.invitations.get_by_id(notice.invitation_id)
    tenant = uow.tenants.find(invitation.tenant_id)
    is_approval = isinstance(notice, ApprovalNotice)
    is_held = invitation.state_at(uow.now()) is InvitationState.HELD
    if tenant is None or tenant.state != "active" or (is_approval and not is_held):
        return None
    values = {
        "tenant_name": tenant.name,
        "role": ", ".join(invitation.promised_roles),
        "inviter_name": _name_of(uow, invitation.inviter_principal_id),
        "justification": invitation.justification or "",
        "expires_text": format_moment(invitation.expires_at),
        # The page, where who decides signs in; never a link that decides.
        "settings_url": f"{public_url}/tenants/{tenant.tenant_id}/settings",
    }
    return _to_member(uow, claimed, tenant, invitation.locale, notice.principal_id, values)


def _decision_notice(uow: UnitOfWork, claimed: ClaimedMessage, notice: DecisionNotice) -> Letter | None:
    invitation = uow.invitations.get_by_id(notice.invitation_id)
    tenant = uow.tenants.find(invitation.tenant_id)
    if tenant is None:
        return None
    values = {
        "tenant_name": tenant.name,
        "role": ", ".join(invitation.promised_roles),
        "invited_hint": invitation.invited_email.masked,
        "is_approved": "yes" if notice.is_approved else "",
    }
    return _to_member(uow, claimed, tenant, invitation.locale, invitation.inviter_principal_id, values)


def _ending_notice(uow: UnitOfWork, claimed: ClaimedMessage, notice: EndingNotice) -> Letter | None:
    tenant = uow.tenants.find(notice.tenant_id)
    member = uow.members.find(notice.tenant_id, notice.principal_id)
    if tenant is None or tenant.state != "active" or member is None or member.expires_at is None:
        return None
    values = {
        "tenant_name": tenant.name,
        "role": member.role,
        "expires_text": format_moment(member.expires_at),
    }
    return _to_member(uow, claimed, tenant, "en", notice.principal_id, values)


def _join_request_notice(
    uow: UnitOfWork, claimed: ClaimedMessage, notice: JoinRequestNotice, public_url: str
) -> Letter | None:
    tenant = uow.tenants.find(notice.tenant_id)
    request = uow.join_requests.find(notice.tenant_id, notice.request_id)
    if tenant is None or tenant.state != "active":
        return None
    if request is None or request.state is not JoinRequestState.OPEN:
        return None
    values = {
        "tenant_name": tenant.name,
        "asker_name": _name_of(uow, request.principal_id),
        "asker_address": request.address.key,
        # The page, where who decides signs in; never a link that decides.
        "settings_url": f"{public_url}/tenants/{tenant.tenant_id}/settings",
    }
    return _to_member(uow, claimed, tenant, "en", notice.principal_id, values)


def _domain_notice(
    uow: UnitOfWork, claimed: ClaimedMessage, notice: DomainNotice, public_url: str
) -> Letter | None:
    tenant = uow.tenants.find(notice.tenant_id)
    domain = uow.domains.find(notice.tenant_id, notice.domain)
    if tenant is None or tenant.state != "active" or domain is None:
        return None
    if domain.finding is DomainFinding.PROVED and domain.is_proved(uow.now()):
        return None
    values = {
        "tenant_name": tenant.name,
        "domain": domain.domain,
        "record_name": domain.record_name,
        "record_value": domain.record_value,
        "ends_text": format_moment(domain.proof_expires_at) if domain.proof_expires_at else "",
        "settings_url": f"{public_url}/tenants/{tenant.tenant_id}/settings",
    }
    return _to_member(uow, claimed, tenant, "en", notice.principal_id, values)


def _name_of(uow: UnitOfWork, principal_id: str) -> str:
    record = uow.principals.find(principal_id)
    return (record.name or "") if record is not None else ""


def _to_member(
    uow: UnitOfWork,
    claimed: ClaimedMessage,
    tenant: Tenant,
    locale: str,
    principal_id: str,
    values: dict[str, str],
) -> Letter | None:
    # Only members in force hear about their tenant (ATTACKS K12).
    member = uow.members.find(tenant.tenant_id, principal_id)
    if member is None or not member.is_in_force(uow.now()):
        return None
    record = uow.principals.find(principal_id)
    address = member.shown_email or (record.addresses[0] if record is not None and record.addresses else None)
    if address is None:
        return None
    return Letter(
        message_id=claimed.message_id,
        kind=claimed.message.kind,
        recipient=Recipient(address_key=address, name=None),
        locale=locale,
        values=values,
    )


def _code_mail(
    uow: UnitOfWork, claimed: ClaimedMessage, challenge_id: str, code: MintedCode | None
) -> Letter | None:
    challenge = uow.accounts.get_challenge(challenge_id)
    if code is None or not uow.accounts.set_code(challenge_id, code.code_hash):
        return None
    uow.commit()
    return _to_address(claimed, challenge.address, {"minutes": "10"}, code=code.code)


def _account_exists_mail(
    uow: UnitOfWork, claimed: ClaimedMessage, challenge_id: str, public_url: str
) -> Letter | None:
    challenge = uow.accounts.get_challenge(challenge_id)
    return _to_address(claimed, challenge.address, {"sign_in_url": f"{public_url}/sign-in"})


def _to_address(
    claimed: ClaimedMessage, address: EmailAddress, values: dict[str, str], *, code: str | None = None
) -> Letter:
    return Letter(
        message_id=claimed.message_id,
        kind=claimed.message.kind,
        recipient=Recipient(address_key=address.key),
        locale="en",
        values=values,
        code=code,
    )

# SPDX-License-Identifier: Apache-2.0
"""Open a door: the rule of a proved domain promises its role to a person who wants to join (TEN-03).

What comes of it is an ordinary pending grant whose inviter is the rule itself, without mail and without a
link. Nobody is a member by this: the caller's next act is ``accept``, which judges the rule again as of then.
"""

from __future__ import annotations

from vestibule.actions.invitations.promising import promise
from vestibule.core import authority, issuing
from vestibule.core.claiming import check_addresses
from vestibule.core.domain import Door, find_door, rule_name
from vestibule.core.email import EmailAddress
from vestibule.core.identity import Actor, RequestContext, VerifiedIdentity
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.joining import JoinPolicy, join_hits
from vestibule.core.limits import Limits
from vestibule.core.paging import PageRequest
from vestibule.core.policy import TTL_MIN
from vestibule.core.promise import Asked
from vestibule.core.tenant import Tenant
from vestibule.errors import (
    AlreadyMemberError,
    InvalidRequestError,
    IssueRefusedError,
    NotFoundError,
    RateLimitedError,
)
from vestibule.ports import InvitationFilter, UnitOfWork


def open_door(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    *,
    context: RequestContext,
    limits: Limits,
    rules: JoinPolicy | None = None,
) -> str:
    """The id of the pending grant to accept next: the rule's own, or one that a person had promised before.

    Raises:
        NotPermittedError: a key is nobody's identity.
        EmailUnverifiedError: the session has no verified address; decided before the tenant is looked at.
        RateLimitedError: too many tries, whatever they were for.
        AlreadyMemberError: the caller is a member of this tenant.
        NotFoundError: no such tenant, or no rule of it admits any of the session's addresses now.
    """
    identity = authority.check_principal(actor)
    check_addresses(identity)
    # Locked before the clock is read; what it is does not matter before the try is counted.
    tenant = uow.tenants.find(tenant_id, lock="share")
    wait = uow.limits.take(join_hits(limits, identity.principal_id, context.ip))
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.join_per_principal.count)
    if tenant is None or tenant.state != "active":
        return _refuse(uow)
    standing = uow.members.find(tenant_id, identity.principal_id)
    if standing is not None and standing.is_in_force(uow.now()):
        raise AlreadyMemberError
    found = _find_door(uow, identity, tenant, rules or JoinPolicy())
    if found is None:
        return _refuse(uow)
    address, role = found
    waiting = _find_waiting(uow, tenant_id, address)
    if waiting is not None:
        uow.commit()
        return waiting
    return _promise(uow, tenant, address, role, context, limits)


def _find_door(
    uow: UnitOfWork, identity: VerifiedIdentity, tenant: Tenant, rules: JoinPolicy
) -> tuple[EmailAddress, str] | None:
    """The first address that a rule admits, and the role it gets."""
    tenant_id, since = tenant.tenant_id, uow.now() - rules.removed_for
    for verified in identity.addresses:
        rule = uow.domains.find_rule(tenant_id, verified.address.domain)
        if rule is None or not verified.counts_in(tenant_id):
            continue
        must_ask = uow.join_requests.was_removed(tenant_id, identity.principal_id, verified.address, since)
        door = find_door(rule, tenant.policy, verified.address, identity.connection, must_ask=must_ask)
        if door is Door.JOIN and not _is_held(uow, tenant_id, verified.address):
            return verified.address, rule.role
    return None


def _is_held(uow: UnitOfWork, tenant_id: str, address: EmailAddress) -> bool:
    # What waits for an approval is decided first: the rule neither overtakes nor replaces it (S06, S07).
    wanted = InvitationFilter(state=InvitationState.HELD, email=address)
    return bool(uow.invitations.list_of_tenant(tenant_id, wanted, PageRequest(scope="", limit=1)).items)


def _find_waiting(uow: UnitOfWork, tenant_id: str, address: EmailAddress) -> str | None:
    # A person's promise is not replaced by the rule's: it is what is accepted, and its role stands.
    wanted = InvitationFilter(state=InvitationState.PENDING, email=address)
    waiting = uow.invitations.list_of_tenant(tenant_id, wanted, PageRequest(scope="")).items
    return next((one.invitation_id for one in waiting if not one.grants_only), None)


def _promise(
    uow: UnitOfWork,
    tenant: Tenant,
    address: EmailAddress,
    role: str,
    context: RequestContext,
    limits: Limits,
) -> str:
    draft = InvitationDraft(email=address, role=role, deliver="none", expires_in=TTL_MIN)
    asked = Asked(
        inviter_principal_id=rule_name(address.domain), inviter_role=None, now=uow.now(), context=context
    )
    try:
        limited = issuing.limit_draft(tenant.policy, draft, asked.now)
        issued = promise(uow, tenant, limited, asked, limits=limits)
    except (IssueRefusedError, InvalidRequestError):
        # No seat, a cap, an event that is over, an address that is another member's: the door is shut.
        raise NotFoundError from None
    uow.commit()
    return issued.invitation.invitation_id


def _refuse(uow: UnitOfWork) -> str:
    # The try has been counted.
    uow.commit()
    raise NotFoundError

# SPDX-License-Identifier: Apache-2.0
"""What may be promised: the rules every road to a pending grant passes (ISS-03, ISS-09, ISS-10, ISS-16).

A road gathers ``IssueFacts``, has them checked here, draws the ``Promise`` up with ``core.promise``, and lets
storage place it: one logical write, whoever asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vestibule.core import authority
from vestibule.core.abuse import name_recipient
from vestibule.core.directory import check_not_barred
from vestibule.core.domain import DomainRule, check_not_denied
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import LinkToken
from vestibule.core.event import StoredEvent
from vestibule.core.identity import RULE_NAMES
from vestibule.core.invitation import (
    BUNDLE_MAX,
    JUSTIFICATION_MAX,
    MEMBERSHIP_EXPIRES_MAX,
    MESSAGE_MAX,
    METADATA_MAX_BYTES,
    SCOPE_MAX,
    Invitation,
    InvitationDraft,
    InvitationState,
)
from vestibule.core.limits import Hit, Limits, hit
from vestibule.core.naming import check_message
from vestibule.core.policy import Policy
from vestibule.core.tenant import Membership
from vestibule.errors import (
    AlreadyMemberError,
    DomainNotAllowedError,
    EventOverError,
    FieldFault,
    InvalidRequestError,
    NotPermittedError,
    PendingLimitError,
    ReviewOverdueError,
    RoleNotAssignableError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvitation:
    """What the caller gets. *token* only with ``deliver: "link"``, once, and never on a replay.

    *event* is what the trail says of it; a replay has none.
    """

    invitation: Invitation
    state: InvitationState
    token: LinkToken | None = None
    event: StoredEvent | None = None
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFacts:
    """What is known when something is to be promised, read in the transaction that promises it."""

    member: Membership | None
    pending: int
    pending_of_inviter: int
    live_resources: frozenset[str]
    overdue_review: bool
    is_barred: bool = False
    # What is promised to the same target already, and would be superseded.
    open_roles: frozenset[str] = frozenset()
    domain_rule: DomainRule | None = None


def check_draft(draft: InvitationDraft) -> None:
    """What an inviter may say is within its limits, on whatever road it came (ISS-15).

    Raises:
        InvalidRequestError: the message, scope, metadata or membership's length is not; with its pointer.
    """
    check_message("/message", draft.message or "", MESSAGE_MAX)
    if draft.scope is not None and not (0 < len(draft.scope) <= SCOPE_MAX and draft.scope.isprintable()):
        raise InvalidRequestError(FieldFault("/scope", f"Give 1 to {SCOPE_MAX} printable characters."))
    metadata = "" if draft.metadata is None else json.dumps(dict(draft.metadata), ensure_ascii=False)
    if len(metadata.encode("utf-8", "surrogatepass")) > METADATA_MAX_BYTES:
        raise InvalidRequestError(
            FieldFault("/metadata", f"Give at most {METADATA_MAX_BYTES} bytes of JSON.")
        )
    check_message("/justification", draft.justification or "", JUSTIFICATION_MAX)
    _check_seconds("/membership_expires_in", draft.membership_expires_in)
    if len(draft.grants) > BUNDLE_MAX:
        raise InvalidRequestError(FieldFault("/grants", f"Give at most {BUNDLE_MAX} resources."))
    if len({one.resource_id for one in draft.grants}) < len(draft.grants):
        raise InvalidRequestError(FieldFault("/grants", "Name each resource once."))
    for place, one in enumerate(draft.grants):
        _check_seconds(f"/grants/{place}/expires_in", one.expires_in)


def _check_seconds(pointer: str, seconds: int | None) -> None:
    if seconds is not None and not 0 < seconds <= MEMBERSHIP_EXPIRES_MAX:
        raise InvalidRequestError(FieldFault(pointer, f"Give 1 to {MEMBERSHIP_EXPIRES_MAX} seconds."))


def check_role_exists(policy: Policy, role: str, pointer: str = "/role") -> None:
    """An exact name of a role of this tenant (ATTACKS D14).

    Raises:
        InvalidRequestError: there is no such role.
    """
    if role not in policy.roles:
        fault = FieldFault(pointer, "No such role; give one of the tenant's roles exactly.")
        raise InvalidRequestError(fault)


def check_roles(policy: Policy, granting: str, draft: InvitationDraft) -> None:
    """*granting* may promise every role of the draft, and there are such roles (ISS-03, ISS-18).

    Raises:
        NotPermittedError: this role may invite nobody.
        InvalidRequestError: no such role, or nothing is promised.
        RoleNotAssignableError: it may invite, but not to that role.
    """
    roles = draft.promised_roles
    if not policy.assignable.get(granting):
        authority.check_may_grant(policy, granting, roles[0] if roles else "")
    if not roles:
        raise InvalidRequestError(FieldFault("/role", "Required, unless grants are given."))
    if draft.role is not None:
        check_role_exists(policy, draft.role)
    for place, one in enumerate(draft.grants):
        check_role_exists(policy, one.role, f"/grants/{place}/role")
    for role in roles:
        authority.check_may_grant(policy, granting, role)


def limit_draft(policy: Policy, draft: InvitationDraft, now: datetime) -> InvitationDraft:
    """The draft with the ends that policy gives where the request says nothing (LIF-05, ISS-07).

    Raises:
        InvalidRequestError: an end beyond what policy allows, a missing justification, a start too late.
        EventOverError: the tenant's event admits nobody any more.
    """
    if policy.event is not None and now >= policy.event.closes_at:
        raise EventOverError
    if draft.justification is None and any(policy.rule_of(r).justification for r in draft.promised_roles):
        raise InvalidRequestError(FieldFault("/justification", "This role is granted for a stated reason."))
    _check_start(draft.membership_starts_at, now)
    grants = tuple(
        replace(one, expires_in=_limit(policy, one.role, one.expires_in, f"/grants/{place}/expires_in"))
        for place, one in enumerate(draft.grants)
    )
    ends = draft.membership_expires_in
    if draft.role is not None:
        ends = _limit(policy, draft.role, ends, "/membership_expires_in")
    return replace(draft, grants=grants, membership_expires_in=ends)


def _check_start(starts_at: datetime | None, now: datetime) -> None:
    if starts_at is None:
        return
    if starts_at <= now:
        raise InvalidRequestError(FieldFault("/membership_starts_at", "Give a time in the future."))
    # Its end is counted from here, and must still be a moment that every engine can keep.
    if starts_at > now + timedelta(seconds=MEMBERSHIP_EXPIRES_MAX):
        raise InvalidRequestError(FieldFault("/membership_starts_at", "Give a time within ten years."))


def _limit(policy: Policy, role: str, asked: int | None, pointer: str) -> int | None:
    rule = policy.rule_of(role)
    if asked is None:
        return rule.grant_default if rule.grant_default is not None else rule.grant_max
    if rule.grant_max is not None and asked > rule.grant_max:
        raise InvalidRequestError(FieldFault(pointer, f"Policy allows at most {rule.grant_max} seconds."))
    return asked


def check_facts(policy: Policy, draft: InvitationDraft, facts: IssueFacts) -> None:
    """The recipient, the targets and the caps allow it now (ISS-09, ISS-10, ISS-16, ISS-18).

    Raises:
        DomainNotAllowedError, AlreadyMemberError, DirectoryBarredError, PendingLimitError,
        ReviewOverdueError: they don't.
        InvalidRequestError: a role is missing for somebody who is no member, or a resource is unknown here.
    """
    for place, one in enumerate(draft.grants):
        if one.resource_id not in facts.live_resources:
            raise InvalidRequestError(
                FieldFault(f"/grants/{place}/resource_id", "No such resource in this tenant.")
            )
    if draft.role is None and facts.member is None:
        raise InvalidRequestError(FieldFault("/role", "Required: this address belongs to no member."))
    hindrance = find_hindrance(facts.member, draft)
    check_recipient(policy, draft.email, hindrance)
    check_not_denied(facts.domain_rule)
    check_not_barred(is_barred=facts.is_barred)
    if facts.pending >= policy.max_pending or facts.pending_of_inviter >= policy.max_pending_per_inviter:
        raise PendingLimitError
    if facts.overdue_review and is_break_glass(policy, draft.promised_roles):
        raise ReviewOverdueError


def check_standing(
    policy: Policy, inviter_role: str, inviter_principal_id: str, draft: InvitationDraft, facts: IssueFacts
) -> None:
    """Who promises this may end what it supersedes, and does not extend its own membership alone.

    Raises:
        RoleNotAssignableError: what stands open for the same target is not the inviter's to end.
        NotPermittedError: an extension of one's own, which nobody would approve.
    """
    if not all(policy.may_grant(inviter_role, role) for role in facts.open_roles & policy.roles):
        raise RoleNotAssignableError("An invitation is open for this address that you may not replace.")
    is_own = facts.member is not None and facts.member.principal_id == inviter_principal_id
    is_alone = not any(policy.rule_of(role).approvals for role in draft.promised_roles)
    if draft.role is not None and is_own and is_alone:
        raise NotPermittedError("Nobody extends one's own membership; ask somebody else.")


def find_hindrance(member: Membership | None, promised: InvitationDraft | Invitation) -> Membership | None:
    """The membership that makes an invitation pointless: none where it only adds grants, or asks for the same
    role for longer (LIF-05).
    """
    only_grants = promised.role is None or (isinstance(promised, Invitation) and promised.grants_only)
    if member is None or only_grants:
        return None
    has_end = promised.membership_expires_in is not None and promised.membership_starts_at is None
    extends = member.role == promised.role and member.expires_at is not None and has_end
    return None if extends else member


def is_break_glass(policy: Policy, roles: Iterable[str]) -> bool:
    """Whether somebody must look at it afterwards, because nobody had to before."""
    return any(policy.rule_of(role).review_within is not None for role in roles)


def check_still_promised(policy: Policy, invitation: Invitation, now: datetime) -> None:
    """What was asked for is still there to be granted, and policy still allows that much of it.

    Raises:
        EventOverError: the tenant's event admits nobody any more.
        RoleNotAssignableError: a role is gone, or may last or be granted without a reason no longer.
    """
    if policy.event is not None and now >= policy.event.closes_at:
        raise EventOverError
    roles = invitation.promised_roles
    if not set(roles) <= policy.roles:
        raise RoleNotAssignableError("A role of this request does not exist any more.")
    if invitation.justification is None and any(policy.rule_of(role).justification for role in roles):
        raise RoleNotAssignableError("Policy asks for a stated reason by now; ask anew.")
    lengths = [(one.role, one.expires_in) for one in invitation.grants]
    if not invitation.grants_only:
        lengths.append((invitation.role, invitation.membership_expires_in))
    for role, seconds in lengths:
        most = policy.rule_of(role).grant_max
        if most is not None and (seconds is None or seconds > most):
            raise RoleNotAssignableError("Policy allows less time than this by now; ask anew.")


def ensured_id(tenant_id: str, address: EmailAddress) -> str:
    """The stable name of "this address has a role here" (ISS-17)."""
    return "ens_" + hashlib.sha256(f"{tenant_id}\0{address.key}".encode()).hexdigest()[:32]


def redraft(invitation: Invitation, email: EmailAddress, now: datetime) -> InvitationDraft:
    """The same promise to another address (ISS-19); a start that has passed is now."""
    starts_at = invitation.membership_starts_at
    return InvitationDraft(
        email=email,
        role=None if invitation.grants_only else invitation.role,
        grants=invitation.grants,
        justification=invitation.justification,
        membership_starts_at=None if starts_at is None or starts_at <= now else starts_at,
        message=invitation.message,
        expires_in=invitation.expires_in,
        scope=invitation.scope,
        metadata=invitation.metadata,
        membership_expires_in=invitation.membership_expires_in,
        locale=invitation.locale,
        deliver=invitation.deliver,
    )


def check_recipient(policy: Policy, address: EmailAddress, member: Membership | None) -> None:
    """The address may be invited now.

    Raises:
        DomainNotAllowedError: the tenant does not admit its domain.
        AlreadyMemberError: it already belongs to a member.
    """
    if policy.allowed_domains is not None and not address.is_within(policy.allowed_domains):
        raise DomainNotAllowedError
    if member is not None:
        raise AlreadyMemberError


def issue_hits(limits: Limits, tenant_id: str, principal_id: str, address: EmailAddress) -> list[Hit]:
    """What one issue or resend counts against: inviter, tenant, and the tenant's recipient.

    What other tenants send to the same recipient is nobody's business here: the postman spreads it out.
    """
    # A person is one inviter everywhere; rules of two tenants about one domain are two.
    inviter = f"{tenant_id}\0{principal_id}" if principal_id.startswith(RULE_NAMES) else principal_id
    return [
        hit("issue_inviter", inviter, limits.issue_per_inviter),
        hit("issue_tenant", tenant_id, limits.issue_per_tenant),
        hit("issue_recipient", f"{tenant_id}\0{name_recipient(address)}", limits.issue_per_recipient),
    ]

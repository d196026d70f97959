# SPDX-License-Identifier: Apache-2.0
"""Four eyes: who may approve a held request, what exactly is approved, and when there are enough (ISS-04).

An approval is bound to a digest of the whole request and of the policy it was made under. Change anything,
and it is another digest: earlier approvals no longer count. Every approver is judged when it approves and
again when the grant is issued (CRYPTO.md 10.2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.core.identity import VerifiedIdentity
from vestibule.core.invitation import Invitation
from vestibule.core.policy import OWNER, Policy
from vestibule.core.stepup import Demand, demand_of
from vestibule.core.tenant import Membership
from vestibule.errors import NotPermittedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One recorded approval, with the evidence of its session."""

    approver_principal_id: str
    digest: str
    connection: str | None
    amr: tuple[str, ...]
    authenticated_at: datetime | None
    approved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Who would approve, as of now. *invited_by*: the inviter of its own membership."""

    membership: Membership
    addresses: frozenset[str]
    invited_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRequest:
    """What an approver sees and what is digested."""

    invitation: Invitation
    policy_hash: str
    inviter_addresses: frozenset[str]
    digest: str
    needed: int
    demand: Demand


def needed_approvals(policy: Policy, roles: Sequence[str]) -> int:
    """How many others must approve before *roles* are promised (ISS-04)."""
    return max((policy.rule_of(role).approvals for role in roles), default=0)


def read_request(
    policy: Policy, policy_hash: str, invitation: Invitation, inviter_addresses: Iterable[str]
) -> HeldRequest:
    """The held request under today's policy."""
    roles = invitation.promised_roles
    return HeldRequest(
        invitation=invitation,
        policy_hash=policy_hash,
        inviter_addresses=frozenset(inviter_addresses),
        digest=digest_request(invitation, policy_hash),
        needed=needed_approvals(policy, roles),
        demand=demand_of(policy, roles),
    )


def digest_request(invitation: Invitation, policy_hash: str) -> str:
    """``sha256:`` and the digest of everything that an approval is an approval of."""
    document = {
        "invitation_id": invitation.invitation_id,
        "tenant_id": invitation.tenant_id,
        "email": invitation.invited_email.key,
        "role": invitation.role,
        "grants_only": invitation.grants_only,
        "grants": [[one.resource_id, one.role, one.expires_in] for one in invitation.grants],
        "scope": invitation.scope,
        "expires_in": invitation.expires_in,
        "membership_expires_in": invitation.membership_expires_in,
        "membership_starts_at": _moment(invitation.membership_starts_at),
        "inviter_principal_id": invitation.inviter_principal_id,
        "justification": invitation.justification,
        "policy_hash": policy_hash,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def check_approver(policy: Policy, request: HeldRequest, approver: Approver, now: datetime) -> None:
    """This member may approve or reject this request.

    Raises:
        NotPermittedError: it may not; says why.
    """
    problem = find_objection(policy, request, approver, now)
    if problem is not None:
        raise NotPermittedError(problem)


def find_objection(policy: Policy, request: HeldRequest, approver: Approver, now: datetime) -> str | None:
    """Why this member can't approve this request, or None (CRYPTO.md 10.2)."""
    invitation, member = request.invitation, approver.membership
    if not member.is_in_force(now) or member.role not in policy.administrators:
        return "Only an administrator of this tenant may approve."
    if not all(policy.may_grant(member.role, role) for role in invitation.promised_roles):
        return "Only who may grant this role may approve it."
    return find_kinship(policy, request, approver, now)


def find_kinship(policy: Policy, request: HeldRequest, approver: Approver, now: datetime) -> str | None:
    """Why this member is too near to this grant to judge it, or None: at approving, and at reviewing."""
    invitation, member = request.invitation, approver.membership
    is_own = member.principal_id == invitation.inviter_principal_id
    if is_own or approver.addresses & request.inviter_addresses:
        return "Nobody approves a request of one's own."
    is_recipient = member.principal_id == invitation.consumed_by_principal_id
    if is_recipient or invitation.invited_email.key in approver.addresses:
        return "Nobody approves a grant to oneself."
    is_recent = now < member.created_at + timedelta(seconds=policy.separation)
    if is_recent and approver.invited_by == invitation.inviter_principal_id:
        return "Who was invited by the inviter a short while ago can't approve for it."
    return None


def count_approvals(
    policy: Policy,
    request: HeldRequest,
    approvals: Sequence[Approval],
    approvers: dict[str, Approver],
    now: datetime,
) -> int:
    """How many distinct principals approve exactly this request and may still do so."""
    counted = {
        approval.approver_principal_id
        for approval in approvals
        if approval.digest == request.digest
        and (approver := approvers.get(approval.approver_principal_id)) is not None
        and find_objection(policy, request, approver, now) is None
    }
    return len(counted)


def waits_instead(
    policy: Policy, request: HeldRequest, members: Iterable[Approver], now: datetime, *, lost_owner: bool
) -> bool:
    """Does a waiting period stand in for the approvers? Only for the one owner of a tenant in which nobody
    else could approve by its standing, and in which no owner was removed while it waited or just before.

    *lost_owner*: one was. What policy itself forbids an able approver never opens this way.
    """
    inviter = request.invitation.inviter_principal_id
    in_force = [one.membership for one in members if one.membership.is_in_force(now)]
    owners = {one.principal_id for one in in_force if one.role == OWNER}
    others = [
        one
        for one in in_force
        if one.principal_id != inviter
        and one.role in policy.administrators
        and all(policy.may_grant(one.role, role) for role in request.invitation.promised_roles)
    ]
    return owners == {inviter} and not others and not lost_owner


def make_approval(request: HeldRequest, identity: VerifiedIdentity, now: datetime) -> Approval:
    """The record of *identity*'s approval of what it was shown."""
    return Approval(
        approver_principal_id=identity.principal_id,
        digest=request.digest,
        connection=identity.connection,
        amr=identity.amr,
        authenticated_at=identity.authenticated_at,
        approved_at=now,
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

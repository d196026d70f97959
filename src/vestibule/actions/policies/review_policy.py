# SPDX-License-Identifier: Apache-2.0
"""Looking at a policy: what is in force, what would change, and what was decided by it (TEN-02)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from vestibule.core import authority, policy_authority
from vestibule.core.event import InvitationRevoked
from vestibule.core.identity import Actor, HostKey, RequestContext, actor_id
from vestibule.core.invitation import Invitation
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import NOTHING, Policy, load_policy, parse_base, parse_own
from vestibule.core.policy.change import DEPLOYMENT, PolicyChange, PolicyInForce, compare_in_force
from vestibule.core.policy.compare import Difference
from vestibule.core.policy.replay import (
    Finding,
    RecordedDecision,
    Replayed,
    Verdict,
    judge_again,
    judge_pending,
    replay,
)
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError
from vestibule.ports import UnitOfWork

REPLAY_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A recorded decision, and what the policy of then said. ``is_exact``: its very text was kept."""

    decision: RecordedDecision
    policy_hash: str
    verdict: Verdict
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedChange:
    """A recorded change, its document, and how it differs from what is in force now.

    ``is_stale``: it was compared with a policy that is no longer in force, and can't become active.
    """

    change: PolicyChange
    document: str
    differences: tuple[Difference, ...]
    is_stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reevaluated:
    """A pending invitation that the policy in force would refuse, why, and whether it was revoked now."""

    invitation: Invitation
    findings: tuple[Finding, ...]
    is_revoked: bool


def get_policy(uow: UnitOfWork, actor: Actor, tenant_id: str) -> PolicyInForce:
    """What is in force in the tenant; with an empty id, in the deployment.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see.
    """
    return _enter(uow, actor, tenant_id)


def list_changes(uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest) -> Page[PolicyChange]:
    """Its changes, the newest first.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see.
    """
    _enter(uow, actor, tenant_id)
    return uow.policies.list_changes(tenant_id, request)


def get_change(uow: UnitOfWork, actor: Actor, tenant_id: str, change_id: str) -> ReviewedChange:
    """One change of it, as a second person must see it.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see; or no such change there.
    """
    current = _enter(uow, actor, tenant_id)
    change = uow.policies.find_change(tenant_id, change_id)
    document = None if change is None else uow.policies.find_document(change.document_hash)
    if change is None or document is None:
        raise NotFoundError
    tenants = uow.policies.list_own_documents() if tenant_id == DEPLOYMENT else ()
    return ReviewedChange(
        change=change,
        document=document,
        differences=compare_in_force(current, current.after(document), tenants),
        is_stale=change.base_hash != current.policy_hash,
    )


def compare_draft(
    uow: UnitOfWork, actor: Actor, tenant_id: str, document: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """What the draft would change; nothing is kept.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see.
        InvalidRequestError: the document names something unknown or impossible.
    """
    current = _enter(uow, actor, tenant_id)
    own = parse_base(document) if tenant_id == DEPLOYMENT else parse_own(current.base, document)
    tenants = uow.policies.list_own_documents() if tenant_id == DEPLOYMENT else ()
    return compare_in_force(current, current.after(own), tenants)


def simulate(
    uow: UnitOfWork, actor: Actor, tenant_id: str, document: Mapping[str, Any], *, last: int
) -> Sequence[Replayed]:
    """The tenant's last decisions, each under the policy of then and under the draft.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see.
        InvalidRequestError: the document is at fault, or *last* is.
    """
    current = _enter(uow, actor, tenant_id)
    if not 1 <= last <= REPLAY_MAX:
        raise InvalidRequestError(FieldFault("/last", f"Give a whole number from 1 to {REPLAY_MAX}."))
    draft = load_policy(current.base, parse_own(current.base, document))

    @cache
    def policy_of(policy_hash: str | None) -> Policy:
        return _find_policy(uow, policy_hash) or current.policy

    decisions = uow.policies.list_decisions(tenant_id, last)
    return [replay(policy_of(one.facts.get("policy_hash")), draft, one) for one in decisions]


def explain(uow: UnitOfWork, actor: Actor, event_id: str, *, tenant_id: str | None = None) -> Explained:
    """Why a recorded decision was taken: recomputed from the text that is kept under its hash.

    Raises:
        NotFoundError: no such decision (in this tenant), or not the actor's to see.
        NotPermittedError: without *tenant_id*, the actor is no key with the scope ``tenants``.
    """
    if tenant_id is None:
        authority.check_key(actor, "tenants")
    else:
        _enter(uow, actor, tenant_id)
    decision = uow.policies.find_decision(event_id)
    if decision is None or tenant_id not in (None, decision.tenant_id):
        raise NotFoundError
    policy_hash = str(decision.facts.get("policy_hash", ""))
    kept = _find_policy(uow, policy_hash)
    current = uow.policies.find_in_force(decision.tenant_id)
    now_in_force = load_policy(NOTHING, NOTHING) if current is None else current.policy
    is_exact = kept is not None or (current is not None and current.policy_hash == policy_hash)
    verdict = judge_again(kept or now_in_force, decision)
    return Explained(decision=decision, policy_hash=policy_hash, verdict=verdict, is_exact=is_exact)


def reevaluate(
    uow: UnitOfWork, actor: Actor, tenant_id: str, *, revoke: bool, context: RequestContext
) -> Sequence[Reevaluated]:
    """The pending invitations that the policy in force would refuse; revoked, when *revoke* asks for it.

    A rollback or a tightening touches nothing that was issued before: this does, by hand.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see; or to revoke, which is an owner's.
    """
    current = _enter(uow, actor, tenant_id, to_change=revoke)
    found = []
    for invitation, inviter_role in uow.policies.list_pending(tenant_id):
        findings = judge_pending(current.policy, invitation, inviter_role, uow.now())
        if not findings:
            continue
        is_revoked = revoke and uow.invitations.revoke(tenant_id, invitation.invitation_id, "policy")
        if is_revoked:
            event = InvitationRevoked(
                tenant_id=tenant_id, invitation_id=invitation.invitation_id, reason="policy"
            )
            uow.audit.append(event, actor=actor, context=context)
        found.append(Reevaluated(invitation=invitation, findings=findings, is_revoked=is_revoked))
    if revoke:
        uow.commit()
    return found


def _enter(uow: UnitOfWork, actor: Actor, tenant_id: str, *, to_change: bool = False) -> PolicyInForce:
    current = uow.policies.find_in_force(tenant_id)
    tenant = uow.tenants.find(tenant_id) if tenant_id != DEPLOYMENT else None
    is_member = tenant is not None and not isinstance(actor, HostKey)
    standing = uow.members.find(tenant_id, actor_id(actor)) if is_member else None
    check = policy_authority.check_may_change if to_change else policy_authority.check_may_see
    check(actor, tenant_id, tenant, standing, uow.now())
    if current is None:
        raise NotFoundError
    return current


def _find_policy(uow: UnitOfWork, policy_hash: str | None) -> Policy | None:
    document = None if policy_hash is None else uow.policies.find_document(policy_hash)
    return None if document is None else load_policy(NOTHING, document)

# SPDX-License-Identifier: Apache-2.0
"""The one function behind every pending grant, whoever asked and on whatever road (house rule 5).

It is no action: it authorises nobody and commits nothing. The actions that promise something (issue, correct,
ensure, joining) authorise, limit the draft, call it, and commit; docs/adr/0008 says why it stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from vestibule.core import issuing
from vestibule.core.abuse import list_allowances, list_earned
from vestibule.core.email import EmailAddress
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.promise import Asked, draw_up, needed_approvals
from vestibule.core.tenant import Tenant
from vestibule.core.token import mint_claim_token
from vestibule.errors import RateLimitedError
from vestibule.ports import UnitOfWork


def promise(
    uow: UnitOfWork,
    tenant: Tenant,
    draft: InvitationDraft,
    asked: Asked,
    *,
    limits: Limits,
    corrects_id: str | None = None,
) -> IssuedInvitation:
    """The limited draft is promised in this inviter's name: pending, or held; nothing is committed.

    Raises:
        DomainNotAllowedError, AlreadyMemberError, PendingLimitError, ReviewOverdueError, SeatLimitError,
        InvalidRequestError, RateLimitedError: the facts forbid it.
    """
    inviter_principal_id = asked.inviter_principal_id
    facts = uow.promises.read_facts(tenant.tenant_id, tenant.policy, inviter_principal_id, draft)
    issuing.check_facts(tenant.policy, draft, facts)
    take_issue_limits(uow, tenant, inviter_principal_id, draft.email, limits)
    token = mint_claim_token() if draft.deliver == "link" else None
    drawn = draw_up(
        tenant,
        draft,
        asked,
        carrier_role=facts.member.role if facts.member is not None else "",
        claim_token_hash=None if token is None else token.claim_token_hash,
        administrators=_find_watchers(uow, tenant, draft),
        corrects_id=corrects_id,
    )
    uow.promises.place(drawn, actor=inviter_principal_id)
    state = drawn.invitation.state_at(asked.now)
    shown = token if state is InvitationState.PENDING else None
    return IssuedInvitation(invitation=drawn.invitation, state=state, token=shown)


def take_issue_limits(
    uow: UnitOfWork, tenant: Tenant, inviter_principal_id: str, address: EmailAddress, limits: Limits
) -> None:
    """One more issue or resend is counted against the plain limits and the allowances (ISS-16, ISS-20).

    Raises:
        RateLimitedError: it is one too many.
    """
    tenant_id = tenant.tenant_id
    wait = uow.limits.take(issuing.issue_hits(limits, tenant_id, inviter_principal_id, address))
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.issue_per_inviter.count)
    within = timedelta(seconds=limits.reports_tolerated.seconds)
    standing = uow.abuse.read_standing(tenant, inviter_principal_id, within=within)
    allowances = list_allowances(limits, tenant_id, inviter_principal_id, standing)
    spent = [place for place, one in enumerate(allowances) if uow.limits.take([one]) is not None]
    if not spent:
        return
    # What was accepted is counted only when it matters.
    accepted = uow.abuse.count_accepted(tenant_id, inviter_principal_id)
    earned = list_earned(limits, tenant_id, inviter_principal_id, standing, accepted)
    for place in spent:
        more = earned[place]
        if more is None or uow.limits.take([more]) is not None:
            limit = allowances[place].limit
            raise RateLimitedError(round(limit.interval_ms / 1000), limit=limit.count)


def _find_watchers(uow: UnitOfWork, tenant: Tenant, draft: InvitationDraft) -> Sequence[str]:
    """Who must hear of it: to approve it, or because nobody had to."""
    policy, roles = tenant.policy, issuing.promised_roles(draft)
    if not needed_approvals(policy, roles) and not issuing.is_break_glass(policy, roles):
        return ()
    return uow.tenants.list_administrators(tenant.tenant_id, policy.administrators)

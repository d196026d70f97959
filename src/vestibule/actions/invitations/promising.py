# SPDX-License-Identifier: Apache-2.0
"""The one function behind every pending grant, whoever asked and on whatever road (house rule 5).

It is no action: it authorises nobody and commits nothing. The actions that promise something (issue, correct,
ensure, joining) authorise, limit the draft, call it, and commit; docs/adr/0008 says why it stands here.
"""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import issuing
from vestibule.core.approval import needed_approvals
from vestibule.core.envelope import SignedToken, choose_token
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.privacy import check_storage
from vestibule.core.promise import Asked, draw_up
from vestibule.core.tenant import Tenant
from vestibule.errors import RateLimitedError
from vestibule.ports import UnitOfWork


def promise(
    uow: UnitOfWork,
    tenant: Tenant,
    draft: InvitationDraft,
    asked: Asked,
    *,
    limits: Limits,
    token: SignedToken | None = None,
    corrects_id: str | None = None,
) -> IssuedInvitation:
    """The limited draft is promised in this inviter's name: pending, or held; nothing is committed.

    *token* is the signed one of its link, where policy asks for that.

    Raises:
        DomainNotAllowedError, AlreadyMemberError, PendingLimitError, ReviewOverdueError, SeatLimitError,
        InvalidRequestError, RateLimitedError: the facts forbid it.
    """
    check_storage(tenant.policy, is_sealed=uow.people.is_sealed())
    inviter_principal_id = asked.inviter_principal_id
    facts = uow.promises.read_facts(tenant.tenant_id, tenant.policy, inviter_principal_id, draft)
    issuing.check_facts(tenant.policy, draft, facts)
    if asked.inviter_role is not None:
        issuing.check_standing(tenant.policy, asked.inviter_role, asked.inviter_principal_id, draft, facts)
    wait = uow.limits.take(issuing.issue_hits(limits, tenant.tenant_id, inviter_principal_id, draft.email))
    wait = wait or uow.abuse.take_allowance(tenant, inviter_principal_id, limits)
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.issue_per_inviter.count)
    link = choose_token(tenant.policy, token) if draft.deliver == "link" else None
    drawn = draw_up(
        tenant,
        draft,
        asked,
        carrier_role=facts.member.role if facts.member is not None else "",
        claim_token_hash=None if link is None else link.claim_token_hash,
        administrators=_find_watchers(uow, tenant, draft),
        corrects_id=corrects_id,
    )
    event = uow.promises.place(drawn, actor=inviter_principal_id)
    state = drawn.invitation.state_at(asked.now)
    shown = link if state is InvitationState.PENDING else None
    return IssuedInvitation(invitation=drawn.invitation, state=state, token=shown, event=event)


def _find_watchers(uow: UnitOfWork, tenant: Tenant, draft: InvitationDraft) -> Sequence[str]:
    """Who must hear of it: to approve it, or because nobody had to."""
    policy, roles = tenant.policy, draft.promised_roles
    if not needed_approvals(policy, roles) and not issuing.is_break_glass(policy, roles):
        return ()
    return uow.tenants.list_administrators(tenant.tenant_id, policy.administrators)

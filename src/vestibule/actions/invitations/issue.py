# SPDX-License-Identifier: Apache-2.0
"""Issue: promise something to an address, superseding the earlier promise for the same target.

What may be promised is decided in ``core.issuing``, what is written in ``core.promise``; ``promising`` is the
one road in, and one store operation places it. An elevating role is held until others approve (``approve``).
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from vestibule.actions.invitations.promising import promise
from vestibule.core import authority, issuing
from vestibule.core.envelope import SignedToken
from vestibule.core.identity import Actor, IdempotencyRequest, RequestContext
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limits
from vestibule.core.promise import Asked
from vestibule.errors import UnavailableError
from vestibule.ports import UnitOfWork


def issue(
    uow: UnitOfWork,
    actor: Actor,
    tenant_id: str,
    draft: InvitationDraft,
    *,
    context: RequestContext,
    limits: Limits,
    token: SignedToken | None = None,
    idempotency: IdempotencyRequest | None = None,
) -> IssuedInvitation:
    """Promise what the draft says to ``draft.email`` in this tenant, and see to its delivery (ISS-01 ff).

    Raises:
        NotFoundError: no such tenant, or the actor does not belong to it.
        NotPermittedError, RoleNotAssignableError: the actor's role may not grant that one.
        TenantSuspendedError, InvalidRequestError, DomainNotAllowedError, AlreadyMemberError, EventOverError,
        DirectoryBarredError, ReviewOverdueError, SeatLimitError, PendingLimitError, RateLimitedError,
        IdempotencyKeyReusedError: still no.
    """
    inviter = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    standing = authority.check_member(tenant, uow.members.find(tenant_id, inviter.principal_id), now)
    if tenant is None:
        raise UnavailableError
    issuing.check_roles(tenant.policy, standing.role, draft)
    authority.check_active(tenant)
    issuing.check_draft(draft)
    draft = issuing.limit_draft(tenant.policy, draft, now)
    if idempotency is not None and (kept := uow.idempotency.claim(idempotency)) is not None:
        return _replay(uow, tenant_id, draft, kept)
    asked = Asked(
        inviter_principal_id=inviter.principal_id, inviter_role=standing.role, now=now, context=context
    )
    issued = promise(uow, tenant, draft, asked, limits=limits, token=token)
    uow.principals.remember(inviter)
    if idempotency is not None:
        uow.idempotency.keep(idempotency, _keep(issued))
    uow.commit()
    return issued


def _keep(issued: IssuedInvitation) -> str:
    invitation = issued.invitation
    kept = {"invitation_id": invitation.invitation_id, "expires_at": invitation.expires_at.isoformat()}
    return json.dumps(kept)


def _replay(uow: UnitOfWork, tenant_id: str, draft: InvitationDraft, kept: str) -> IssuedInvitation:
    answer = json.loads(kept)
    found = uow.invitations.find(tenant_id, answer["invitation_id"])
    if found is None:
        raise UnavailableError
    first = replace(
        found,
        invited_email=draft.email,
        generation=1,
        expires_at=datetime.fromisoformat(answer["expires_at"]),
        approved_at=None,
        send_count=0,
        last_sent_at=None,
        resent_at=None,
        consumed_at=None,
        consumed_by_principal_id=None,
        declined_at=None,
        revoked_at=None,
        revoked_reason=None,
    )
    state = InvitationState.HELD if first.is_held else InvitationState.PENDING
    return IssuedInvitation(invitation=first, state=state, is_replay=True)

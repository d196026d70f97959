# SPDX-License-Identifier: Apache-2.0
"""Look at what waits for a decision, and at break-glass grants that wait for a review; close a review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vestibule.core import approval, authority
from vestibule.core.approval import Approval, HeldRequest
from vestibule.core.event import BreakGlassReviewed
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import InvitationState
from vestibule.core.naming import check_message
from vestibule.core.paging import Page, PageRequest
from vestibule.errors import (
    FieldFault,
    InvalidRequestError,
    NotFoundError,
    NotPendingError,
    NotPermittedError,
)
from vestibule.ports import Review, UnitOfWork

NOTE_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    """A held request as this administrator sees it. *objection*: why it may not approve, or None."""

    request: HeldRequest
    approvals: Sequence[Approval]
    counted: int
    objection: str | None


def get_held(uow: UnitOfWork, actor: Actor, tenant_id: str, invitation_id: str) -> HeldView:
    """Exactly what would be approved, with its digest.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see.
        NotPendingError: it is not held.
    """
    identity = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id)
    now = uow.now()
    standing = authority.check_administrator(tenant, uow.members.find(tenant_id, identity.principal_id), now)
    invitation = uow.invitations.find(tenant_id, invitation_id)
    if tenant is None or invitation is None:
        raise NotFoundError
    if invitation.state_at(now) is not InvitationState.HELD:
        raise NotPendingError
    request = uow.approvals.read_request(tenant, invitation)
    own = uow.approvals.read_approver(standing, [one.address.key for one in identity.addresses])
    return HeldView(
        request=request,
        approvals=uow.approvals.list_of(invitation_id),
        counted=uow.approvals.count(tenant, request),
        objection=approval.find_objection(tenant.policy, request, own, now),
    )


def list_reviews(
    uow: UnitOfWork, actor: Actor, tenant_id: str, request: PageRequest, *, is_open: bool
) -> Page[Review]:
    """Break-glass grants of this tenant, the newest first.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to see.
    """
    identity = authority.check_principal(actor)
    standing = uow.members.find(tenant_id, identity.principal_id)
    authority.check_administrator(uow.tenants.find(tenant_id), standing, uow.now())
    return uow.reviews.list_of_tenant(tenant_id, request, is_open=is_open)


def close_review(
    uow: UnitOfWork, actor: Actor, tenant_id: str, invitation_id: str, note: str, *, context: RequestContext
) -> Review:
    """Somebody else has looked at it, and says what was found.

    Raises:
        NotFoundError: no such review here. NotPermittedError: nobody reviews oneself.
        NotPendingError: it was reviewed before. InvalidRequestError: the note says nothing.
    """
    identity = authority.check_principal(actor)
    tenant = uow.tenants.find(tenant_id, lock="share")
    now = uow.now()
    standing = authority.check_administrator(tenant, uow.members.find(tenant_id, identity.principal_id), now)
    found = uow.reviews.find(tenant_id, invitation_id)
    taken = uow.invitations.find(tenant_id, invitation_id)
    if tenant is None or found is None or taken is None:
        raise NotFoundError
    own = uow.approvals.read_approver(standing, [one.address.key for one in identity.addresses])
    request = uow.approvals.read_request(tenant, taken)
    if approval.find_kinship(tenant.policy, request, own, now) is not None:
        raise NotPermittedError("Nobody reviews a grant of one's own, or that came to oneself.")
    if not note.strip():
        raise InvalidRequestError(FieldFault("/note", "Say what you found."))
    check_message("/note", note, NOTE_MAX)
    if not uow.reviews.close(tenant_id, invitation_id, identity.principal_id, note):
        raise NotPendingError("This was reviewed before.")
    event = BreakGlassReviewed(
        tenant_id=tenant_id, invitation_id=invitation_id, principal_id=found.principal_id
    )
    uow.audit.append(event, actor=actor, context=context)
    closed = uow.reviews.find(tenant_id, invitation_id)
    if closed is None:
        raise NotFoundError
    uow.commit()
    return closed

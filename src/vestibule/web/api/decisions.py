# SPDX-License-Identifier: Apache-2.0
"""Held requests and break-glass reviews over HTTP: look, approve, reject, close; and ensure."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule import metrics
from vestibule.actions.invitations.decide import Decided, approve, reject
from vestibule.actions.invitations.ensure import Ensured, ensure
from vestibule.actions.invitations.review_held import HeldView, close_review, get_held, list_reviews
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.paging import parse_page_request
from vestibule.ports import Review
from vestibule.web.api.fields import AddressPath, Cursor, InvitationId, PageLimit, TenantId
from vestibule.web.api.invitations import describe_invitation
from vestibule.web.api.reference import PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json
from vestibule.web.api.schemas import (
    ApprovalJson,
    CloseReview,
    DecidedJson,
    DecideInvitation,
    DriftJson,
    EnsuredJson,
    EnsureInvitation,
    HeldJson,
    PageJson,
    ReviewJson,
)
from vestibule.web.services import Services

_ONE = "/v1/tenants/{tenant_id}/invitations/{invitation_id}"
_REVIEWS = "/v1/tenants/{tenant_id}/reviews"
_ENSURED = "/v1/tenants/{tenant_id}/ensured/{email}"
_DECIDE_CODES = ["not_found", "not_pending", "digest_mismatch"]
_APPROVE_CODES = [
    *(*_DECIDE_CODES, "step_up_required", "tenant_suspended", "already_member", "domain_not_allowed"),
    *("seat_limit", "event_over", "role_not_assignable", "directory_barred"),
]
_ENSURE_CODES = [
    *("role_not_assignable", "not_found", "email_invalid", "domain_not_allowed", "seat_limit", "event_over"),
    *("pending_limit", "rate_limited", "tenant_suspended", "directory_barred", "review_overdue"),
]


class DecisionRoutes:
    """What a tenant's administrators decide on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=PRINCIPAL)
        decided = {200: DecidedJson}
        add(
            f"GET {_ONE}/approval",
            self.get,
            name="get_approval",
            answers={200: HeldJson},
            codes=["not_found", "not_pending"],
        )
        add(
            f"POST {_ONE}/approve",
            self.approve,
            name="approve_invitation",
            answers=decided,
            codes=_APPROVE_CODES,
        )
        add(
            f"POST {_ONE}/reject",
            self.reject,
            name="reject_invitation",
            answers=decided,
            codes=_DECIDE_CODES,
        )
        self._add_reviews(router)

    def _add_reviews(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=PRINCIPAL)
        add(
            f"GET {_REVIEWS}",
            self.list_reviews,
            name="list_reviews",
            answers={200: PageJson[ReviewJson]},
            codes=["not_found"],
        )
        add(
            f"POST {_REVIEWS}/{{invitation_id}}",
            self.close_review,
            name="close_review",
            answers={200: ReviewJson},
            codes=["not_found", "not_pending"],
        )
        add(
            f"PUT {_ENSURED}",
            self.ensure,
            name="ensure_invitation",
            answers={200: EnsuredJson},
            codes=_ENSURE_CODES,
        )

    async def get(self, tenant_id: TenantId, invitation_id: InvitationId, caller: Caller) -> WholeResponse:
        """Exactly what would be approved, with its digest, and who approved it."""
        view = await self._runner.read(get_held, caller, tenant_id, invitation_id)
        return answer_json(_describe_held(view))

    async def approve(
        self,
        tenant_id: TenantId,
        invitation_id: InvitationId,
        caller: Caller,
        context: Surroundings,
        body: DecideInvitation | None = None,
    ) -> WholeResponse:
        """Approve this very request; the last approval needed issues it."""
        digest = None if body is None else body.digest
        done = await self._runner.run(
            approve, caller, tenant_id, invitation_id, digest=digest, context=context
        )
        if done.state is InvitationState.PENDING:
            metrics.ISSUED.labels("approve").inc()
        return answer_json(_describe_decided(done))

    async def reject(
        self,
        tenant_id: TenantId,
        invitation_id: InvitationId,
        caller: Caller,
        context: Surroundings,
        body: DecideInvitation | None = None,
    ) -> WholeResponse:
        """Close the request; one rejection is enough."""
        digest = None if body is None else body.digest
        done = await self._runner.run(
            reject, caller, tenant_id, invitation_id, digest=digest, context=context
        )
        return answer_json(_describe_decided(done))

    async def list_reviews(
        self, tenant_id: TenantId, caller: Caller, *, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """Break-glass grants that nobody has reviewed yet, the newest first."""
        request = parse_page_request(f"reviews:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_reviews, caller, tenant_id, request, is_open=True)
        shown = [_describe_review(one) for one in page.items]
        return answer_json(PageJson(items=shown, next_cursor=page.next_cursor))

    async def close_review(
        self,
        tenant_id: TenantId,
        invitation_id: InvitationId,
        body: CloseReview,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """Say what you found; nobody reviews oneself."""
        done = await self._runner.run(
            close_review, caller, tenant_id, invitation_id, body.note, context=context
        )
        return answer_json(_describe_review(done))

    async def ensure(
        self,
        tenant_id: TenantId,
        email: AddressPath,
        body: EnsureInvitation,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """This address has this role here, or is invited to it; repeating changes nothing."""
        done = await self._runner.run(
            ensure,
            caller,
            tenant_id,
            InvitationDraft(email=email, **body.model_dump()),
            context=context,
            limits=self._services.limits,
        )
        return answer_json(_describe_ensured(done))


def _describe_decided(done: Decided) -> DecidedJson:
    return DecidedJson(
        **dict(describe_invitation(done.invitation, done.state)),
        digest=done.digest,
        approvals_counted=done.counted,
        approvals_needed=done.needed,
    )


def _describe_held(view: HeldView) -> HeldJson:
    request = view.request
    return HeldJson(
        **dict(describe_invitation(request.invitation, InvitationState.HELD)),
        digest=request.digest,
        approvals_counted=view.counted,
        approvals_needed=request.needed,
        approvals=[
            ApprovalJson(
                approver_principal_id=one.approver_principal_id,
                digest=one.digest,
                approved_at=one.approved_at,
            )
            for one in view.approvals
        ],
        objection=view.objection,
    )


def _describe_ensured(done: Ensured) -> EnsuredJson:
    return EnsuredJson(
        ensured_id=done.ensured_id,
        outcome=done.outcome,
        invitation_id=None if done.invitation is None else done.invitation.invitation_id,
        principal_id=None if done.member is None else done.member.principal_id,
        drift=[DriftJson(field=one.field, wanted=one.wanted, actual=one.actual) for one in done.drift],
    )


def _describe_review(review: Review) -> ReviewJson:
    return ReviewJson(
        invitation_id=review.invitation_id,
        principal_id=review.principal_id,
        role=review.role,
        opened_at=review.opened_at,
        due_at=review.due_at,
        reviewed_at=review.reviewed_at,
        reviewer_principal_id=review.reviewer_principal_id,
        note=review.note,
    )

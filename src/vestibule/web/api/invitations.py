# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}/invitations``: issue, list, get, resend, revoke."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request

from vestibule import metrics
from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.issue import issue
from vestibule.actions.invitations.resend import resend
from vestibule.actions.invitations.review import get_invitation, list_invitations
from vestibule.actions.invitations.revoke import revoke
from vestibule.actions.links.order_envelope import order_for_draft, order_for_renewal
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import SignedToken
from vestibule.core.identity import Actor, actor_id
from vestibule.core.invitation import Deliver, Invitation, InvitationDraft, InvitationState, ResourceGrant
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.paging import parse_page_request
from vestibule.ports import InvitationFilter
from vestibule.web.api.fields import EMAIL_MAX, Cursor, InvitationId, PageLimit, TenantId
from vestibule.web.api.reference import PRINCIPAL, add_route
from vestibule.web.api.routing import (
    BODY,
    Caller,
    Surroundings,
    WholeResponse,
    answer_json,
    answer_nothing,
)
from vestibule.web.api.schemas import (
    CorrectInvitation,
    GrantDocument,
    InvitationJson,
    IssuedJson,
    IssueInvitation,
    PageJson,
    ResendInvitation,
)
from vestibule.web.idempotency import read_key
from vestibule.web.links import sign_link
from vestibule.web.services import Services

_LIST = "/v1/tenants/{tenant_id}/invitations"
_ONE = _LIST + "/{invitation_id}"
_REPLAYED = ((b"idempotent-replayed", b"true"),)
_ISSUE_CODES = [
    *(
        "role_not_assignable",
        "not_found",
        "already_member",
        "directory_barred",
        "email_invalid",
        "domain_not_allowed",
        "seat_limit",
    ),
    *("pending_limit", "rate_limited", "tenant_suspended", "directory_barred", "review_overdue"),
    *("event_over", "key_missing", "key_provider_failed", "idempotency_key_reused"),
]
_LIST_CODES = ["not_found", "email_invalid"]
_REVOKE_CODES = ["not_found", "not_pending"]
_RESEND_CODES = [
    *("role_not_assignable", "not_found", "not_pending", "already_member", "directory_barred"),
    *("domain_not_allowed", "email_invalid"),
    *("too_soon", "rate_limited", "tenant_suspended", "directory_barred", "event_over"),
    *("key_missing", "key_provider_failed"),
]

WantedState = Annotated[InvitationState | None, Query()]
WantedEmail = Annotated[str | None, Query(max_length=EMAIL_MAX, description="Exactly this address.")]


class InvitationRoutes:
    """What a tenant's administrators do with invitations."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=PRINCIPAL)
        page = {200: PageJson[InvitationJson]}
        add(
            f"POST {_LIST}",
            self.issue,
            name="issue_invitation",
            answers={201: IssuedJson},
            codes=_ISSUE_CODES,
            keyed=True,
            replayed=True,
        )
        add(f"GET {_LIST}", self.list_all, name="list_invitations", answers=page, codes=_LIST_CODES)
        add(
            f"GET {_ONE}", self.get, name="get_invitation", answers={200: InvitationJson}, codes=["not_found"]
        )
        add(
            f"POST {_ONE}/resend",
            self.resend,
            name="resend_invitation",
            answers={200: IssuedJson},
            codes=_RESEND_CODES,
        )
        add(
            f"POST {_ONE}/correct",
            self.correct,
            name="correct_invitation",
            answers={201: IssuedJson},
            codes=[*_ISSUE_CODES[:-1], "not_pending"],
        )
        add(f"DELETE {_ONE}", self.revoke, name="revoke_invitation", answers={204: None}, codes=_REVOKE_CODES)

    async def issue(
        self,
        tenant_id: TenantId,
        body: IssueInvitation,
        caller: Caller,
        context: Surroundings,
        request: Request,
    ) -> WholeResponse:
        """Promise a role to an address; an earlier promise to the same address is superseded."""
        draft = read_draft(body)
        issued = await self._runner.run(
            issue,
            caller,
            tenant_id,
            draft,
            token=await self._sign_draft(caller, tenant_id, draft),
            context=context,
            limits=self._services.limits,
            idempotency=read_key(request.scope, actor_id(caller), request.scope[BODY]),
        )
        if issued.is_replay:
            return answer_json(self._describe_issued(issued), status=201, headers=_REPLAYED)
        metrics.ISSUED.labels("issue").inc()
        receipt = await self._services.receipt_for(issued.event)
        return answer_json(self._describe_issued(issued), status=201, headers=receipt)

    async def correct(
        self,
        tenant_id: TenantId,
        invitation_id: InvitationId,
        body: CorrectInvitation,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """Make the same promise to the right address; the mistyped one dies in the same act."""
        issued = await self._runner.run(
            correct,
            caller,
            tenant_id,
            invitation_id,
            EmailAddress.parse_input(body.email),
            token=await sign_link(
                self._services, order_for_renewal, caller, tenant_id, invitation_id, corrects=True
            ),
            context=context,
            limits=self._services.limits,
        )
        metrics.ISSUED.labels("issue").inc()
        return answer_json(self._describe_issued(issued), status=201)

    async def list_all(
        self,
        tenant_id: TenantId,
        caller: Caller,
        *,
        state: WantedState = None,
        email: WantedEmail = None,
        limit: PageLimit = None,
        cursor: Cursor = None,
    ) -> WholeResponse:
        """Its invitations, the newest first."""
        wanted = InvitationFilter(
            state=state, email=None if email is None else EmailAddress.parse_input(email)
        )
        of_email = "" if wanted.email is None else wanted.email.key
        request = parse_page_request(f"invitations:{tenant_id}:{state or ''}:{of_email}", limit, cursor)
        page = await self._runner.read(list_invitations, caller, tenant_id, wanted, request)
        shown = [describe_invitation(view.invitation, view.state) for view in page.items]
        return answer_json(PageJson(items=shown, next_cursor=page.next_cursor))

    async def get(self, tenant_id: TenantId, invitation_id: InvitationId, caller: Caller) -> WholeResponse:
        """One invitation of this tenant."""
        view = await self._runner.read(get_invitation, caller, tenant_id, invitation_id)
        return answer_json(describe_invitation(view.invitation, view.state))

    async def resend(
        self,
        tenant_id: TenantId,
        invitation_id: InvitationId,
        caller: Caller,
        context: Surroundings,
        body: ResendInvitation | None = None,
    ) -> WholeResponse:
        """Kill the old link and deliver a new one; the window starts anew."""
        deliver: Deliver = "email" if body is None else body.deliver
        typed = None if body is None or body.email is None else EmailAddress.parse_input(body.email)
        token = None
        if deliver == "link":
            token = await sign_link(self._services, order_for_renewal, caller, tenant_id, invitation_id)
        issued = await self._runner.run(
            resend,
            caller,
            tenant_id,
            invitation_id,
            deliver=deliver,
            email=typed,
            token=token,
            context=context,
            limits=self._services.limits,
        )
        metrics.ISSUED.labels("resend").inc()
        return answer_json(self._describe_issued(issued))

    async def revoke(
        self, tenant_id: TenantId, invitation_id: InvitationId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """End it by hand; its link is dead from here on."""
        await self._runner.run(revoke, caller, tenant_id, invitation_id, context=context)
        metrics.REVOKED.inc()
        return answer_nothing()

    async def _sign_draft(self, caller: Actor, tenant_id: str, draft: InvitationDraft) -> SignedToken | None:
        if draft.deliver != "link":
            return None
        return await sign_link(self._services, order_for_draft, caller, tenant_id, draft)

    def _describe_issued(self, issued: IssuedInvitation) -> InvitationJson:
        shown = describe_invitation(issued.invitation, issued.state)
        if issued.token is None:
            return shown
        return IssuedJson(**dict(shown), link=f"{self._services.public_url}/i/{issued.token.reveal()}")


def read_draft(body: IssueInvitation) -> InvitationDraft:
    """What the request asks to be promised."""
    asked = body.model_dump(exclude={"email", "grants"})
    grants = tuple(ResourceGrant(**one.model_dump()) for one in body.grants)
    return InvitationDraft(email=EmailAddress.parse_input(body.email), grants=grants, **asked)


def describe_invitation(invitation: Invitation, state: InvitationState) -> InvitationJson:
    """The record, for its tenant's administrators."""
    return InvitationJson(
        invitation_id=invitation.invitation_id,
        tenant_id=invitation.tenant_id,
        state=state.value,
        email=invitation.invited_email.shown,
        role=invitation.role,
        grants=[
            GrantDocument(resource_id=one.resource_id, role=one.role, expires_in=one.expires_in)
            for one in invitation.grants
        ],
        justification=invitation.justification,
        membership_starts_at=invitation.membership_starts_at,
        corrects_id=invitation.corrects_id,
        inviter_principal_id=invitation.inviter_principal_id,
        message=invitation.message,
        scope=invitation.scope,
        metadata=None if invitation.metadata is None else dict(invitation.metadata),
        locale=invitation.locale,
        membership_expires_in=invitation.membership_expires_in,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        generation=invitation.generation,
        send_count=invitation.send_count,
        last_sent_at=invitation.last_sent_at,
        accepted_at=invitation.consumed_at,
        declined_at=invitation.declined_at,
        revoked_at=invitation.revoked_at,
        revoked_reason=invitation.revoked_reason,
    )

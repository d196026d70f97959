# SPDX-License-Identifier: Apache-2.0
"""Joining by domain, and requests to join: the person's side and the administrators' (TEN-03, TEN-04).

What a person may learn is in ``GET /v1/me/tenants`` and nowhere else: a wish to join is answered by one 404
for every reason, a request by one 202, both not before the deadline of refusals (ATTACKS N07).
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from vestibule.actions.joining.approve_request import approve_join_request
from vestibule.actions.joining.list_doors import OpenDoor, list_doors
from vestibule.actions.joining.review_requests import (
    JoinRequestView,
    get_join_request,
    list_join_requests,
    reject_join_request,
)
from vestibule.core.identity import Actor, HostKey
from vestibule.core.joining import JoinApproval, JoinRequestState
from vestibule.core.paging import parse_page_request
from vestibule.web.api.fields import Cursor, JoinRequestId, PageLimit, TenantId
from vestibule.web.api.reference import PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import ApproveJoinRequest, JoinRequestJson, OpenDoorJson, PageJson
from vestibule.web.asgi import Answer
from vestibule.web.joining import ask_tenant, join_tenant
from vestibule.web.services import Services

_TENANT = "/v1/tenants/{tenant_id}"
_LIST = _TENANT + "/join-requests"
_ONE = _LIST + "/{request_id}"
_APPROVE_CODES = [
    *("not_found", "join_decided", "role_not_assignable", "already_member", "directory_barred"),
    *("domain_not_allowed", "seat_limit", "pending_limit", "rate_limited", "tenant_suspended"),
    *("review_overdue", "event_over"),
]

WantedState = Annotated[JoinRequestState | None, Query()]


class JoiningRoutes:
    """Doors, requests, decisions."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=PRINCIPAL)
        doors, requests = {200: PageJson[OpenDoorJson]}, {200: PageJson[JoinRequestJson]}
        unverified, decided = ["email_unverified"], ["not_found", "join_decided"]
        add(
            f"POST {_TENANT}/join",
            self.join,
            name="join_tenant",
            answers={204: None},
            codes=[*unverified, "not_found", "already_member", "rate_limited", "step_up_required"],
        )
        add(
            f"POST {_ONE}/approve",
            self.approve,
            name="approve_join_request",
            answers={200: JoinRequestJson},
            codes=_APPROVE_CODES,
        )
        add("GET /v1/me/tenants", self.list_doors, name="list_open_doors", answers=doors, codes=unverified)
        add(
            f"POST {_LIST}",
            self.ask,
            name="ask_to_join",
            answers={202: None},
            codes=[*unverified, "rate_limited"],
        )
        add(f"GET {_LIST}", self.list_all, name="list_join_requests", answers=requests, codes=["not_found"])
        add(
            f"POST {_ONE}/reject",
            self.reject,
            name="reject_join_request",
            answers={204: None},
            codes=decided,
        )

    async def list_doors(
        self, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """The tenants that a proved domain of theirs opens to an address of this session, and how far."""
        request = parse_page_request(f"doors:{_digest_domains(caller)}", limit, cursor)
        page = await self._runner.read(list_doors, caller, request)
        return answer_json(
            PageJson(items=[_describe_door(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def join(self, tenant_id: TenantId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Become a member by the rule of a proved domain. Every refusal is the same."""
        await join_tenant(self._services, caller, tenant_id, context)
        return answer_nothing()

    async def approve(
        self,
        tenant_id: TenantId,
        request_id: JoinRequestId,
        body: ApproveJoinRequest,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """Invite the address that asked; it is mailed, and accepts as everybody does."""
        approval = JoinApproval(**body.model_dump())
        await self._runner.run(
            approve_join_request,
            caller,
            tenant_id,
            request_id,
            approval,
            context=context,
            limits=self._services.limits,
        )
        view = await self._runner.read(get_join_request, caller, tenant_id, request_id)
        return answer_json(_describe_request(view))

    async def ask(self, tenant_id: TenantId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Ask its administrators. The answer is the same whatever became of it."""
        await ask_tenant(self._services, caller, tenant_id, context)
        return WholeResponse(Answer(202))

    async def list_all(
        self,
        tenant_id: TenantId,
        caller: Caller,
        state: WantedState = None,
        limit: PageLimit = None,
        cursor: Cursor = None,
    ) -> WholeResponse:
        """The tenant's requests to join, the newest first."""
        request = parse_page_request(f"join_requests:{tenant_id}:{state}", limit, cursor)
        page = await self._runner.read(list_join_requests, caller, tenant_id, state, request)
        return answer_json(
            PageJson(items=[_describe_request(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def reject(
        self, tenant_id: TenantId, request_id: JoinRequestId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Close it; who asked is told nothing."""
        await self._runner.run(reject_join_request, caller, tenant_id, request_id, context=context)
        return answer_nothing()


def _digest_domains(caller: Actor) -> str:
    if isinstance(caller, HostKey):
        return ""
    names = sorted({verified.address.domain for verified in caller.addresses})
    return hashlib.sha256("\0".join(names).encode()).hexdigest()


def _describe_door(door: OpenDoor) -> OpenDoorJson:
    return OpenDoorJson(
        tenant_id=door.tenant_id, tenant_name=door.tenant_name, domain=door.domain, door=door.door
    )


def _describe_request(view: JoinRequestView) -> JoinRequestJson:
    request = view.request
    return JoinRequestJson(
        request_id=request.request_id,
        tenant_id=request.tenant_id,
        state=request.state,
        principal_id=request.principal_id,
        email=request.address.shown,
        name=view.name,
        created_at=request.created_at,
        decided_at=request.approved_at or request.rejected_at or request.withdrawn_at,
        decided_by_principal_id=request.decided_by_principal_id,
        invitation_id=request.invitation_id,
    )

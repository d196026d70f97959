# SPDX-License-Identifier: Apache-2.0
"""Deciding on requests to join, on the screen of people (TEN-04)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule import metrics
from vestibule.actions.joining.approve_request import approve_join_request
from vestibule.actions.joining.review_requests import reject_join_request
from vestibule.core.invitation import InvitationState
from vestibule.core.joining import JoinApproval
from vestibule.errors import (
    InvalidRequestError,
    IssueRefusedError,
    JoinDecidedError,
    RateLimitedError,
    ReviewOverdueError,
    RoleNotAssignableError,
)
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.frame import Form, advise, read_faults, settings_path
from vestibule.web.pages.settings.inviting import read_text
from vestibule.web.pages.settings.people import PeopleView

_REFUSALS = (IssueRefusedError, RateLimitedError, ReviewOverdueError, RoleNotAssignableError)


def joining_routes(pages: Pages) -> list[Route]:
    here = JoiningPages(pages)
    one = "/tenants/{tenant_id}/settings/join-requests/{request_id}"
    return [
        Route(one + "/approve", here.approve, methods=["POST"]),
        Route(one + "/reject", here.reject, methods=["POST"]),
    ]


class JoiningPages:
    """Handlers of the two answers to somebody who asks to join."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._view = PeopleView(pages)

    async def approve(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        tenant_id, request_id = get_part(request, "tenant_id"), get_part(request, "request_id")
        approval = JoinApproval(role=form.get("role", ""), justification=read_text(form, "justification"))
        try:
            issued = await self._runner.run(
                approve_join_request,
                identity,
                tenant_id,
                request_id,
                approval,
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except InvalidRequestError as error:
            again = Form(name=f"join:{request_id}", values=form, errors=read_faults(error))
            return await self._view.render(request, status=422, form=again)
        except (JoinDecidedError, *_REFUSALS) as error:
            return await self._view.render(request, status=409, notice=("warning", advise(error)))
        metrics.ISSUED.labels("join").inc()
        if issued.state is InvitationState.HELD:
            return redirect(f"{settings_path(tenant_id)}?state=held&done=held")
        return redirect(f"{settings_path(tenant_id)}?done=invited")

    async def reject(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, request_id = get_part(request, "tenant_id"), get_part(request, "request_id")
        try:
            await self._runner.run(
                reject_join_request, identity, tenant_id, request_id, context=self._pages.context(request)
            )
        except JoinDecidedError as error:
            return await self._view.render(request, status=409, notice=("info", str(error)))
        return redirect(f"{settings_path(tenant_id)}?done=refused")

# SPDX-License-Identifier: Apache-2.0
"""Deciding on a held request, after one has seen exactly what it is; and closing break-glass reviews."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule import metrics
from vestibule.actions.invitations.decide import approve, reject
from vestibule.actions.invitations.review_held import HeldView, close_review, get_held
from vestibule.actions.resources.manage import list_resources
from vestibule.core.invitation import InvitationState
from vestibule.core.paging import LIMIT_MAX, PageRequest
from vestibule.errors import (
    DigestMismatchError,
    InvalidRequestError,
    IssueRefusedError,
    NotPendingError,
    NotPermittedError,
    StepUpRequiredError,
    VestibuleError,
)
from vestibule.web.pages.rendering import Pages, again_path, get_part, redirect
from vestibule.web.pages.settings.approval_view import Known, describe_held
from vestibule.web.pages.settings.frame import (
    Form,
    Notice,
    Screen,
    enter,
    read_faults,
    render_screen,
    settings_path,
)
from vestibule.web.pages.settings.names import read_names
from vestibule.web.pages.settings.people import PeopleView
from vestibule.web.problems import find_problem

_REFUSALS = (DigestMismatchError, IssueRefusedError, NotPermittedError)


def approval_routes(pages: Pages) -> list[Route]:
    here = ApprovalPages(pages)
    base = "/tenants/{tenant_id}/settings"
    one = base + "/approvals/{invitation_id}"
    return [
        Route(one, here.show, methods=["GET"]),
        Route(one + "/approve", here.approve, methods=["POST"]),
        Route(one + "/reject", here.reject, methods=["POST"]),
        Route(base + "/reviews/{invitation_id}", here.close_review, methods=["POST"]),
    ]


class ApprovalPages:
    """Handlers of what waits for a second person."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._people = PeopleView(pages)

    async def show(self, request: Request) -> Response:
        try:
            return await self._render(request)
        except NotPendingError:
            return redirect(f"{settings_path(get_part(request, 'tenant_id'))}?state=all&done=decided")

    async def approve(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        path = settings_path(get_part(request, "tenant_id"))
        try:
            done = await self._runner.run(
                approve,
                identity,
                *self._ids(request),
                digest=form.get("digest", ""),
                context=self._pages.context(request),
            )
        except NotPendingError:
            return redirect(f"{path}?state=all&done=decided")
        except StepUpRequiredError as error:
            return redirect(again_path(self._path(request), error.max_age))
        except _REFUSALS as error:
            return await self._refuse(request, error)
        if done.state is InvitationState.HELD:
            return redirect(f"{self._path(request)}?done=counted")
        metrics.ISSUED.labels("approve").inc()
        is_link = done.invitation.deliver == "link"
        return redirect(f"{path}?done={'approved_link' if is_link else 'approved'}")

    async def reject(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        path = settings_path(get_part(request, "tenant_id"))
        try:
            done = await self._runner.run(
                reject,
                identity,
                *self._ids(request),
                digest=form.get("digest", ""),
                context=self._pages.context(request),
            )
        except NotPendingError:
            return redirect(f"{path}?state=all&done=decided")
        except _REFUSALS as error:
            return await self._refuse(request, error)
        is_own = done.invitation.inviter_principal_id == identity.principal_id
        return redirect(f"{path}?done={'withdrawn' if is_own else 'rejected'}")

    async def close_review(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        tenant_id, invitation_id = self._ids(request)
        note = form.get("note", "").replace("\r\n", "\n").strip()
        try:
            await self._runner.run(
                close_review, identity, tenant_id, invitation_id, note, context=self._pages.context(request)
            )
        except InvalidRequestError as error:
            again = Form(name=f"review:{invitation_id}", values=form, errors=read_faults(error))
            return await self._people.render(request, status=422, form=again)
        except NotPendingError as error:
            return await self._people.render(request, status=409, notice=("info", str(error)))
        return redirect(f"{settings_path(tenant_id)}?done=reviewed")

    async def _refuse(self, request: Request, error: VestibuleError) -> Response:
        status = find_problem(error).status
        try:
            return await self._render(request, status=status, notice=("warning", str(error)))
        except NotPendingError:
            return redirect(f"{settings_path(get_part(request, 'tenant_id'))}?state=all&done=decided")

    async def _render(self, request: Request, *, status: int = 200, notice: Notice | None = None) -> Response:
        screen = await enter(self._pages, request)
        view = await self._runner.read(get_held, screen.identity, *self._ids(request))
        known = await self._read_names(screen, view)
        shown = describe_held(view, screen.identity, known)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_approval.html",
            status=status,
            notice=notice,
            approval_url=self._path(request),
            **shown,
        )

    async def _read_names(self, screen: Screen, view: HeldView) -> Known:
        invitation = view.request.invitation
        approvers = [one.approver_principal_id for one in view.approvals]
        people = await read_names(self._pages, screen, [invitation.inviter_principal_id, *approvers])
        top = PageRequest(scope="settings", limit=LIMIT_MAX)
        page = await self._runner.read(list_resources, screen.identity, invitation.tenant_id, top)
        return Known(people=people, resources={one.resource_id: one.name for one in page.items})

    def _path(self, request: Request) -> str:
        tenant_id, invitation_id = self._ids(request)
        return f"{settings_path(tenant_id)}/approvals/{quote(invitation_id, safe='')}"

    def _ids(self, request: Request) -> tuple[str, str]:
        return get_part(request, "tenant_id"), get_part(request, "invitation_id")

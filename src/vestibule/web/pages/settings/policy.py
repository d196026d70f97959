# SPDX-License-Identifier: Apache-2.0
"""The life of a tenant's policy on its settings screen: draft, propose, approve, activate (TEN-02)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.policies.change_policy import (
    activate_change,
    approve_change,
    propose_change,
    roll_back,
    withdraw_change,
)
from vestibule.actions.policies.review_policy import compare_draft, get_change, get_policy, simulate
from vestibule.core.policy.change import PolicyChange
from vestibule.core.policy.compare import is_loosening
from vestibule.errors import (
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    PolicyNotApprovedError,
    PolicyStaleError,
    VestibuleError,
)
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.frame import Form, Notice, Screen, enter, render_screen
from vestibule.web.pages.settings.policy_text import describe_faults, read_policy_text
from vestibule.web.pages.settings.policy_view import (
    PolicyView,
    describe_replay,
    describe_review,
    read_change_names,
)
from vestibule.web.pages.settings.policy_words import describe_differences
from vestibule.web.problems import find_problem

_REPLAYED = 500
_REFUSALS = (NotPermittedError, PolicyNotApprovedError, PolicyStaleError)


def policy_routes(pages: Pages) -> list[Route]:
    here = PolicyPages(pages)
    base = "/tenants/{tenant_id}/settings/policy"
    one = base + "/changes/{change_id}"
    return [
        Route(base, here.show, methods=["GET"]),
        Route(base + "/draft", here.draft, methods=["POST"]),
        Route(base + "/changes", here.propose, methods=["POST"]),
        Route(one, here.show_change, methods=["GET"]),
        Route(one + "/approve", here.approve, methods=["POST"]),
        Route(one + "/activate", here.activate, methods=["POST"]),
        Route(one + "/withdraw", here.withdraw, methods=["POST"]),
        Route(base + "/rollback", here.confirm_rollback, methods=["GET"]),
        Route(base + "/rollback", here.roll_back, methods=["POST"]),
    ]


class PolicyPages:
    """Handlers of the screen of policy, and of its changes."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._view = PolicyView(pages)

    async def show(self, request: Request) -> Response:
        return await self._view.render(request)

    async def draft(self, request: Request) -> Response:
        """What the draft would change, and would have changed; nothing is kept."""
        screen = await enter(self._pages, request)
        form = await self._pages.read_form(request)
        try:
            document = await self._read_document(screen, form)
            about = (screen.identity, screen.tenant_id, document)
            differences = await self._runner.read(compare_draft, *about)
            replayed = await self._runner.read(simulate, *about, last=_REPLAYED)
        except InvalidRequestError as error:
            return await self._refuse_draft(request, form, error)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_draft.html",
            differences=describe_differences(differences),
            loosens=is_loosening(differences),
            replay=describe_replay(replayed),
            document=form.get("document", ""),
        )

    async def propose(self, request: Request) -> Response:
        """Keep it as a change; what loosens nothing is in force at once, when that was asked for."""
        screen = await enter(self._pages, request)
        form = await self._pages.read_form(request)
        about, context = (screen.identity, screen.tenant_id), self._pages.context(request)
        try:
            document = await self._read_document(screen, form)
            proposed = await self._runner.run(propose_change, *about, document, context=context)
            change = proposed.change
            if not change.needs_approval:
                change = await self._runner.run(activate_change, *about, change.change_id, context=context)
        except InvalidRequestError as error:
            return await self._refuse_draft(request, form, error)
        except _REFUSALS as error:
            return await self._refuse(request, error)
        return self._after(screen, change)

    async def show_change(self, request: Request) -> Response:
        return await self._change_page(request)

    async def approve(self, request: Request) -> Response:
        return await self._decide(request, approve_change, "policy_approved")

    async def activate(self, request: Request) -> Response:
        return await self._decide(request, activate_change, "policy_active")

    async def withdraw(self, request: Request) -> Response:
        return await self._decide(request, withdraw_change, "policy_withdrawn")

    async def confirm_rollback(self, request: Request) -> Response:
        screen = await enter(self._pages, request)
        return await self._pages.render(
            request,
            "confirm.html",
            title="Go back to the policy before",
            text="What was in force before is in force again at once; if that loosens anything, it waits "
            "for a second person. Invitations that were issued stay as they are.",
            facts=[{"label": "In force now", "value": f"Version {screen.view.tenant.policy_version}"}],
            action_url=f"{screen.path}/policy/rollback",
            confirm_label="Go back",
            cancel_url=f"{screen.path}/policy",
            is_danger=False,
        )

    async def roll_back(self, request: Request) -> Response:
        screen = await enter(self._pages, request)
        await self._pages.read_form(request)
        try:
            proposed = await self._runner.run(
                roll_back, screen.identity, screen.tenant_id, context=self._pages.context(request)
            )
        except (NotFoundError, *_REFUSALS) as error:
            return await self._refuse(request, error)
        return self._after(screen, proposed.change)

    async def _decide(self, request: Request, action: Callable[..., PolicyChange], done: str) -> Response:
        screen = await enter(self._pages, request)
        await self._pages.read_form(request)
        change_id = get_part(request, "change_id")
        try:
            await self._runner.run(
                action, screen.identity, screen.tenant_id, change_id, context=self._pages.context(request)
            )
        except _REFUSALS as error:
            told = ("warning", str(error))
            return await self._change_page(request, status=find_problem(error).status, notice=told)
        return redirect(f"{_change_path(screen, change_id)}?done={done}")

    async def _change_page(
        self, request: Request, *, status: int = 200, notice: Notice | None = None
    ) -> Response:
        screen = await enter(self._pages, request)
        about = (screen.identity, screen.tenant_id)
        view = await self._runner.read(get_change, *about, get_part(request, "change_id"))
        current = await self._runner.read(get_policy, *about)
        names = await read_change_names(self._pages, screen, [view.change])
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_change.html",
            status=status,
            notice=notice,
            **describe_review(view, screen, current.policy_hash, names),
        )

    async def _read_document(self, screen: Screen, form: Mapping[str, str]) -> dict[str, Any]:
        current = await self._runner.read(get_policy, screen.identity, screen.tenant_id)
        return read_policy_text(form.get("document", ""), current.base)

    async def _refuse_draft(
        self, request: Request, form: Mapping[str, str], error: InvalidRequestError
    ) -> Response:
        told = {"document": "This is no policy yet: mend what is listed and check it again."}
        again = Form(name="draft", values=form, errors=told)
        faults = describe_faults(error.faults)
        return await self._view.render(request, status=422, form=again, faults=faults)

    async def _refuse(self, request: Request, error: VestibuleError) -> Response:
        status = find_problem(error).status
        return await self._view.render(request, status=status, notice=("warning", str(error)))

    def _after(self, screen: Screen, change: PolicyChange) -> Response:
        if change.needs_approval:
            return redirect(f"{_change_path(screen, change.change_id)}?done=policy_waits")
        return redirect(f"{screen.path}/policy?done=policy_active")


def _change_path(screen: Screen, change_id: str) -> str:
    return f"{screen.path}/policy/changes/{quote(change_id, safe='')}"

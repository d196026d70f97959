# SPDX-License-Identifier: Apache-2.0
"""What an owner does with the tenant's domains, on the screen of policy and domains (TEN-03)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.domains.check_domain import begin_check, finish_check
from vestibule.actions.domains.put_domain import put_domain, remove_domain
from vestibule.actions.domains.review_domains import get_domain
from vestibule.core.domain import DomainDraft, DomainFinding, Rung, read_domain
from vestibule.errors import (
    DomainNotProvedError,
    FieldFault,
    InvalidRequestError,
    RateLimitedError,
)
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.domain_view import describe_domain
from vestibule.web.pages.settings.frame import Form, advise, enter, read_faults, settings_path
from vestibule.web.pages.settings.policy_view import PolicyView


def domain_routes(pages: Pages) -> list[Route]:
    here = DomainPages(pages)
    base = "/tenants/{tenant_id}/settings/domains"
    one = base + "/{domain}"
    return [
        Route(base, here.add, methods=["POST"]),
        Route(one, here.set_rung, methods=["POST"]),
        Route(one + "/check", here.check, methods=["POST"]),
        Route(one + "/remove", here.confirm_remove, methods=["GET"]),
        Route(one + "/remove", here.remove, methods=["POST"]),
    ]


class DomainPages:
    """Handlers of the list of domains."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._names = pages.services.names
        self._view = PolicyView(pages)

    async def add(self, request: Request) -> Response:
        await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        try:
            domain = read_domain(form.get("domain_name", "").strip())
        except InvalidRequestError as error:
            return await self._show(request, "domain", form, read_faults(error), status=422)
        return await self._put(request, "domain", domain, DomainDraft(), form)

    async def set_rung(self, request: Request) -> Response:
        await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        domain = read_domain(get_part(request, "domain"))
        name = f"domain:{domain}"
        try:
            draft = DomainDraft(rung=_read_rung(form), role=form.get("role") or None)
        except InvalidRequestError as error:
            return await self._show(request, name, form, read_faults(error), status=422)
        return await self._put(request, name, domain, draft, form)

    async def check(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, domain = get_part(request, "tenant_id"), read_domain(get_part(request, "domain"))
        limits = self._pages.services.limits
        try:
            begun = await self._runner.run(
                begin_check, identity, tenant_id, domain, names=self._names, limits=limits
            )
        except RateLimitedError as error:
            return await self._view.render(request, status=429, notice=("warning", advise(error)))
        except InvalidRequestError as error:
            return await self._view.render(request, status=422, notice=("warning", str(error)))
        answer = await self._names.look_up(begun.record_name)
        found = await self._runner.run(
            finish_check, identity, begun, answer, context=self._pages.context(request)
        )
        done = "proved" if found.domain.finding is DomainFinding.PROVED else "unproved"
        return redirect(f"{settings_path(tenant_id)}/policy?done=domain_{done}#domain")

    async def confirm_remove(self, request: Request) -> Response:
        screen = await enter(self._pages, request)
        domain = read_domain(get_part(request, "domain"))
        view = await self._runner.read(get_domain, screen.identity, screen.tenant_id, domain)
        shown = describe_domain(view, screen)
        return await self._pages.render(
            request,
            "confirm.html",
            title="Remove this domain",
            text="Its proof is forgotten and its rule ends. What the rule had promised is revoked; "
            "members stay.",
            facts=[
                {"label": "Domain", "value": domain},
                {"label": "Rule", "value": shown["rung_text"]},
            ],
            action_url=f"{shown['url']}/remove",
            confirm_label="Remove domain",
            cancel_url=f"{screen.path}/policy#domain",
            is_danger=True,
        )

    async def remove(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, domain = get_part(request, "tenant_id"), read_domain(get_part(request, "domain"))
        await self._runner.run(
            remove_domain, identity, tenant_id, domain, context=self._pages.context(request)
        )
        return redirect(f"{settings_path(tenant_id)}/policy?done=domain_removed#domain")

    async def _put(
        self, request: Request, name: str, domain: str, draft: DomainDraft, form: Mapping[str, str]
    ) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id = get_part(request, "tenant_id")
        try:
            _, is_new = await self._runner.run(
                put_domain,
                identity,
                tenant_id,
                domain,
                draft,
                names=self._names,
                context=self._pages.context(request),
            )
        except InvalidRequestError as error:
            return await self._show(request, name, form, read_faults(error), status=422)
        except DomainNotProvedError as error:
            return await self._show(request, name, form, {"rung": str(error)}, status=409)
        done = "added" if is_new else "set"
        return redirect(f"{settings_path(tenant_id)}/policy?done=domain_{done}#domain")

    async def _show(
        self,
        request: Request,
        name: str,
        form: Mapping[str, str],
        faults: Mapping[str, str],
        *,
        status: int,
    ) -> Response:
        again = Form(name=name, values=form, errors=faults)
        return await self._view.render(request, status=status, form=again)


def _read_rung(form: Mapping[str, str]) -> Rung:
    try:
        return Rung(form.get("rung", ""))
    except ValueError:
        raise InvalidRequestError(FieldFault("/rung", "Choose one of the list.")) from None

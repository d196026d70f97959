# SPDX-License-Identifier: Apache-2.0
"""The screen of connections: how the tenant's people sign in, and what their directory may do (INT-04)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.connections.put_connection import (
    disable_connection,
    put_connection,
    remove_connection,
)
from vestibule.actions.connections.review_connections import get_connection, list_connections
from vestibule.core.connection import Connection
from vestibule.core.paging import parse_page_request
from vestibule.errors import InvalidRequestError
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.connection_view import (
    PROVIDERS,
    Checked,
    describe_connection,
    describe_required,
    read_draft,
    read_values,
)
from vestibule.web.pages.settings.frame import (
    BLANK,
    Form,
    Notice,
    enter,
    read_faults,
    render_screen,
    settings_path,
)

_FIELDS = ("connection_id", "name", "provider", "issuer", "client_id", "client_secret")


def connection_routes(pages: Pages) -> list[Route]:
    here = ConnectionSettings(pages)
    base = "/tenants/{tenant_id}/settings/connections"
    one = base + "/{connection_id}"
    return [
        Route(base, here.show, methods=["GET"]),
        Route(base, here.add, methods=["POST"]),
        Route(one, here.show_one, methods=["GET"]),
        Route(one, here.change, methods=["POST"]),
        Route(one + "/check", here.check, methods=["POST"]),
        Route(one + "/disable", here.disable, methods=["POST"]),
        Route(one + "/remove", here.confirm_remove, methods=["GET"]),
        Route(one + "/remove", here.remove, methods=["POST"]),
    ]


class ConnectionSettings:
    """Handlers of the screen of connections. A client secret goes in, and never comes out."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        self._runner = pages.services.runner

    async def show(self, request: Request) -> Response:
        return await self._render(request)

    async def add(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        try:
            await self._put(request, form.get("connection_id", "").strip(), form)
        except InvalidRequestError as error:
            return await self._refuse(request, form, error)
        return redirect(f"{self._base(request)}?done=connection_put")

    async def show_one(self, request: Request) -> Response:
        return await self._render_one(request)

    async def change(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        try:
            await self._put(request, get_part(request, "connection_id"), form)
        except InvalidRequestError as error:
            return await self._refuse(request, form, error)
        return redirect(f"{self._base(request)}?done=connection_put")

    async def check(self, request: Request) -> Response:
        """Ask the provider now, outside of any transaction, and say what is wrong."""
        await self._pages.read_form(request)
        found = await self._get(request)
        findings = await self._services.openid.examine(found)
        return await self._render(request, checked=(found.connection_id, findings))

    async def disable(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        await self._runner.run(
            disable_connection, identity, *self._ids(request), context=self._pages.context(request)
        )
        return redirect(f"{self._base(request)}?done=connection_disabled")

    async def confirm_remove(self, request: Request) -> Response:
        found = await self._get(request)
        return await self._pages.render(
            request,
            "confirm.html",
            title="Remove this connection",
            text="Its secret and its sessions are gone at once. Memberships that came through it stay. "
            "While policy requires it, nobody but the exceptions can come in.",
            facts=[{"label": "Connection", "value": found.name}, {"label": "Issuer", "value": found.issuer}],
            action_url=f"{self._base(request)}/{quote(found.connection_id, safe='')}/remove",
            confirm_label="Remove connection",
            cancel_url=self._base(request),
            is_danger=True,
        )

    async def remove(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        await self._runner.run(
            remove_connection, identity, *self._ids(request), context=self._pages.context(request)
        )
        return redirect(f"{self._base(request)}?done=connection_removed")

    async def _put(self, request: Request, connection_id: str, form: Mapping[str, str]) -> None:
        identity = await self._pages.get_identity(request)
        await self._runner.run(
            put_connection,
            identity,
            get_part(request, "tenant_id"),
            connection_id,
            read_draft(form),
            sealer=self._services.sealer,
            context=self._pages.context(request),
        )

    async def _get(self, request: Request) -> Connection:
        identity = await self._pages.get_identity(request)
        return await self._runner.read(get_connection, identity, *self._ids(request))

    async def _refuse(
        self, request: Request, form: Mapping[str, str], error: InvalidRequestError
    ) -> Response:
        # What was typed as the secret is not sent back.
        kept = {name: value for name, value in form.items() if name != "client_secret"}
        faults = {name: told for name, told in read_faults(error).items() if name in _FIELDS}
        again = Form(name="connection", values=kept, errors=faults)
        notice = None if faults else ("warning", str(error))
        if "connection_id" in request.path_params:
            return await self._render_one(request, status=422, form=again, notice=notice)
        return await self._render(request, status=422, form=again, notice=notice)

    async def _render(
        self,
        request: Request,
        *,
        status: int = 200,
        notice: Notice | None = None,
        form: Form = BLANK,
        checked: Checked | None = None,
    ) -> Response:
        screen = await enter(self._pages, request)
        wanted = parse_page_request(
            f"connections:{screen.tenant_id}", None, request.query_params.get("cursor")
        )
        page = await self._runner.read(list_connections, screen.identity, screen.tenant_id, wanted)
        more = page.next_cursor
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_connections.html",
            status=status,
            notice=notice,
            form=form,
            connections=[
                describe_connection(one, screen, self._services.public_url, checked) for one in page.items
            ],
            next_url=None if more is None else f"{self._base(request)}?cursor={more}",
            required=describe_required(screen, [one.connection_id for one in page.items]),
            providers=list(PROVIDERS.items()),
            scim_url=f"{self._services.public_url}/scim/v2",
            callback_url=f"{self._services.public_url}/sign-in/callback/",
        )

    async def _render_one(
        self, request: Request, *, status: int = 200, form: Form | None = None, notice: Notice | None = None
    ) -> Response:
        found, screen = await self._get(request), await enter(self._pages, request)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_connection.html",
            status=status,
            notice=notice,
            form=form or Form(name="connection", values=read_values(found)),
            connection=describe_connection(found, screen, self._services.public_url, None),
            providers=list(PROVIDERS.items()),
        )

    def _base(self, request: Request) -> str:
        return f"{settings_path(get_part(request, 'tenant_id'))}/connections"

    def _ids(self, request: Request) -> tuple[str, str]:
        return get_part(request, "tenant_id"), get_part(request, "connection_id")

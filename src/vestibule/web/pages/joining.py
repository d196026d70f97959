# SPDX-License-Identifier: Apache-2.0
"""The buttons of the start page for tenants that one may join, or ask to join."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.joining.list_doors import OpenDoor
from vestibule.core.domain import Door
from vestibule.errors import AlreadyMemberError
from vestibule.web.joining import ask_tenant, join_tenant
from vestibule.web.pages.rendering import Pages, get_part, redirect


def joining_routes(pages: Pages) -> list[Route]:
    here = JoiningPages(pages)
    return [
        Route("/my/tenants/{tenant_id}/join", here.join, methods=["POST"]),
        Route("/my/tenants/{tenant_id}/ask", here.ask, methods=["POST"]),
    ]


class JoiningPages:
    """Handlers of both buttons."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def join(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id = get_part(request, "tenant_id")
        try:
            await join_tenant(self._pages.services, identity, tenant_id, self._pages.context(request))
        except AlreadyMemberError:
            return redirect(f"/tenants/{quote(tenant_id)}")
        return redirect(f"/tenants/{quote(tenant_id)}?joined=1")

    async def ask(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id = get_part(request, "tenant_id")
        await ask_tenant(self._pages.services, identity, tenant_id, self._pages.context(request))
        return redirect("/?asked=1")


def describe_door(one: OpenDoor) -> dict[str, object]:
    """A row of the start page."""
    base = f"/my/tenants/{quote(one.tenant_id)}"
    return {
        "tenant_name": one.tenant_name,
        "domain": one.domain,
        "join_url": f"{base}/join" if one.door is Door.JOIN else None,
        "ask_url": f"{base}/ask" if one.door is Door.REQUEST else None,
        "needs_connection": one.door is Door.SIGN_IN,
    }

# SPDX-License-Identifier: Apache-2.0
"""Removing a member on the settings screen, after one has seen whom."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.members.remove_member import remove_member
from vestibule.actions.members.review_members import get_member
from vestibule.errors import LastOwnerError
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.frame import settings_path
from vestibule.web.pages.settings.people import PeopleView


def member_routes(pages: Pages) -> list[Route]:
    here = MemberPages(pages)
    one = "/tenants/{tenant_id}/settings/members/{principal_id:path}/remove"
    return [Route(one, here.confirm, methods=["GET"]), Route(one, here.remove, methods=["POST"])]


class MemberPages:
    """Handlers of what an administrator does with members."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._view = PeopleView(pages)

    async def confirm(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id, principal_id = get_part(request, "tenant_id"), get_part(request, "principal_id")
        member = await self._runner.read(get_member, identity, tenant_id, principal_id)
        facts = [{"label": "Member", "value": member.name or member.shown_email or principal_id}]
        if member.shown_email:
            facts.append({"label": "Address", "value": member.shown_email})
        return await self._pages.render(
            request,
            "confirm.html",
            title="Remove this member",
            text="They lose access at once. Invitations they sent, and any to their addresses, are revoked.",
            facts=[*facts, {"label": "Role", "value": member.role}],
            action_url=f"{settings_path(tenant_id)}/members/{quote(principal_id, safe='')}/remove",
            confirm_label="Remove member",
            cancel_url=settings_path(tenant_id),
            is_danger=True,
        )

    async def remove(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        tenant_id, principal_id = get_part(request, "tenant_id"), get_part(request, "principal_id")
        try:
            await self._runner.run(
                remove_member, identity, tenant_id, principal_id, context=self._pages.context(request)
            )
        except LastOwnerError as error:
            return await self._view.render(request, status=409, notice=("warning", str(error)))
        is_self = principal_id == identity.principal_id
        return redirect("/" if is_self else f"{settings_path(tenant_id)}?done=removed")

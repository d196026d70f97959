# SPDX-License-Identifier: Apache-2.0
"""The start page: what waits for me, where I am a member; and a tenant's members, for fellow members."""

from __future__ import annotations

import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.anonymity.review_events import list_held
from vestibule.actions.invitations.review import OwnInvitation, list_own
from vestibule.actions.joining.list_doors import list_doors
from vestibule.actions.members.review_members import (
    OwnMembership,
    list_fellow_members,
    list_own_memberships,
)
from vestibule.core.anonymity import AnonymousEvent
from vestibule.core.display import format_day, format_moment
from vestibule.core.paging import LIMIT_MAX, PageRequest, parse_page_request
from vestibule.ports import ClaimKey
from vestibule.web.claims import read_invitation_id
from vestibule.web.pages.claiming import REFUSALS, Claiming
from vestibule.web.pages.joining import describe_door
from vestibule.web.pages.rendering import Pages, get_part, redirect


def home_routes(pages: Pages) -> list[Route]:
    here = HomePages(pages)
    return [
        Route("/", here.show, methods=["GET"]),
        Route("/my/invitations/{invitation_id}/accept", here.accept, methods=["POST"]),
        Route("/my/invitations/{invitation_id}/decline", here.decline, methods=["POST"]),
        Route("/tenants/{tenant_id}", here.show_members, methods=["GET"]),
    ]


class HomePages:
    """Handlers of the signed-in person's own pages."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner
        self._claiming = Claiming(pages)

    async def show(self, request: Request) -> Response:
        identity = await self._pages.find_identity(request)
        if identity is None:
            return await self._pages.render(
                request, "home.html", memberships=[], invitations=[], doors=[], events=[]
            )
        waiting = await self._runner.read(list_own, identity, PageRequest(scope="home", limit=LIMIT_MAX))
        doors = await self._runner.read(list_doors, identity, PageRequest(scope="doors", limit=LIMIT_MAX))
        mine = await self._runner.read(list_own_memberships, identity)
        held = await self._runner.read(list_held, identity)
        return await self._pages.render(
            request,
            "home.html",
            memberships=[_describe_membership(one) for one in mine],
            invitations=[_describe_own(one) for one in waiting.items],
            doors=[describe_door(one) for one in doors.items],
            events=[describe_held(one) for one, has_code in held if not has_code],
            asked=request.query_params.get("asked") == "1",
        )

    async def accept(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        try:
            accepted = await self._claiming.accept(request, identity, _read_key(request))
        except REFUSALS as error:
            return await self._claiming.refuse(request, "accept", error, started=started, can_request=False)
        return redirect(f"/tenants/{accepted.tenant_id}?joined=1")

    async def decline(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        try:
            await self._claiming.decline(request, identity, _read_key(request))
        except REFUSALS as error:
            return await self._claiming.refuse(request, "decline", error, started=started, can_request=False)
        return await self._pages.render(request, "declined.html")

    async def show_members(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id = get_part(request, "tenant_id")
        wanted = parse_page_request(f"fellows:{tenant_id}", None, request.query_params.get("cursor"))
        tenant, standing, page = await self._runner.read(list_fellow_members, identity, tenant_id, wanted)
        rows = [
            {
                "name": member.name or "A member",
                "role": member.role,
                "since_text": format_day(member.created_at),
                "is_you": member.principal_id == identity.principal_id,
            }
            for member in page.items
        ]
        next_url = f"/tenants/{quote(tenant_id)}?cursor={page.next_cursor}" if page.next_cursor else None
        is_administrator = standing.role in tenant.policy.administrators
        return await self._pages.render(
            request,
            "members.html",
            tenant={"name": tenant.name, "tenant_id": tenant_id},
            members=rows,
            members_next_url=next_url,
            joined=request.query_params.get("joined") == "1",
            calendar_url=f"/v1/tenants/{quote(tenant_id)}/calendar" if tenant.policy.event else None,
            settings_url=f"/tenants/{quote(tenant_id)}/settings" if is_administrator else None,
        )


def _read_key(request: Request) -> ClaimKey:
    return read_invitation_id(request.path_params["invitation_id"])


def _describe_membership(one: OwnMembership) -> dict[str, object]:
    tenant, role = one.tenant, one.membership.role
    return {
        "tenant_id": tenant.tenant_id,
        "tenant_name": tenant.name,
        "role": role,
        "members_url": f"/tenants/{quote(tenant.tenant_id)}",
        "settings_url": (
            f"/tenants/{quote(tenant.tenant_id)}/settings" if role in tenant.policy.administrators else None
        ),
    }


def describe_held(one: AnonymousEvent) -> dict[str, object]:
    """An anonymous event in which one may take part, for a list."""
    return {"name": one.name, "url": f"/tenants/{quote(one.tenant_id)}/anonymous/{one.event_id}"}


def _describe_own(one: OwnInvitation) -> dict[str, object]:
    base = f"/my/invitations/{one.invitation.invitation_id}"
    return {
        "invitation_id": one.invitation.invitation_id,
        "tenant_name": one.tenant_name,
        "role": one.invitation.role,
        "inviter_name": one.inviter_name,
        "expires_text": format_moment(one.invitation.expires_at),
        "accept_url": f"{base}/accept",
        "decline_url": f"{base}/decline",
    }

# SPDX-License-Identifier: Apache-2.0
"""The start page: what waits for me, where I am a member; and a tenant's members, for fellow members."""

from __future__ import annotations

import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule import metrics
from vestibule.actions.invitations.accept import accept
from vestibule.actions.invitations.decline import decline
from vestibule.actions.invitations.review import OwnInvitation, list_own
from vestibule.actions.members.review_members import (
    OwnMembership,
    list_fellow_members,
    list_own_memberships,
)
from vestibule.core.display import format_day, format_moment
from vestibule.core.paging import LIMIT_MAX, PageRequest, parse_page_request
from vestibule.errors import ClaimRejectedError, EmailUnverifiedError, RateLimitedError
from vestibule.ports import ClaimKey
from vestibule.web.pages.rendering import Pages, count_refusal, redirect


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

    async def show(self, request: Request) -> Response:
        identity = await self._pages.find_identity(request)
        if identity is None:
            return await self._pages.render(request, "home.html", memberships=[], invitations=[])
        waiting = await self._runner.read(list_own, identity, PageRequest(scope="home", limit=LIMIT_MAX))
        mine = await self._runner.read(list_own_memberships, identity)
        return await self._pages.render(
            request,
            "home.html",
            memberships=[_describe_membership(one) for one in mine],
            invitations=[_describe_own(one) for one in waiting.items],
        )

    async def accept(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        key = ClaimKey(invitation_id=request.path_params["invitation_id"][:64])
        try:
            accepted = await self._runner.claim(
                accept,
                identity,
                key,
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except (ClaimRejectedError, RateLimitedError, EmailUnverifiedError) as error:
            return await self._refuse(request, "accept", error, started)
        metrics.CLAIMS.labels("accept", "accepted").inc()
        return redirect(f"/tenants/{accepted.tenant_id}?joined=1")

    async def decline(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.get_identity(request)
        await self._pages.read_form(request)
        key = ClaimKey(invitation_id=request.path_params["invitation_id"][:64])
        try:
            await self._runner.claim(
                decline,
                identity,
                key,
                context=self._pages.context(request),
                limits=self._pages.services.limits,
            )
        except (ClaimRejectedError, RateLimitedError, EmailUnverifiedError) as error:
            return await self._refuse(request, "decline", error, started)
        metrics.CLAIMS.labels("decline", "declined").inc()
        return await self._pages.render(request, "declined.html")

    async def show_members(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id = request.path_params["tenant_id"]
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
            settings_url=f"/tenants/{quote(tenant_id)}/settings" if is_administrator else None,
        )

    async def _refuse(
        self,
        request: Request,
        act: str,
        error: ClaimRejectedError | RateLimitedError | EmailUnverifiedError,
        started: float,
    ) -> Response:
        count_refusal(act, error)
        if isinstance(error, EmailUnverifiedError):
            return await self._pages.render_error(request, error)
        await self._pages.hold(started)
        if isinstance(error, RateLimitedError):
            return await self._pages.render_error(request, error)
        return await self._pages.render(request, "unavailable.html", status=404, can_request=False)


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

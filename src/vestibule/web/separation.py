# SPDX-License-Identifier: Apache-2.0
"""Which process serves which address, where they are separated (OBS-06): the one table from route to role.

A path belongs to one role with all its methods, so that a proxy can choose by path and an address that
belongs to another role does not exist here. A route without a row fails a test; only ``all`` serves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from vestibule.core.process import ProcessRole
from vestibule.errors import NotFoundError

_TENANT = "/v1/tenants/{tenant_id}"
_SETTINGS = "/tenants/{tenant_id}/settings"
# Promises: made, listed, approved, ended. Nothing here makes anybody a member.
_ISSUE = (
    f"{_TENANT}/invitations",
    f"{_TENANT}/invitations/{{invitation_id}}",
    f"{_TENANT}/invitations/{{invitation_id}}/resend",
    f"{_TENANT}/invitations/{{invitation_id}}/correct",
    f"{_TENANT}/invitations/{{invitation_id}}/approval",
    f"{_TENANT}/invitations/{{invitation_id}}/approve",
    f"{_TENANT}/invitations/{{invitation_id}}/reject",
    f"{_TENANT}/ensured/{{email}}",
    f"{_TENANT}/reviews",
    f"{_TENANT}/reviews/{{invitation_id}}",
    f"{_TENANT}/attendance",
    f"{_TENANT}/attendance.csv",
    f"{_TENANT}/calendar",
    f"{_TENANT}/join-requests",
    f"{_TENANT}/join-requests/{{request_id}}/approve",
    f"{_TENANT}/join-requests/{{request_id}}/reject",
    "/v1/leaks",
    "/my/tenants/{tenant_id}/ask",
    _SETTINGS,
    f"{_SETTINGS}/invitations",
    f"{_SETTINGS}/invitations/{{invitation_id}}/resend",
    f"{_SETTINGS}/invitations/{{invitation_id}}/link",
    f"{_SETTINGS}/invitations/{{invitation_id}}/correct",
    f"{_SETTINGS}/invitations/{{invitation_id}}/revoke",
    f"{_SETTINGS}/approvals/{{invitation_id}}",
    f"{_SETTINGS}/approvals/{{invitation_id}}/approve",
    f"{_SETTINGS}/approvals/{{invitation_id}}/reject",
    f"{_SETTINGS}/reviews/{{invitation_id}}",
    f"{_SETTINGS}/join-requests/{{request_id}}/approve",
    f"{_SETTINGS}/join-requests/{{request_id}}/reject",
)
# What invitees do, signing in included: the only role that opens sessions and reads passwords.
_CLAIM = (
    "/v1/invitations/",
    "/v1/me/invitations",
    "/v1/me/invitations/{invitation_id}/accept",
    "/v1/me/invitations/{invitation_id}/decline",
    "/v1/me/tenants",
    f"{_TENANT}/join",
    f"{_TENANT}/anonymous-events/{{event_id}}/sign",
    "/v1/anonymous-events/{event_id}",
    "/v1/anonymous-events/{event_id}/redeem",
    "/tenants/{tenant_id}/anonymous/{anonymous_id}",
    "/anonymous/{anonymous_id}/redeem",
    "/",
    "/my/invitations/{invitation_id}/accept",
    "/my/invitations/{invitation_id}/decline",
    "/my/tenants/{tenant_id}/join",
    "/tenants/{tenant_id}",
    "/i/{token:path}",
    "/invitation",
    "/invitation/accept",
    "/invitation/decline",
    "/invitation/block",
    "/invitation/report",
    "/invitation/request-new",
    "/sign-in",
    "/sign-out",
    "/sign-up",
    "/verify",
    "/verify/resend",
    "/sign-in/again",
    "/sign-in/with/{connection_id}",
    "/sign-in/callback/{connection_id}",
)
_ADMIN = (
    _TENANT,
    f"{_TENANT}/suspend",
    f"{_TENANT}/resume",
    f"{_TENANT}/policy",
    f"{_TENANT}/policy/changes",
    f"{_TENANT}/policy/changes/{{change_id}}/approve",
    f"{_TENANT}/policy/changes/{{change_id}}/activate",
    f"{_TENANT}/policy/changes/{{change_id}}/withdraw",
    f"{_TENANT}/policy/rollback",
    f"{_TENANT}/policy/compare",
    f"{_TENANT}/policy/simulate",
    f"{_TENANT}/policy/reevaluate",
    f"{_TENANT}/policy/decisions/{{event_id}}",
    f"{_TENANT}/connections",
    f"{_TENANT}/connections/{{connection_id}}",
    f"{_TENANT}/connections/{{connection_id}}/check",
    f"{_TENANT}/members",
    f"{_TENANT}/members/{{principal_id:whole}}",
    f"{_TENANT}/anonymous-events",
    f"{_TENANT}/anonymous-events/{{event_id}}",
    f"{_TENANT}/anonymous-events/{{event_id}}/close",
    f"{_TENANT}/resources",
    f"{_TENANT}/resources/{{resource_id:whole}}",
    f"{_TENANT}/grants/{{principal_id:whole}}",
    f"{_TENANT}/events",
    f"{_TENANT}/events/{{event_id}}/proof",
    f"{_TENANT}/domains",
    f"{_TENANT}/domains/{{domain}}",
    f"{_TENANT}/domains/{{domain}}/check",
    "/v1/policy",
    "/v1/policy/changes",
    "/v1/policy/changes/{change_id}/approve",
    "/v1/policy/changes/{change_id}/activate",
    "/v1/policy/changes/{change_id}/withdraw",
    "/v1/policy/rollback",
    "/v1/policy/compare",
    "/v1/connections",
    "/v1/connections/{connection_id}",
    "/v1/connections/{connection_id}/check",
    "/v1/people/export",
    "/v1/people/erase",
    "/v1/principals/{principal_id:whole}/offboard",
    "/v1/suppressions/{email:whole}",
    "/scim/v2",
    "/.well-known/",
    "/log/",
    f"{_SETTINGS}/members/{{principal_id:path}}/remove",
    f"{_SETTINGS}/policy",
    f"{_SETTINGS}/policy/draft",
    f"{_SETTINGS}/policy/changes",
    f"{_SETTINGS}/policy/changes/{{change_id}}",
    f"{_SETTINGS}/policy/changes/{{change_id}}/approve",
    f"{_SETTINGS}/policy/changes/{{change_id}}/activate",
    f"{_SETTINGS}/policy/changes/{{change_id}}/withdraw",
    f"{_SETTINGS}/policy/rollback",
    f"{_SETTINGS}/anonymous",
    f"{_SETTINGS}/anonymous/{{anonymous_id}}/close",
    f"{_SETTINGS}/domains",
    f"{_SETTINGS}/domains/{{domain}}",
    f"{_SETTINGS}/domains/{{domain}}/check",
    f"{_SETTINGS}/domains/{{domain}}/remove",
    f"{_SETTINGS}/connections",
    f"{_SETTINGS}/connections/{{connection_id}}",
    f"{_SETTINGS}/connections/{{connection_id}}/check",
    f"{_SETTINGS}/connections/{{connection_id}}/disable",
    f"{_SETTINGS}/connections/{{connection_id}}/remove",
    f"{_SETTINGS}/history",
    f"{_SETTINGS}/history/{{event_id}}",
)
# Applications of their own below a prefix, not lists of routes.
AREAS = ("/v1/invitations/", "/scim/v2", "/.well-known/", "/log/")
# Every process answers these: they hold nothing, or measure the process itself.
EVERYWHERE = ("/static", "/openapi.json", "/metrics", "/healthz")
ROLE_OF: Mapping[str, ProcessRole] = {
    **dict.fromkeys(_ISSUE, ProcessRole.ISSUE),
    **dict.fromkeys(_CLAIM, ProcessRole.CLAIM),
    **dict.fromkeys(_ADMIN, ProcessRole.ADMIN),
}
Kept = TypeVar("Kept", bound=BaseRoute)


def is_served(role: ProcessRole, path: str) -> bool:
    """Whether a process of that role answers at this path (a route's template)."""
    return role is ProcessRole.ALL or path in EVERYWHERE or ROLE_OF.get(path) is role


def serve_own(app: ASGIApp, role: ProcessRole) -> ASGIApp:
    """*app* without the areas of other roles that are no list of routes."""
    elsewhere = tuple(area for area in AREAS if not is_served(role, area))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(elsewhere):
            raise NotFoundError
        await app(scope, receive, send)

    return answer if elsewhere else app


def keep_served(role: ProcessRole, routes: Iterable[Kept]) -> list[Kept]:
    """The routes that a process of that role has; the others are not found there."""
    return [route for route in routes if is_served(role, getattr(route, "path", ""))]

# SPDX-License-Identifier: Apache-2.0
"""What the settings screen shows: one read for each part, shaped for its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from vestibule.actions.invitations.review import InvitationView, list_invitations
from vestibule.actions.members.review_members import list_members
from vestibule.actions.tenants.review_tenant import TenantView, get_tenant
from vestibule.core.display import format_day, format_moment
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.invitation import NEAR_EXPIRY, Invitation, InvitationState
from vestibule.core.paging import Page, parse_page_request
from vestibule.core.tenant import Membership
from vestibule.errors import FieldFault, InvalidRequestError, NotFoundError
from vestibule.ports import InvitationFilter
from vestibule.web.pages.rendering import Pages, get_part

_LABELS = {
    InvitationState.PENDING: "Pending",
    InvitationState.HELD: "Held",
    InvitationState.ACCEPTED: "Accepted",
    InvitationState.DECLINED: "Declined",
    InvitationState.REVOKED: "Revoked",
    InvitationState.EXPIRED: "Expired",
}
_ALL = "all"
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshLink:
    """A link to show this once."""

    url: str = field(repr=False)
    invitation: Invitation


def settings_path(tenant_id: str) -> str:
    return f"/tenants/{quote(tenant_id, safe='')}/settings"


class SettingsView:
    """Renders the settings screen."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner

    async def render(
        self,
        request: Request,
        *,
        status: int = 200,
        notice: tuple[str, str] | None = None,
        values: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
        fresh_link: FreshLink | None = None,
    ) -> Response:
        """The screen of the tenant in the path, for whoever administers it."""
        identity = await self._pages.get_identity(request)
        tenant_id = get_part(request, "tenant_id")
        tenant = await self._runner.read(get_tenant, identity, tenant_id)
        if tenant.standing is None:
            raise NotFoundError
        chosen, invitations = await self._invitations(request, identity, tenant_id)
        members = await self._members(request, identity, tenant_id)
        return await self._pages.render(
            request,
            "settings.html",
            status=status,
            tenant={"tenant_id": tenant_id, "name": tenant.tenant.name, "state": tenant.tenant.state},
            settings_url=settings_path(tenant_id),
            my_role=tenant.standing.role,
            notice=None if notice is None else {"kind": notice[0], "text": notice[1]},
            fresh_link=_describe_link(fresh_link),
            form={"values": dict(values or {}), "errors": dict(errors or {})},
            roles=_describe_roles(tenant),
            invitations=[_describe(one) for one in invitations.items],
            state_filter=chosen,
            next_cursor_url=_next(tenant_id, f"state={chosen}&cursor=", invitations.next_cursor),
            members=[_describe_member(one, identity, tenant) for one in members.items],
            members_next_url=_next(tenant_id, f"state={chosen}&members=", members.next_cursor),
            seats=_describe_seats(tenant),
        )

    async def _invitations(
        self, request: Request, identity: VerifiedIdentity, tenant_id: str
    ) -> tuple[str, Page[InvitationView]]:
        chosen = request.query_params.get("state", InvitationState.PENDING.value)
        if chosen != _ALL and chosen not in set(InvitationState):
            raise InvalidRequestError(FieldFault("/state", "Choose one of the tabs."))
        wanted = InvitationFilter(state=None if chosen == _ALL else InvitationState(chosen))
        scope = f"page:{tenant_id}:{chosen}"
        page = parse_page_request(scope, None, request.query_params.get("cursor"))
        return chosen, await self._runner.read(list_invitations, identity, tenant_id, wanted, page)

    async def _members(
        self, request: Request, identity: VerifiedIdentity, tenant_id: str
    ) -> Page[Membership]:
        page = parse_page_request(f"members:{tenant_id}", None, request.query_params.get("members"))
        return await self._runner.read(list_members, identity, tenant_id, page)


def _describe(view: InvitationView) -> dict[str, object]:
    one = view.invitation
    is_pending = view.state is InvitationState.PENDING
    return {
        "invitation_id": one.invitation_id,
        "email": one.invited_email.key,
        "role": one.role,
        "state": view.state.value,
        "state_label": _LABELS[view.state],
        "created_text": format_day(one.created_at),
        "expires_text": format_moment(one.expires_at),
        "is_near_expiry": is_pending and one.expires_at - view.now <= NEAR_EXPIRY,
        "send_count": one.send_count,
        "last_sent_text": None if one.last_sent_at is None else format_moment(one.last_sent_at),
        "can_resend": is_pending,
        "delivery_text": "" if one.send_count else "No mail so far",
    }


def _describe_member(one: Membership, identity: VerifiedIdentity, tenant: TenantView) -> dict[str, object]:
    is_you = one.principal_id == identity.principal_id
    mine = tenant.standing
    may_remove = is_you or (mine is not None and tenant.tenant.policy.may_grant(mine.role, one.role))
    base = settings_path(tenant.tenant.tenant_id)
    return {
        "principal_id": one.principal_id,
        "name": one.name,
        "email": one.email,
        "role": one.role,
        "since_text": format_day(one.created_at),
        "expires_text": _moment(one.expires_at),
        "remove_url": f"{base}/members/{quote(one.principal_id, safe='')}/remove" if may_remove else None,
        "is_you": is_you,
    }


def _describe_roles(tenant: TenantView) -> list[dict[str, str]]:
    policy, mine = tenant.tenant.policy, tenant.standing
    granted = policy.assignable.get(mine.role, frozenset()) if mine is not None else frozenset()
    roles = sorted(granted - policy.elevating, key=lambda role: (-policy.ttl_of(role), role))
    return [{"role": role, "ttl_text": _duration(policy.ttl_of(role))} for role in roles]


def _describe_link(link: FreshLink | None) -> dict[str, str] | None:
    if link is None:
        return None
    return {
        "url": link.url,
        "email": link.invitation.invited_email.key,
        "expires_text": format_moment(link.invitation.expires_at),
    }


def _describe_seats(tenant: TenantView) -> dict[str, int] | None:
    return None if tenant.seats is None else {"used": tenant.seats[0], "limit": tenant.seats[1]}


def _duration(seconds: int) -> str:
    for unit, size in (("day", _DAY), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0 and seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _next(tenant_id: str, query: str, cursor: str | None) -> str | None:
    return None if cursor is None else f"{settings_path(tenant_id)}?{query}{cursor}"

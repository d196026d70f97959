# SPDX-License-Identifier: Apache-2.0
"""The screen of people and approvals: one read for each part, shaped for its template (AUD-04)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from vestibule.actions.invitations.review import InvitationView, list_invitations
from vestibule.actions.invitations.review_held import list_reviews
from vestibule.actions.joining.review_requests import JoinRequestView, list_join_requests
from vestibule.actions.resources.manage import list_resources
from vestibule.core.display import format_day, format_moment
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.invitation import NEAR_EXPIRY, Invitation, InvitationState
from vestibule.core.joining import JoinRequestState
from vestibule.core.paging import PageRequest, parse_page_request
from vestibule.core.resource import Resource
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.ports import InvitationFilter, Review
from vestibule.web.pages.rendering import Pages
from vestibule.web.pages.settings.frame import BLANK, Form, Notice, Screen, enter, render_screen
from vestibule.web.pages.settings.inviting import RESOURCES_SHOWN, describe_demands, describe_offer
from vestibule.web.pages.settings.member_list import list_described_members
from vestibule.web.pages.settings.names import read_names

_LABELS = {
    InvitationState.PENDING: "Pending",
    InvitationState.HELD: "Held",
    InvitationState.ACCEPTED: "Accepted",
    InvitationState.DECLINED: "Declined",
    InvitationState.REVOKED: "Revoked",
    InvitationState.EXPIRED: "Expired",
}
_ALL = "all"
UNKEPT_TEXT = "Address not kept"
_TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshLink:
    """A link to show this once."""

    url: str = field(repr=False)
    invitation: Invitation


class PeopleView:
    """Renders the screen of people and approvals."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner

    async def render(
        self,
        request: Request,
        *,
        status: int = 200,
        notice: Notice | None = None,
        form: Form = BLANK,
        fresh_link: FreshLink | None = None,
    ) -> Response:
        """The screen of the tenant in the path, for whoever administers it."""
        screen = await enter(self._pages, request)
        resources = await self._list_resources(screen)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_people.html",
            status=status,
            notice=notice,
            form=form,
            fresh_link=_describe_link(fresh_link),
            offer=describe_offer(screen, resources),
            held=await self._list_held(screen),
            reviews=await self._list_reviews(screen),
            joining=await self._list_joining(screen),
            **await self._list_invitations(request, screen),
            **await list_described_members(self._pages, request, screen, resources),
        )

    async def _list_resources(self, screen: Screen) -> list[Resource]:
        wanted = PageRequest(scope="settings", limit=RESOURCES_SHOWN + 1)
        page = await self._runner.read(list_resources, screen.identity, screen.tenant_id, wanted)
        return list(page.items)

    async def _list_held(self, screen: Screen) -> dict[str, object]:
        wanted = InvitationFilter(state=InvitationState.HELD)
        top = PageRequest(scope="settings", limit=_TOP)
        page = await self._runner.read(list_invitations, screen.identity, screen.tenant_id, wanted, top)
        rows = [_describe(one, screen) for one in page.items]
        return {"rows": rows, "has_more": page.next_cursor is not None}

    async def _list_reviews(self, screen: Screen) -> list[dict[str, object]]:
        top = PageRequest(scope="settings", limit=_TOP)
        page = await self._runner.read(list_reviews, screen.identity, screen.tenant_id, top, is_open=True)
        names = await read_names(self._pages, screen, [one.principal_id for one in page.items])
        return [_describe_review(one, screen.identity, names) for one in page.items]

    async def _list_joining(self, screen: Screen) -> list[dict[str, object]]:
        top = PageRequest(scope="settings", limit=_TOP)
        page = await self._runner.read(
            list_join_requests, screen.identity, screen.tenant_id, JoinRequestState.OPEN, top
        )
        return [_describe_joining(one) for one in page.items]

    async def _list_invitations(self, request: Request, screen: Screen) -> dict[str, object]:
        chosen = request.query_params.get("state", InvitationState.PENDING.value)
        if chosen != _ALL and chosen not in set(InvitationState):
            raise InvalidRequestError(FieldFault("/state", "Choose one of the tabs."))
        wanted = InvitationFilter(state=None if chosen == _ALL else InvitationState(chosen))
        scope = f"page:{screen.tenant_id}:{chosen}"
        wanted_page = parse_page_request(scope, None, request.query_params.get("cursor"))
        page = await self._runner.read(
            list_invitations, screen.identity, screen.tenant_id, wanted, wanted_page
        )
        more = page.next_cursor
        return {
            "state_filter": chosen,
            "invitations": [_describe(one, screen) for one in page.items],
            "next_cursor_url": None if more is None else f"{screen.path}?state={chosen}&cursor={more}",
        }


def _describe(view: InvitationView, screen: Screen) -> dict[str, object]:
    one = view.invitation
    is_pending = view.state is InvitationState.PENDING
    return {
        "invitation_id": one.invitation_id,
        "email": one.invited_email.shown,
        "address_text": one.invited_email.shown or UNKEPT_TEXT,
        "role": "" if one.grants_only else one.role,
        "grant_count": len(one.grants),
        "state": view.state.value,
        "state_label": _LABELS[view.state],
        "created_text": format_day(one.created_at),
        "expires_text": format_moment(one.expires_at),
        "is_near_expiry": is_pending and one.expires_at - view.now <= NEAR_EXPIRY,
        "send_count": one.send_count,
        "last_sent_text": None if one.last_sent_at is None else format_moment(one.last_sent_at),
        "delivery_text": _describe_delivery(view),
        "demands": describe_demands(screen.policy, one.role),
        "is_own": one.inviter_principal_id == screen.identity.principal_id,
    }


def _describe_delivery(view: InvitationView) -> str:
    if view.state is InvitationState.HELD:
        return "Waits for approval"
    return "" if view.invitation.send_count else "No mail so far"


def _describe_joining(view: JoinRequestView) -> dict[str, object]:
    return {
        "request_id": view.request.request_id,
        "email": view.request.address.key,
        "name": view.name,
        "created_text": format_moment(view.request.created_at),
    }


def _describe_review(
    review: Review, identity: VerifiedIdentity, names: Mapping[str, str]
) -> dict[str, object]:
    return {
        "invitation_id": review.invitation_id,
        "who": names.get(review.principal_id, review.principal_id),
        "role": review.role,
        "opened_text": format_moment(review.opened_at),
        "due_text": format_moment(review.due_at),
        "is_own": review.principal_id == identity.principal_id,
    }


def _describe_link(link: FreshLink | None) -> dict[str, str] | None:
    if link is None:
        return None
    return {
        "url": link.url,
        "email": link.invitation.invited_email.shown or UNKEPT_TEXT,
        "expires_text": format_moment(link.invitation.expires_at),
    }

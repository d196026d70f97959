# SPDX-License-Identifier: Apache-2.0
"""The screen of anonymous events: hold one, see its numbers, close it (TOK-07)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.anonymity.review_events import EventView, close_event, list_events
from vestibule.core.anonymity import RULES, AnonymousEventDraft
from vestibule.core.display import format_moment
from vestibule.core.keys import Algorithm
from vestibule.core.paging import parse_page_request
from vestibule.errors import EventOverError, FieldFault, InvalidRequestError
from vestibule.web.anonymity import hold_event
from vestibule.web.pages.rendering import Pages, get_part, redirect
from vestibule.web.pages.settings.frame import BLANK, Form, enter, read_faults, render_screen, settings_path

_FIELDS = ("name", "closes_at", "opens_at", "min_set_size")
_BADGES = {
    "collecting": ("pending", "Codes are issued"),
    "open": ("active", "Open"),
    "closed": ("expired", "Over"),
}
_MINUTE = len("2030-01-31T12:00")


def anonymity_routes(pages: Pages) -> list[Route]:
    here = AnonymitySettings(pages)
    base = "/tenants/{tenant_id}/settings/anonymous"
    return [
        Route(base, here.show, methods=["GET"]),
        Route(base, here.create, methods=["POST"]),
        Route(base + "/{anonymous_id}/close", here.close, methods=["POST"]),
    ]


class AnonymitySettings:
    """Handlers of the screen."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    async def show(self, request: Request, *, form: Form = BLANK, status: int = 200) -> Response:
        screen = await enter(self._pages, request)
        wanted = parse_page_request(f"anonymous:{screen.tenant_id}", None, request.query_params.get("cursor"))
        page = await self._services.runner.read(list_events, screen.identity, screen.tenant_id, wanted)
        following = f"{screen.path}/anonymous?cursor={quote(page.next_cursor)}" if page.next_cursor else None
        provider = self._services.provider
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_anonymous.html",
            status=status,
            form=form,
            events=[self._describe(view) for view in page.items],
            next_url=following,
            has_ring=provider is not None and Algorithm.RSABSSA in provider.algorithms,
            default_size=str(RULES.min_set_size),
        )

    async def create(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id = get_part(request, "tenant_id")
        form = await self._pages.read_form(request)
        try:
            draft = _read_draft(form)
            await hold_event(self._services, identity, tenant_id, draft, self._pages.context(request))
        except InvalidRequestError as error:
            typed = {name: form.get(name, "") for name in _FIELDS}
            again = Form(name="events", values=typed, errors=read_faults(error))
            return await self.show(request, form=again, status=422)
        return redirect(settings_path(tenant_id) + "/anonymous?done=anonymous_created")

    async def close(self, request: Request) -> Response:
        identity = await self._pages.get_identity(request)
        tenant_id, event_id = get_part(request, "tenant_id"), get_part(request, "anonymous_id")
        await self._pages.read_form(request)
        context, done = self._pages.context(request), "anonymous_closed"
        try:
            await self._services.runner.run(close_event, identity, tenant_id, event_id, context=context)
        except EventOverError:
            done = "decided"
        return redirect(f"{settings_path(tenant_id)}/anonymous?done={done}")

    def _describe(self, view: EventView) -> dict[str, object]:
        event = view.event
        badge, label = ("revoked", "Key given up") if view.is_compromised else _BADGES[view.state]
        return {
            "event_id": event.event_id,
            "name": event.name,
            "badge": badge,
            "label": label,
            "is_live": view.state != "closed",
            "issued_count": event.issued_count,
            "redeemed_count": event.redeemed_count,
            "min_set_size": event.min_set_size,
            "opens_text": None if event.opens_at is None else format_moment(event.opens_at),
            "closes_text": format_moment(event.closed_at or event.closes_at),
            "thumbprint": view.thumbprint,
            "resource_id": event.resource_id,
            "redeem_url": f"{self._services.public_url}/anonymous/{event.event_id}/redeem",
        }


def _read_draft(form: Mapping[str, str]) -> AnonymousEventDraft:
    closes_at, size = _read_moment(form, "closes_at"), form.get("min_set_size", "").strip()
    if closes_at is None:
        raise InvalidRequestError(FieldFault("/closes_at", "Say when it is over."))
    if size and not (size.isascii() and size.isdecimal() and len(size) < 9):
        raise InvalidRequestError(FieldFault("/min_set_size", "Give a whole number."))
    return AnonymousEventDraft(
        name=form.get("name", "").strip(),
        closes_at=closes_at,
        opens_at=_read_moment(form, "opens_at"),
        min_set_size=int(size) if size else None,
    )


def _read_moment(form: Mapping[str, str], name: str) -> datetime | None:
    text = form.get(name, "")
    if not text:
        return None
    try:
        # Some browsers send seconds, too.
        return datetime.strptime(text[:_MINUTE], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        told = "Give a day and a time such as 2030-11-28T09:00."
        raise InvalidRequestError(FieldFault(f"/{name}", told)) from None

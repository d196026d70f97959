# SPDX-License-Identifier: Apache-2.0
"""The screen of history: what happened in the tenant, and the proof of one event (AUD-03, AUD-04)."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.log.review_events import EventView, get_event, list_events
from vestibule.core.display import format_moment
from vestibule.core.event import StoredEvent
from vestibule.core.paging import parse_page_request
from vestibule.web.pages.rendering import Pages, get_part
from vestibule.web.pages.settings.frame import enter, render_screen


def history_routes(pages: Pages) -> list[Route]:
    here = HistoryPages(pages)
    base = "/tenants/{tenant_id}/settings/history"
    return [
        Route(base, here.show, methods=["GET"]),
        Route(base + "/{event_id}", here.show_one, methods=["GET"]),
    ]


class HistoryPages:
    """Handlers of what only looks."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner

    async def show(self, request: Request) -> Response:
        screen = await enter(self._pages, request)
        wanted = parse_page_request(f"events:{screen.tenant_id}", None, request.query_params.get("events"))
        page = await self._runner.read(list_events, screen.identity, screen.tenant_id, wanted)
        path = f"{screen.path}/history"
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_history.html",
            events=[{**_describe(one), "url": f"{path}/{one.record.event_id}"} for one in page.items],
            next_url=None if page.next_cursor is None else f"{path}?events={page.next_cursor}",
        )

    async def show_one(self, request: Request) -> Response:
        screen = await enter(self._pages, request)
        event_id = get_part(request, "event_id")
        view = await self._runner.read(get_event, screen.identity, screen.tenant_id, event_id)
        return await render_screen(
            self._pages,
            request,
            screen,
            "settings_event.html",
            event=_describe(view.event),
            seal=_describe_seal(view),
            back_url=f"{screen.path}/history",
        )


def _describe(event: StoredEvent) -> dict[str, object]:
    record = event.record
    return {
        "event_id": record.event_id,
        "kind": record.kind,
        "at_text": format_moment(event.occurred_at),
        "actor": record.actor_id,
        "invitation_id": record.invitation_id,
        "request": record.correlation_id,
        "body": json.dumps(json.loads(record.body), indent=2, ensure_ascii=False),
    }


def _describe_seal(view: EventView) -> dict[str, object]:
    sealed = view.sealed
    return {
        "leaf": view.leaf_hash.hex(),
        "place": None if sealed is None else sealed.seq + 1,
        "is_changed": sealed is not None and sealed.leaf_hash != view.leaf_hash,
        "proof": None if view.proof is None else str(view.proof),
    }

# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}/events``: the trail, and one event's proof."""

from __future__ import annotations

import json
from functools import partial

from fastapi import APIRouter

from vestibule.actions.log.review_events import EventView, get_event, list_events
from vestibule.core.event import StoredEvent
from vestibule.core.paging import parse_page_request
from vestibule.web.api.fields import Cursor, EventId, PageLimit, TenantId
from vestibule.web.api.log_schemas import EventJson, EventProofJson
from vestibule.web.api.reference import KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, WholeResponse, answer_json
from vestibule.web.api.schemas import PageJson
from vestibule.web.services import Services

_LIST = "/v1/tenants/{tenant_id}/events"


class EventRoutes:
    """What happened in a tenant, and how it is proved."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=KEY_OR_PRINCIPAL, codes=["not_found"])
        add(f"GET {_LIST}", self.list_all, name="list_events", answers={200: PageJson[EventJson]})
        add(
            f"GET {_LIST}/{{event_id}}/proof",
            self.prove,
            name="get_event_proof",
            answers={200: EventProofJson},
        )

    async def list_all(
        self, tenant_id: TenantId, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """Its audit events, the newest first."""
        request = parse_page_request(f"events:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_events, caller, tenant_id, request)
        return answer_json(
            PageJson(items=[describe_event(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def prove(self, tenant_id: TenantId, event_id: EventId, caller: Caller) -> WholeResponse:
        """One event, whether it is what was sealed, and the proof that it stands in the signed log."""
        return answer_json(describe_proof(await self._runner.read(get_event, caller, tenant_id, event_id)))


def describe_event(event: StoredEvent) -> EventJson:
    record = event.record
    return EventJson(
        event_id=record.event_id,
        kind=record.kind,
        tenant_id=record.tenant_id,
        invitation_id=record.invitation_id,
        occurred_at=event.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        actor_id=record.actor_id,
        correlation_id=record.correlation_id,
        source=record.source,
        body=json.loads(record.body),
    )


def describe_proof(view: EventView) -> EventProofJson:
    sealed = view.sealed
    return EventProofJson(
        event=describe_event(view.event),
        state="unsealed" if sealed is None else "sealed" if view.proof is None else "proved",
        leaf_hash=view.leaf_hash.hex(),
        seq=None if sealed is None else sealed.seq,
        is_unchanged=None if sealed is None else sealed.leaf_hash == view.leaf_hash,
        proof=None if view.proof is None else str(view.proof),
    )

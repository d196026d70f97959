# SPDX-License-Identifier: Apache-2.0
"""Anonymous events: below the tenant for whoever holds or is invited to them, apart from it for redeeming."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request

from vestibule.actions.anonymity.review_events import (
    EventView,
    close_event,
    describe_event,
    get_event,
    list_events,
)
from vestibule.core.anonymity import AnonymousEventDraft
from vestibule.core.paging import parse_page_request
from vestibule.web.anonymity import Redeeming, decode, encode, hold_event, sign
from vestibule.web.api.anonymity_schemas import (
    AnonymousEventJson,
    BlindSignatureJson,
    CreateAnonymousEvent,
    HeldAnonymousEventJson,
    RedeemAnonymousCode,
    SignAnonymousCode,
)
from vestibule.web.api.fields import Cursor, EventId, PageLimit, TenantId
from vestibule.web.api.reference import KEY_OR_PRINCIPAL, PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import PageJson
from vestibule.web.services import Services

_HELD = "/v1/tenants/{tenant_id}/anonymous-events"
_ONE = "/v1/anonymous-events/{event_id}"
_CREATE_CODES = ["not_found", "tenant_suspended", "key_missing", "key_provider_failed"]
_SIGN_CODES = [*_CREATE_CODES, "event_over", "key_state"]
_NOBODY: list[dict[str, list[str]]] = [{}]


class AnonymityRoutes:
    """What has to do with people: who holds an event, who is given a signature."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, router: APIRouter, anonymous: APIRouter) -> None:
        """Redeeming goes on *anonymous*, whose routes ask nobody who they are."""
        RedemptionRoutes(self._services).add_to(anonymous)
        add = partial(add_route, router, who=KEY_OR_PRINCIPAL)
        one: dict[int, Any] = {200: HeldAnonymousEventJson}
        add(
            f"POST {_HELD}",
            self.create,
            name="create_anonymous_event",
            answers={201: HeldAnonymousEventJson},
            codes=_CREATE_CODES,
        )
        add(
            f"GET {_HELD}",
            self.list_all,
            name="list_anonymous_events",
            answers={200: PageJson[HeldAnonymousEventJson]},
            codes=["not_found"],
        )
        add(
            f"GET {_HELD}/{{event_id}}",
            self.get,
            name="get_anonymous_event",
            answers=one,
            codes=["not_found"],
        )
        add(
            f"POST {_HELD}/{{event_id}}/close",
            self.close,
            name="close_anonymous_event",
            answers=one,
            codes=["not_found", "event_over"],
        )
        add_route(
            router,
            f"POST {_HELD}/{{event_id}}/sign",
            self.sign,
            name="sign_anonymous_code",
            who=PRINCIPAL,
            answers={200: BlindSignatureJson},
            codes=_SIGN_CODES,
        )

    async def create(
        self, tenant_id: TenantId, body: CreateAnonymousEvent, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """The event stands open for invitations to its resource. Needs a key ring."""
        draft = AnonymousEventDraft(
            name=body.name,
            closes_at=body.closes_at,
            opens_at=body.opens_at,
            min_set_size=body.min_set_size,
        )
        view = await hold_event(self._services, caller, tenant_id, draft, context)
        return answer_json(_describe_held(view), status=201)

    async def list_all(
        self, tenant_id: TenantId, caller: Caller, *, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """This tenant's, the newest first, with their numbers."""
        request = parse_page_request(f"anonymous:{tenant_id}", limit, cursor)
        page = await self._services.runner.read(list_events, caller, tenant_id, request)
        return answer_json(
            PageJson(items=[_describe_held(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def get(self, tenant_id: TenantId, event_id: EventId, caller: Caller) -> WholeResponse:
        """One of them."""
        view = await self._services.runner.read(get_event, caller, tenant_id, event_id)
        return answer_json(_describe_held(view))

    async def close(
        self, tenant_id: TenantId, event_id: EventId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Nothing is signed or redeemed any more. Final."""
        view = await self._services.runner.run(close_event, caller, tenant_id, event_id, context=context)
        return answer_json(_describe_held(view))

    async def sign(
        self,
        tenant_id: TenantId,
        event_id: EventId,
        body: SignAnonymousCode,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """One blind signature for each invited member; the same message again has the same answer."""
        signed = await sign(self._services, caller, tenant_id, event_id, decode(body.blinded), context)
        return answer_json(BlindSignatureJson(blind_signature=encode(signed)))


class RedemptionRoutes:
    """What has to do with nobody: no session, no cookie, no assertion is looked at, and nothing is logged."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._redeeming = Redeeming(services)

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=_NOBODY)
        add(
            f"GET {_ONE}",
            self.describe,
            name="describe_anonymous_event",
            answers={200: AnonymousEventJson},
            codes=["not_found"],
        )
        add(
            f"POST {_ONE}/redeem",
            self.redeem,
            name="redeem_anonymous_code",
            answers={204: None},
            codes=["not_found", "invitation_unavailable", "event_over", "tenant_suspended", "rate_limited"],
        )

    async def describe(self, event_id: EventId) -> WholeResponse:
        """Its key, to compare with the mail's and the trail's, and how many have a code."""
        return answer_json(describe(await self._services.runner.read(describe_event, event_id)))

    async def redeem(self, event_id: EventId, body: RedeemAnonymousCode, request: Request) -> WholeResponse:
        """The code is spent. One refusal for whatever is no code, and for what is spent."""
        await self._redeeming.redeem(request.scope, event_id, decode(body.msg), decode(body.sig))
        return answer_nothing()


def describe(view: EventView) -> AnonymousEventJson:
    """An event as anybody may see it."""
    return AnonymousEventJson(**_describe(view))


def _describe_held(view: EventView) -> HeldAnonymousEventJson:
    event = view.event
    return HeldAnonymousEventJson(
        **_describe(view),
        resource_id=event.resource_id,
        key_id=event.key_id,
        redeemed_count=event.redeemed_count,
        created_at=event.created_at,
    )


def _describe(view: EventView) -> dict[str, Any]:
    event = view.event
    return {
        "event_id": event.event_id,
        "name": event.name,
        "tenant_name": view.tenant_name,
        "state": view.state,
        "min_set_size": event.min_set_size,
        "issued_count": event.issued_count,
        "opens_at": event.opens_at,
        "closes_at": event.closes_at,
        "public_key": encode(view.public_key),
        "thumbprint": view.thumbprint,
    }

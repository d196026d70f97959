# SPDX-License-Identifier: Apache-2.0
"""The routes of ``/scim/v2``. They decide nothing: they read, call one action, and answer as SCIM does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from scim2_models import Meta, Resource, ResourceType, Schema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vestibule.actions.directory import keep_groups, keep_users, review_directory
from vestibule.core.directory import DirectoryPage
from vestibule.core.identity import Actor
from vestibule.errors import NotFoundError
from vestibule.web.asgi import ROUTE, Answer, get_context
from vestibule.web.identify import get_actor
from vestibule.web.scim import PREFIX, resources
from vestibule.web.scim.answers import answer_error, answer_list, answer_resource
from vestibule.web.scim.bounds import GROUP_BOUNDS, USER_BOUNDS
from vestibule.web.scim.queries import read_body, read_filter, read_page, read_wanted
from vestibule.web.services import Services

_USER_FIELDS = {"username": "user_name", "externalid": "external_id", "id": "id"}
_GROUP_FIELDS = {"displayname": "group_name", "externalid": "external_id", "id": "id"}
_ID_MAX = 36
_TRIES = 5
_BUSY = "Somebody else is changing it at the same time; try again."
Handler = Callable[[Request, Actor], Awaitable[Answer]]
OneHandler = Callable[[Request, Actor, str], Awaitable[Answer]]


def make_scim(services: Services) -> ASGIApp:
    """The whole of ``/scim/v2``."""
    return _Scim(services)


class _Scim:
    def __init__(self, services: Services) -> None:
        self._services = services
        users, groups, discovery = _Users(services), _Groups(services), _Discovery(services)
        self._lists: dict[str, dict[str, Handler]] = {
            "Users": {"GET": users.list_all, "POST": users.add},
            "Groups": {"GET": groups.list_all, "POST": groups.add},
            "ServiceProviderConfig": {"GET": discovery.show_config},
            "ResourceTypes": {"GET": discovery.list_types},
            "Schemas": {"GET": discovery.list_schemas},
        }
        self._ones: dict[str, dict[str, OneHandler]] = {
            "Users": {
                "GET": users.get,
                "PUT": users.replace,
                "PATCH": users.patch,
                "DELETE": users.remove,
            },
            "Groups": {
                "GET": groups.get,
                "PUT": groups.replace,
                "PATCH": groups.patch,
                "DELETE": groups.remove,
            },
            "ResourceTypes": {"GET": discovery.get_type},
            "Schemas": {"GET": discovery.get_schema},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except Exception as error:
            refusal = answer_error(error)
            if refusal is None:
                raise
            answer = refusal
        await answer.send(scope, send)

    async def _answer(self, request: Request) -> Answer:
        kind, _, one = request.scope["path"].removeprefix(PREFIX).strip("/").partition("/")
        known = kind in (self._ones if one else self._lists)
        request.scope[ROUTE] = f"{PREFIX}/{kind}" + ("/{id}" if one else "") if known else PREFIX
        actor = await get_actor(self._services, request.scope)
        if not known or "\0" in one or "/" in one.removeprefix("urn:"):
            raise NotFoundError
        if one:
            handle_one = self._ones[kind].get(request.method)
            if handle_one is not None:
                return await handle_one(request, actor, one)
        else:
            handle = self._lists[kind].get(request.method)
            if handle is not None:
                return await handle(request, actor)
        raise HTTPException(405, "This method is not allowed here.")


class _Users:
    def __init__(self, services: Services) -> None:
        self._run, self._read = services.runner.run, services.runner.read
        self._show = partial(resources.show_person, base_url=services.public_url + PREFIX)

    async def list_all(self, request: Request, actor: Actor) -> Answer:
        asked = request.query_params
        start, count = read_page(asked)
        wanted = read_filter(asked, _USER_FIELDS)
        page = await self._read(review_directory.list_users, actor, wanted, start=start, count=count)
        return await asyncio.to_thread(_show_page, page, start, self._show, resources.Person, asked)

    async def get(self, request: Request, actor: Actor, user_id: str) -> Answer:
        user = await self._read(review_directory.get_user, actor, user_id[: _ID_MAX + 1])
        return answer_resource(self._show(user), wanted=read_wanted(request.query_params, resources.Person))

    async def add(self, request: Request, actor: Actor) -> Answer:
        draft = await asyncio.to_thread(resources.make_person, await read_body(request, USER_BOUNDS))
        context = get_context(request.scope)
        user = await self._run(keep_users.add_user, actor, draft, context=context)
        return answer_resource(self._show(user), status=201)

    async def replace(self, request: Request, actor: Actor, user_id: str) -> Answer:
        body = await read_body(request, USER_BOUNDS)
        return await self._change(request, actor, user_id, lambda kept: resources.replace_person(kept, body))

    async def patch(self, request: Request, actor: Actor, user_id: str) -> Answer:
        body = await read_body(request, USER_BOUNDS)
        return await self._change(request, actor, user_id, lambda kept: resources.patch_person(kept, body))

    async def remove(self, request: Request, actor: Actor, user_id: str) -> Answer:
        context = get_context(request.scope)
        await self._run(keep_users.remove_user, actor, user_id[: _ID_MAX + 1], context=context)
        return Answer(204)

    async def _change(self, request: Request, actor: Actor, user_id: str, change: Any) -> Answer:
        for _ in range(_TRIES):
            was = await self._read(review_directory.get_user, actor, user_id[: _ID_MAX + 1])
            # What a patch costs is nobody's but the caller's: no lock is held, and the loop goes on.
            draft = await asyncio.to_thread(change, was)
            context = get_context(request.scope)
            user = await self._run(keep_users.change_user, actor, was, draft, context=context)
            if user is not None:
                wanted = read_wanted(request.query_params, resources.Person)
                return answer_resource(self._show(user), wanted=wanted)
        raise HTTPException(409, _BUSY)


class _Groups:
    def __init__(self, services: Services) -> None:
        self._run, self._read = services.runner.run, services.runner.read
        self._show = partial(resources.show_group, base_url=services.public_url + PREFIX)

    async def list_all(self, request: Request, actor: Actor) -> Answer:
        asked = request.query_params
        start, count = read_page(asked)
        wanted = read_filter(asked, _GROUP_FIELDS)
        page = await self._read(review_directory.list_groups, actor, wanted, start=start, count=count)
        return await asyncio.to_thread(_show_page, page, start, self._show, resources.Group, asked)

    async def get(self, request: Request, actor: Actor, group_id: str) -> Answer:
        group = await self._read(review_directory.get_group, actor, group_id[: _ID_MAX + 1])
        return answer_resource(self._show(group), wanted=read_wanted(request.query_params, resources.Group))

    async def add(self, request: Request, actor: Actor) -> Answer:
        draft = await asyncio.to_thread(resources.make_group, await read_body(request, GROUP_BOUNDS))
        context = get_context(request.scope)
        group = await self._run(keep_groups.add_group, actor, draft, context=context)
        return answer_resource(self._show(group), status=201)

    async def replace(self, request: Request, actor: Actor, group_id: str) -> Answer:
        body = await read_body(request, GROUP_BOUNDS)
        return await self._change(request, actor, group_id, lambda _: resources.replace_group(body))

    async def patch(self, request: Request, actor: Actor, group_id: str) -> Answer:
        body = await read_body(request, GROUP_BOUNDS)
        return await self._change(request, actor, group_id, lambda kept: resources.patch_group(kept, body))

    async def remove(self, request: Request, actor: Actor, group_id: str) -> Answer:
        context = get_context(request.scope)
        await self._run(keep_groups.remove_group, actor, group_id[: _ID_MAX + 1], context=context)
        return Answer(204)

    async def _change(self, request: Request, actor: Actor, group_id: str, change: Any) -> Answer:
        for _ in range(_TRIES):
            was = await self._read(review_directory.get_group, actor, group_id[: _ID_MAX + 1])
            draft = await asyncio.to_thread(change, was)
            context = get_context(request.scope)
            group = await self._run(keep_groups.change_group, actor, was, draft, context=context)
            if group is not None:
                wanted = read_wanted(request.query_params, resources.Group)
                return answer_resource(self._show(group), wanted=wanted)
        raise HTTPException(409, _BUSY)


class _Discovery:
    """What this server speaks (RFC 7644 4): the same for every tenant."""

    def __init__(self, services: Services) -> None:
        base_url = services.public_url + PREFIX
        self._config = _place(resources.CONFIG, "ServiceProviderConfig", f"{base_url}/ServiceProviderConfig")
        self._types: list[Resource[Any]] = [
            _place(one, "ResourceType", f"{base_url}/ResourceTypes/{one.id}")
            for one in resources.PROVIDER.resource_types
        ]
        self._schemas: list[Resource[Any]] = [
            _place(one, "Schema", f"{base_url}/Schemas/{one.id}") for one in resources.PROVIDER.schemas
        ]

    async def show_config(self, _request: Request, _actor: Actor) -> Answer:
        return answer_resource(self._config)

    async def list_types(self, request: Request, _actor: Actor) -> Answer:
        return _list_discovered(request, self._types, ResourceType)

    async def list_schemas(self, request: Request, _actor: Actor) -> Answer:
        return _list_discovered(request, self._schemas, Schema)

    async def get_type(self, _request: Request, _actor: Actor, name: str) -> Answer:
        return _find_discovered(self._types, name)

    async def get_schema(self, _request: Request, _actor: Actor, urn: str) -> Answer:
        return _find_discovered(self._schemas, urn)


def _show_page(
    page: DirectoryPage[Any], start: int, show: Callable[[Any], Any], model: Any, asked: Mapping[str, Any]
) -> Answer:
    shown = [show(one) for one in page.items]
    return answer_list(shown, model, total=page.total, start=start, wanted=read_wanted(asked, model))


def _place(resource: Any, kind: str, location: str) -> Any:
    placed = resource.model_copy(deep=True)
    placed.meta = Meta(resource_type=kind, location=location)
    return placed


def _list_discovered(request: Request, found: list[Resource[Any]], model: Any) -> Answer:
    if "filter" in request.query_params:
        # RFC 7644 4: a filter here is refused.
        raise HTTPException(403, "What is described here can't be filtered.")
    return answer_list(found, model, total=len(found), start=1)


def _find_discovered(found: list[Resource[Any]], name: str) -> Answer:
    for one in found:
        if str(one.id).casefold() == name.casefold():
            return answer_resource(one)
    raise NotFoundError

# SPDX-License-Identifier: Apache-2.0
"""``/v1/connections`` and ``/v1/tenants/{tenant_id}/connections``: ways to sign in. A secret goes in only."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from vestibule.actions.connections.put_connection import put_connection, remove_connection
from vestibule.actions.connections.review_connections import get_connection, list_connections
from vestibule.core.connecting import (
    CLIENT_ID_MAX,
    CONNECTION_NAME_MAX,
    ISSUER_MAX,
    SECRET_MAX,
    choose_issuer,
)
from vestibule.core.connection import Connection, ConnectionDraft, Provider
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.paging import parse_page_request
from vestibule.web.api.fields import ConnectionId, Cursor, Moment, NewConnectionId, PageLimit, TenantId
from vestibule.web.api.reference import KEY, KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import PageJson
from vestibule.web.services import Services

_OURS = "/v1/connections"
_TENANTS = "/v1/tenants/{tenant_id}/connections"


class PutConnection(BaseModel):
    """A connection as whoever sets it up wants it. Without ``client_secret`` it keeps the one it has."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=CONNECTION_NAME_MAX)]
    provider: Provider = "generic"
    issuer: Annotated[str, Field(max_length=ISSUER_MAX)] | None = Field(
        default=None, description="Exactly as the provider writes it. google, apple and entra have their own."
    )
    client_id: Annotated[str, Field(min_length=1, max_length=CLIENT_ID_MAX)]
    client_secret: Annotated[str, Field(min_length=1, max_length=SECRET_MAX)] | None = None
    amr_map: Annotated[dict[str, str], Field(max_length=50)] = Field(
        default_factory=dict,
        description="The provider's authentication methods in the words of RFC 8176. Set by keys only; "
        "an owner leaves it out, or as it is.",
    )
    disabled: bool = False


class ConnectionJson(BaseModel):
    """A connection. Never its secret."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    connection_id: str
    tenant_id: str | None
    name: str
    provider: Provider
    issuer: str
    client_id: str
    has_secret: bool
    amr_map: dict[str, str]
    disabled: bool
    redirect_uri: str = Field(description="What the provider must be told.")
    created_at: Moment | None


class ConnectionCheckJson(BaseModel):
    """What asking the provider came to; no findings: all is well."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    healthy: bool
    findings: list[str]


class ConnectionRoutes:
    """The same calls for the deployment's connections and for one tenant's."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router)
        page, one = {200: PageJson[ConnectionJson]}, {200: ConnectionJson}
        made = {200: ConnectionJson, 201: ConnectionJson}
        checked, missing = {200: ConnectionCheckJson}, ["not_found"]
        here = f"{_OURS}/{{connection_id}}"
        add(f"GET {_OURS}", self.list_ours, name="list_connections", who=KEY, answers=page)
        add(f"PUT {here}", self.put_ours, name="put_connection", who=KEY, answers=made)
        add(f"GET {here}", self.get_ours, name="get_connection", who=KEY, answers=one, codes=missing)
        gone = {204: None}
        add(
            f"DELETE {here}", self.delete_ours, name="remove_connection", who=KEY, answers=gone, codes=missing
        )
        add(
            f"POST {here}/check",
            self.check_ours,
            name="check_connection",
            who=KEY,
            answers=checked,
            codes=missing,
        )
        there, both = f"{_TENANTS}/{{connection_id}}", KEY_OR_PRINCIPAL
        add = partial(add_route, router, who=both, codes=missing)
        add(f"GET {_TENANTS}", self.list_theirs, name="list_tenant_connections", answers=page)
        add(f"PUT {there}", self.put_theirs, name="put_tenant_connection", answers=made)
        add(f"GET {there}", self.get_theirs, name="get_tenant_connection", answers=one)
        add(f"DELETE {there}", self.delete_theirs, name="remove_tenant_connection", answers=gone)
        add(f"POST {there}/check", self.check_theirs, name="check_tenant_connection", answers=checked)

    async def list_ours(
        self, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """The deployment's connections, the oldest first."""
        return await self._list(caller, "", limit, cursor)

    async def put_ours(
        self, connection_id: NewConnectionId, body: PutConnection, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Make a connection for every tenant, or change it. Its provider and issuer never change."""
        return await self._put(caller, "", connection_id, body, context)

    async def get_ours(self, connection_id: ConnectionId, caller: Caller) -> WholeResponse:
        """One connection of the deployment."""
        return await self._get(caller, "", connection_id)

    async def delete_ours(
        self, connection_id: ConnectionId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Remove it with its secret and its sessions; memberships stay."""
        await self._runner.run(remove_connection, caller, "", connection_id, context=context)
        return answer_nothing()

    async def check_ours(self, connection_id: ConnectionId, caller: Caller) -> WholeResponse:
        """Ask the provider, and say what is wrong."""
        return await self._check(caller, "", connection_id)

    async def list_theirs(
        self, tenant_id: TenantId, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """The tenant's own connections, the oldest first; for its administrators."""
        return await self._list(caller, tenant_id, limit, cursor)

    async def put_theirs(
        self,
        tenant_id: TenantId,
        connection_id: NewConnectionId,
        body: PutConnection,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """Make a connection of this tenant, or change it; for its owners."""
        return await self._put(caller, tenant_id, connection_id, body, context)

    async def get_theirs(
        self, tenant_id: TenantId, connection_id: ConnectionId, caller: Caller
    ) -> WholeResponse:
        """One connection of this tenant; for its administrators."""
        return await self._get(caller, tenant_id, connection_id)

    async def delete_theirs(
        self, tenant_id: TenantId, connection_id: ConnectionId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Remove it with its secret and its sessions; for the tenant's owners."""
        await self._runner.run(remove_connection, caller, tenant_id, connection_id, context=context)
        return answer_nothing()

    async def check_theirs(
        self, tenant_id: TenantId, connection_id: ConnectionId, caller: Caller
    ) -> WholeResponse:
        """Ask the provider, and say what is wrong; for the tenant's administrators."""
        return await self._check(caller, tenant_id, connection_id)

    async def _list(
        self, caller: Actor, tenant_id: str, limit: int | None, cursor: str | None
    ) -> WholeResponse:
        request = parse_page_request(f"connections:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_connections, caller, tenant_id, request)
        items = [self._describe(one) for one in page.items]
        return answer_json(PageJson(items=items, next_cursor=page.next_cursor))

    async def _put(
        self, caller: Actor, tenant_id: str, connection_id: str, body: PutConnection, context: RequestContext
    ) -> WholeResponse:
        draft = ConnectionDraft(
            name=body.name,
            provider=body.provider,
            issuer=choose_issuer(body.provider, body.issuer),
            client_id=body.client_id,
            secret=body.client_secret,
            amr_map=body.amr_map,
            is_disabled=body.disabled,
        )
        sealer = self._services.sealer
        stored, is_new = await self._runner.run(
            put_connection, caller, tenant_id, connection_id, draft, sealer=sealer, context=context
        )
        return answer_json(self._describe(stored), status=201 if is_new else 200)

    async def _get(self, caller: Actor, tenant_id: str, connection_id: str) -> WholeResponse:
        found = await self._runner.read(get_connection, caller, tenant_id, connection_id)
        return answer_json(self._describe(found))

    async def _check(self, caller: Actor, tenant_id: str, connection_id: str) -> WholeResponse:
        found = await self._runner.read(get_connection, caller, tenant_id, connection_id)
        findings = await self._services.openid.examine(found)
        return answer_json(ConnectionCheckJson(healthy=not findings, findings=list(findings)))

    def _describe(self, connection: Connection) -> ConnectionJson:
        return ConnectionJson(
            connection_id=connection.connection_id,
            tenant_id=connection.tenant_id or None,
            name=connection.name,
            provider=connection.provider,
            issuer=connection.issuer,
            client_id=connection.client_id,
            has_secret=connection.sealed_secret is not None,
            amr_map=dict(connection.amr_map),
            disabled=connection.is_disabled,
            redirect_uri=f"{self._services.public_url}/sign-in/callback/{connection.connection_id}",
            created_at=connection.created_at,
        )

# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}/resources`` and what members hold on them."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.resources.manage import delete_resource, list_grants, list_resources, put_resource
from vestibule.core.paging import parse_page_request
from vestibule.core.resource import Resource
from vestibule.web.api.fields import Cursor, NewResourceId, PageLimit, PrincipalId, ResourceIdPath, TenantId
from vestibule.web.api.reference import KEY, KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import HeldGrantJson, HeldGrantsJson, PageJson, PutResource, ResourceJson
from vestibule.web.services import Services

_LIST = "/v1/tenants/{tenant_id}/resources"
_ONE = _LIST + "/{resource_id:whole}"
_GRANTS = "/v1/tenants/{tenant_id}/grants/{principal_id:whole}"


class ResourceRoutes:
    """What else than the tenant a role can be held on."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, codes=["not_found"])
        add(
            f"PUT {_ONE}",
            self.put,
            name="put_resource",
            who=KEY,
            answers={201: ResourceJson, 200: ResourceJson},
        )
        add(f"DELETE {_ONE}", self.delete, name="delete_resource", who=KEY, answers={204: None})
        add(
            f"GET {_LIST}",
            self.list_all,
            name="list_resources",
            who=KEY_OR_PRINCIPAL,
            answers={200: PageJson[ResourceJson]},
        )
        add(
            f"GET {_GRANTS}",
            self.list_grants,
            name="list_grants",
            who=KEY_OR_PRINCIPAL,
            answers={200: HeldGrantsJson},
        )

    async def put(
        self,
        tenant_id: TenantId,
        resource_id: NewResourceId,
        body: PutResource,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """The tenant has this resource under this name."""
        done, is_new = await self._runner.run(
            put_resource, caller, tenant_id, resource_id, body.name, context=context
        )
        return answer_json(_describe(done), status=201 if is_new else 200)

    async def delete(
        self, tenant_id: TenantId, resource_id: ResourceIdPath, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """It is gone with every grant on it; invitations that named it are revoked."""
        await self._runner.run(delete_resource, caller, tenant_id, resource_id, context=context)
        return answer_nothing()

    async def list_all(
        self, tenant_id: TenantId, caller: Caller, *, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """Its resources, the oldest first."""
        request = parse_page_request(f"resources:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_resources, caller, tenant_id, request)
        return answer_json(
            PageJson(items=[_describe(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def list_grants(
        self, tenant_id: TenantId, principal_id: PrincipalId, caller: Caller
    ) -> WholeResponse:
        """What this member holds now beside its membership; nothing when it is no member."""
        held = await self._runner.read(list_grants, caller, tenant_id, principal_id)
        shown = [
            HeldGrantJson(
                resource_id=one.resource_id,
                role=one.role,
                created_at=one.created_at,
                expires_at=one.expires_at,
                invitation_id=one.invitation_id,
            )
            for one in held
        ]
        return answer_json(HeldGrantsJson(items=shown))


def _describe(one: Resource) -> ResourceJson:
    return ResourceJson(
        tenant_id=one.tenant_id, resource_id=one.resource_id, name=one.name, created_at=one.created_at
    )

# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}``: put, get, suspend, resume, delete."""

from __future__ import annotations

import json
from functools import partial

from fastapi import APIRouter

from vestibule.actions.tenants.end_tenant import delete_tenant, resume_tenant, suspend_tenant
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.actions.tenants.review_tenant import get_tenant
from vestibule.core.policy import dump_policy
from vestibule.core.tenant import Tenant
from vestibule.web.api.fields import NewTenantId, TenantId
from vestibule.web.api.reference import KEY, KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import PutTenant, SeatsJson, TenantJson, TenantViewJson
from vestibule.web.services import Services

_PATH = "/v1/tenants/{tenant_id}"


class TenantRoutes:
    """What a host does with its tenants."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router)
        shown, missing = {200: TenantJson}, ["not_found"]
        made = {200: TenantJson, 201: TenantJson}
        seen = {200: TenantViewJson}
        add(f"PUT {_PATH}", self.put, name="put_tenant", who=KEY, answers=made, codes=["tenant_deleted"])
        add(f"GET {_PATH}", self.get, name="get_tenant", who=KEY_OR_PRINCIPAL, answers=seen, codes=missing)
        add(
            f"POST {_PATH}/suspend",
            self.suspend,
            name="suspend_tenant",
            who=KEY,
            answers=shown,
            codes=missing,
        )
        add(f"POST {_PATH}/resume", self.resume, name="resume_tenant", who=KEY, answers=shown, codes=missing)
        add(f"DELETE {_PATH}", self.delete, name="delete_tenant", who=KEY, answers={204: None}, codes=missing)

    async def put(
        self, tenant_id: NewTenantId, body: PutTenant, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Make the tenant, or change its name and policy. Without a policy it keeps the one it has."""
        tenant, is_new = await self._runner.run(
            put_tenant, caller, tenant_id, name=body.name, policy=body.policy, context=context
        )
        return answer_json(_describe(tenant), status=201 if is_new else 200)

    async def get(self, tenant_id: TenantId, caller: Caller) -> WholeResponse:
        """The tenant, for its host and its administrators."""
        view = await self._runner.read(get_tenant, caller, tenant_id)
        seats = None if view.seats is None else SeatsJson(used=view.seats[0], limit=view.seats[1])
        return answer_json(TenantViewJson(**dict(_describe(view.tenant)), seats=seats))

    async def suspend(self, tenant_id: TenantId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Suspend it; what is pending is revoked and does not come back."""
        tenant = await self._runner.run(suspend_tenant, caller, tenant_id, context=context)
        return answer_json(_describe(tenant))

    async def resume(self, tenant_id: TenantId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Let it issue and admit again."""
        tenant = await self._runner.run(resume_tenant, caller, tenant_id, context=context)
        return answer_json(_describe(tenant))

    async def delete(self, tenant_id: TenantId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Delete it for good; its id can't be used again."""
        await self._runner.run(delete_tenant, caller, tenant_id, context=context)
        return answer_nothing()


def _describe(tenant: Tenant) -> TenantJson:
    return TenantJson(
        tenant_id=tenant.tenant_id,
        name=tenant.name,
        state=tenant.state,  # type: ignore[arg-type]  # one of the three by its rule
        policy=json.loads(dump_policy(tenant.policy)),
        policy_version=tenant.policy_version,
        created_at=tenant.created_at,
        suspended_at=tenant.suspended_at,
    )

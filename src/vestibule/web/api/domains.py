# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}/domains``: put, get, list, check, delete."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.domains.check_domain import begin_check, finish_check
from vestibule.actions.domains.put_domain import put_domain, remove_domain
from vestibule.actions.domains.review_domains import get_domain, list_domains
from vestibule.core.domain import DomainDraft, DomainView
from vestibule.core.paging import parse_page_request
from vestibule.web.api.fields import Cursor, DomainName, PageLimit, TenantId
from vestibule.web.api.reference import KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import DomainJson, DomainRecordJson, PageJson, PutDomain
from vestibule.web.services import Services

_LIST = "/v1/tenants/{tenant_id}/domains"
_ONE = _LIST + "/{domain}"


class DomainRoutes:
    """What a tenant's owners do with its domains."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runner = services.runner
        self._names = services.names

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=KEY_OR_PRINCIPAL)
        missing, shown = ["not_found"], {200: DomainJson}
        add(
            f"PUT {_ONE}",
            self.put,
            name="put_domain",
            answers={200: DomainJson, 201: DomainJson},
            codes=["not_found", "domain_not_proved"],
        )
        add(
            f"GET {_LIST}",
            self.list_all,
            name="list_domains",
            answers={200: PageJson[DomainJson]},
            codes=missing,
        )
        add(f"GET {_ONE}", self.get, name="get_domain", answers=shown, codes=missing)
        add(
            f"POST {_ONE}/check",
            self.check,
            name="check_domain",
            answers=shown,
            codes=["not_found", "rate_limited"],
        )
        add(f"DELETE {_ONE}", self.remove, name="remove_domain", answers={204: None}, codes=missing)

    async def put(
        self, tenant_id: TenantId, domain: DomainName, body: PutDomain, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Name a domain, or change its rung or role; the answer holds the record that proves it."""
        draft = DomainDraft(rung=body.rung, role=body.role)
        found, is_new = await self._runner.run(
            put_domain, caller, tenant_id, domain, draft, names=self._names, context=context
        )
        return answer_json(_describe(found), status=201 if is_new else 200)

    async def list_all(
        self, tenant_id: TenantId, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """The tenant's domains, the oldest first."""
        request = parse_page_request(f"domains:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_domains, caller, tenant_id, request)
        return answer_json(
            PageJson(items=[_describe(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def get(self, tenant_id: TenantId, domain: DomainName, caller: Caller) -> WholeResponse:
        """One domain."""
        return answer_json(_describe(await self._runner.read(get_domain, caller, tenant_id, domain)))

    async def check(
        self, tenant_id: TenantId, domain: DomainName, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Look for the record now. What is found is in the answer; a look that fails takes nothing away."""
        begun = await self._runner.run(
            begin_check, caller, tenant_id, domain, names=self._names, limits=self._services.limits
        )
        answer = await self._names.look_up(begun.record_name)
        found = await self._runner.run(finish_check, caller, begun, answer, context=context)
        return answer_json(_describe(found))

    async def remove(
        self, tenant_id: TenantId, domain: DomainName, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Forget the domain and its proof; what its rule had promised is revoked."""
        await self._runner.run(remove_domain, caller, tenant_id, domain, context=context)
        return answer_nothing()


def _describe(view: DomainView) -> DomainJson:
    domain = view.domain
    return DomainJson(
        tenant_id=domain.tenant_id,
        domain=domain.domain,
        rung=domain.rung,
        rung_in_force=view.rung_in_force,
        role=domain.role,
        record=DomainRecordJson(type="TXT", name=domain.record_name, value=domain.record_value),
        created_at=domain.created_at,
        proved_at=domain.proved_at,
        proof_expires_at=domain.proof_expires_at,
        checked_at=domain.checked_at,
        finding=domain.finding,
    )

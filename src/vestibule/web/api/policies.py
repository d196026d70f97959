# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}/policy`` and, for keys, the deployment's own at ``/v1/policy``."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.policies.change_policy import (
    activate_change,
    approve_change,
    propose_change,
    roll_back,
    withdraw_change,
)
from vestibule.actions.policies.review_policy import (
    compare_draft,
    explain,
    get_policy,
    list_changes,
    reevaluate,
    simulate,
)
from vestibule.core.paging import parse_page_request
from vestibule.core.policy.change import DEPLOYMENT
from vestibule.web.api.fields import ChangeId, Cursor, EventId, PageLimit, TenantId
from vestibule.web.api.policy_schemas import (
    ChangeJson,
    ComparedJson,
    ExplainedJson,
    PolicyJson,
    ProposedJson,
    ProposePolicy,
    ReevaluatedJson,
    ReevaluatePolicy,
    SimulatedJson,
    SimulatePolicy,
)
from vestibule.web.api.reference import KEY, KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json
from vestibule.web.api.schemas import PageJson
from vestibule.web.services import Services

_TENANTS = "/v1/tenants/{tenant_id}/policy"
_OWN = "/v1/policy"
_MISSING = ["not_found"]
_STALE = [*_MISSING, "policy_stale"]


class PolicyRoutes:
    """A tenant's policy: seen by its administrators, changed by its owners, or by a key."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=KEY_OR_PRINCIPAL)
        one = f"{_TENANTS}/changes/{{change_id}}"
        add(f"GET {_TENANTS}", self.get, name="get_policy", answers={200: PolicyJson}, codes=_MISSING)
        for call, endpoint, name, answers, codes in (
            (f"POST {_TENANTS}/changes", self.propose, "propose_policy", {201: ProposedJson}, _MISSING),
            (f"GET {_TENANTS}/changes", self.changes, "list_policy_changes", _PAGE, _MISSING),
            (f"POST {one}/approve", self.approve, "approve_policy", {200: ChangeJson}, _STALE),
            (
                f"POST {one}/activate",
                self.activate,
                "activate_policy",
                {200: ChangeJson},
                [*_STALE, "policy_not_approved"],
            ),
            (f"POST {one}/withdraw", self.withdraw, "withdraw_policy", {200: ChangeJson}, _STALE),
            (f"POST {_TENANTS}/rollback", self.rollback, "roll_back_policy", {200: ProposedJson}, _MISSING),
            (f"POST {_TENANTS}/compare", self.compare, "compare_policy", {200: ComparedJson}, _MISSING),
            (f"POST {_TENANTS}/simulate", self.simulate, "simulate_policy", {200: SimulatedJson}, _MISSING),
            (
                f"POST {_TENANTS}/reevaluate",
                self.reevaluate,
                "reevaluate_policy",
                {200: ReevaluatedJson},
                _MISSING,
            ),
            (
                f"GET {_TENANTS}/decisions/{{event_id}}",
                self.explain,
                "explain_decision",
                {200: ExplainedJson},
                _MISSING,
            ),
        ):
            add(call, endpoint, name=name, answers=answers, codes=codes)

    async def get(self, tenant_id: TenantId, caller: Caller) -> WholeResponse:
        """What is in force, what of it the tenant says itself, and its hash."""
        return answer_json(PolicyJson.of(await self._runner.read(get_policy, caller, tenant_id)))

    async def propose(
        self, tenant_id: TenantId, body: ProposePolicy, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Keep a document as a change; nothing is in force yet."""
        proposed = await self._runner.run(propose_change, caller, tenant_id, body.policy, context=context)
        return answer_json(ProposedJson.of_proposed(proposed), status=201)

    async def changes(
        self, tenant_id: TenantId, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """Its changes, the newest first."""
        request = parse_page_request(f"policy:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_changes, caller, tenant_id, request)
        items = [ChangeJson.of(change) for change in page.items]
        return answer_json(PageJson(items=items, next_cursor=page.next_cursor))

    async def approve(
        self, tenant_id: TenantId, change_id: ChangeId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Agree to what loosens, as somebody else than its author."""
        change = await self._runner.run(approve_change, caller, tenant_id, change_id, context=context)
        return answer_json(ChangeJson.of(change))

    async def activate(
        self, tenant_id: TenantId, change_id: ChangeId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Put the change in force; what loosens must be approved."""
        change = await self._runner.run(activate_change, caller, tenant_id, change_id, context=context)
        return answer_json(ChangeJson.of(change))

    async def withdraw(
        self, tenant_id: TenantId, change_id: ChangeId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Take a proposal back, or refuse another's: it can't be in force any more."""
        change = await self._runner.run(withdraw_change, caller, tenant_id, change_id, context=context)
        return answer_json(ChangeJson.of(change))

    async def rollback(self, tenant_id: TenantId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Go back to the policy that was active before; proposed only, when that loosens."""
        proposed = await self._runner.run(roll_back, caller, tenant_id, context=context)
        return answer_json(ProposedJson.of_proposed(proposed))

    async def compare(self, tenant_id: TenantId, body: ProposePolicy, caller: Caller) -> WholeResponse:
        """What a draft would change. Nothing is kept."""
        found = await self._runner.read(compare_draft, caller, tenant_id, body.policy)
        return answer_json(ComparedJson.of(found))

    async def simulate(self, tenant_id: TenantId, body: SimulatePolicy, caller: Caller) -> WholeResponse:
        """What a draft would have done to the last decisions. Nothing is kept."""
        found = await self._runner.read(simulate, caller, tenant_id, body.policy, last=body.last)
        return answer_json(SimulatedJson.of(found))

    async def reevaluate(
        self, tenant_id: TenantId, body: ReevaluatePolicy, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """The pending invitations that would be refused now; revoked on request."""
        found = await self._runner.run(reevaluate, caller, tenant_id, revoke=body.revoke, context=context)
        return answer_json(ReevaluatedJson.of(found))

    async def explain(self, tenant_id: TenantId, event_id: EventId, caller: Caller) -> WholeResponse:
        """Why a recorded decision was taken, from the policy of then."""
        told = await self._runner.read(explain, caller, event_id, tenant_id=tenant_id)
        return answer_json(ExplainedJson.of(told))


class DeploymentPolicyRoutes:
    """The policy that lies under every tenant's: for keys."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=KEY)
        one = f"{_OWN}/changes/{{change_id}}"
        for call, endpoint, name, answers, codes in (
            (f"GET {_OWN}", self.get, "get_deployment_policy", {200: PolicyJson}, []),
            (f"POST {_OWN}/changes", self.propose, "propose_deployment_policy", {201: ProposedJson}, []),
            (f"GET {_OWN}/changes", self.changes, "list_deployment_policy_changes", _PAGE, []),
            (f"POST {one}/approve", self.approve, "approve_deployment_policy", {200: ChangeJson}, _STALE),
            (
                f"POST {one}/activate",
                self.activate,
                "activate_deployment_policy",
                {200: ChangeJson},
                [*_STALE, "policy_not_approved"],
            ),
            (f"POST {one}/withdraw", self.withdraw, "withdraw_deployment_policy", {200: ChangeJson}, _STALE),
            (
                f"POST {_OWN}/rollback",
                self.rollback,
                "roll_back_deployment_policy",
                {200: ProposedJson},
                _MISSING,
            ),
            (f"POST {_OWN}/compare", self.compare, "compare_deployment_policy", {200: ComparedJson}, []),
        ):
            add(call, endpoint, name=name, answers=answers, codes=codes)

    async def get(self, caller: Caller) -> WholeResponse:
        """What lies under every tenant's own policy, and its hash."""
        return answer_json(PolicyJson.of(await self._runner.read(get_policy, caller, DEPLOYMENT)))

    async def propose(self, body: ProposePolicy, caller: Caller, context: Surroundings) -> WholeResponse:
        """Keep a document as a change; nothing is in force yet."""
        proposed = await self._runner.run(propose_change, caller, DEPLOYMENT, body.policy, context=context)
        return answer_json(ProposedJson.of_proposed(proposed), status=201)

    async def changes(self, caller: Caller, limit: PageLimit = None, cursor: Cursor = None) -> WholeResponse:
        """Its changes, the newest first."""
        request = parse_page_request("policy", limit, cursor)
        page = await self._runner.read(list_changes, caller, DEPLOYMENT, request)
        items = [ChangeJson.of(change) for change in page.items]
        return answer_json(PageJson(items=items, next_cursor=page.next_cursor))

    async def approve(self, change_id: ChangeId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Agree to what loosens, with another key than its author's."""
        change = await self._runner.run(approve_change, caller, DEPLOYMENT, change_id, context=context)
        return answer_json(ChangeJson.of(change))

    async def activate(self, change_id: ChangeId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Put the change in force for every tenant; what loosens any of them must be approved."""
        change = await self._runner.run(activate_change, caller, DEPLOYMENT, change_id, context=context)
        return answer_json(ChangeJson.of(change))

    async def withdraw(self, change_id: ChangeId, caller: Caller, context: Surroundings) -> WholeResponse:
        """Take a proposal back: it can't be in force any more."""
        change = await self._runner.run(withdraw_change, caller, DEPLOYMENT, change_id, context=context)
        return answer_json(ChangeJson.of(change))

    async def rollback(self, caller: Caller, context: Surroundings) -> WholeResponse:
        """Go back to the policy that was active before; proposed only, when that loosens."""
        proposed = await self._runner.run(roll_back, caller, DEPLOYMENT, context=context)
        return answer_json(ProposedJson.of_proposed(proposed))

    async def compare(self, body: ProposePolicy, caller: Caller) -> WholeResponse:
        """What a draft would change, for any tenant. Nothing is kept."""
        found = await self._runner.read(compare_draft, caller, DEPLOYMENT, body.policy)
        return answer_json(ComparedJson.of(found))


_PAGE = {200: PageJson[ChangeJson]}

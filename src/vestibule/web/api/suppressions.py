# SPDX-License-Identifier: Apache-2.0
"""``/v1/suppressions/{email}``: addresses that no tenant's invitations are mailed to."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.abuse.suppressions import get_suppression, lift_suppression, put_suppression
from vestibule.core.abuse import Suppression
from vestibule.web.api.fields import AddressPath
from vestibule.web.api.reference import KEY, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import SuppressionJson
from vestibule.web.services import Services

_ONE = "/v1/suppressions/{email:whole}"


class SuppressionRoutes:
    """Who wants no mail at all."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router)
        add(
            f"GET {_ONE}",
            self.get,
            name="get_suppression",
            who=KEY,
            answers={200: SuppressionJson},
            codes=["not_found", "email_invalid"],
        )
        add(
            f"PUT {_ONE}",
            self.put,
            name="put_suppression",
            who=KEY,
            answers={200: SuppressionJson, 201: SuppressionJson},
            codes=["email_invalid"],
        )
        add(
            f"DELETE {_ONE}",
            self.lift,
            name="lift_suppression",
            who=KEY,
            answers={204: None},
            codes=["not_found", "email_invalid"],
        )

    async def get(self, email: AddressPath, caller: Caller) -> WholeResponse:
        """Whether invitations are mailed to this address."""
        kept = await self._runner.read(get_suppression, caller, email)
        return answer_json(_describe(kept))

    async def put(self, email: AddressPath, caller: Caller, context: Surroundings) -> WholeResponse:
        """No invitation is mailed to this address any more."""
        kept, is_new = await self._runner.run(put_suppression, caller, email, "host", context=context)
        return answer_json(_describe(kept), status=201 if is_new else 200)

    async def lift(self, email: AddressPath, caller: Caller, context: Surroundings) -> WholeResponse:
        """Invitations are mailed to this address again."""
        await self._runner.run(lift_suppression, caller, email, context=context)
        return answer_nothing()


def _describe(kept: Suppression) -> SuppressionJson:
    return SuppressionJson(address=kept.address.key, reason=kept.reason, created_at=kept.created_at)

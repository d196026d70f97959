# SPDX-License-Identifier: Apache-2.0
"""``/v1/people/export`` and ``/v1/people/erase``: addresses are in the body, where no log sees them."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.privacy.erase_person import erase_person, export_person
from vestibule.core.email import EmailAddress
from vestibule.web.api.people_schemas import ErasedJson, NamePerson, PersonJson
from vestibule.web.api.reference import KEY, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json
from vestibule.web.services import Services


class PeopleRoutes:
    """What is held of one person."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router)
        add(
            "POST /v1/people/export",
            self.export,
            name="export_person",
            who=KEY,
            answers={200: PersonJson},
            codes=["email_invalid"],
        )
        add(
            "POST /v1/people/erase",
            self.erase,
            name="erase_person",
            who=KEY,
            answers={200: ErasedJson},
            codes=["email_invalid"],
        )

    async def export(self, body: NamePerson, caller: Caller, context: Surroundings) -> WholeResponse:
        """Everything held of the person; that it was asked for is audited."""
        held = await self._runner.run(
            export_person,
            caller,
            address=_read_address(body),
            principal_id=body.principal_id,
            context=context,
        )
        return answer_json(PersonJson(**held))

    async def erase(self, body: NamePerson, caller: Caller, context: Surroundings) -> WholeResponse:
        """Overwrite what is held of the person, and revoke what is pending for it."""
        counts = await self._runner.run(
            erase_person,
            caller,
            address=_read_address(body),
            principal_id=body.principal_id,
            context=context,
        )
        return answer_json(ErasedJson(erased=dict(counts)))


def _read_address(body: NamePerson) -> EmailAddress | None:
    return None if body.email is None else EmailAddress.parse_input(body.email)

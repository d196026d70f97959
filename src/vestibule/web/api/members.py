# SPDX-License-Identifier: Apache-2.0
"""``/v1/tenants/{tenant_id}/members`` and ``/v1/principals/{principal_id}/offboard``."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.members.offboard import offboard
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.members.remove_member import remove_member
from vestibule.actions.members.review_members import list_members
from vestibule.core.email import EmailAddress
from vestibule.core.paging import parse_page_request
from vestibule.core.tenant import Membership
from vestibule.web.api.fields import Cursor, NewPrincipalId, PageLimit, PrincipalId, TenantId
from vestibule.web.api.reference import KEY, KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, Surroundings, WholeResponse, answer_json, answer_nothing
from vestibule.web.api.schemas import MemberJson, OffboardedJson, PageJson, PutMember
from vestibule.web.services import Services

_LIST = "/v1/tenants/{tenant_id}/members"
_ONE = _LIST + "/{principal_id:whole}"
_OFFBOARD = "/v1/principals/{principal_id:whole}/offboard"


class MemberRoutes:
    """Who belongs to a tenant, and who belongs nowhere any more."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router)
        add(
            f"GET {_LIST}",
            self.list_all,
            name="list_members",
            who=KEY_OR_PRINCIPAL,
            answers={200: PageJson[MemberJson]},
            codes=["not_found"],
        )
        add(
            f"PUT {_ONE}",
            self.put,
            name="put_member",
            who=KEY,
            answers={200: MemberJson, 201: MemberJson},
            codes=["not_found", "email_invalid", "seat_limit", "last_owner"],
        )
        add(
            f"DELETE {_ONE}",
            self.delete,
            name="remove_member",
            who=KEY_OR_PRINCIPAL,
            answers={204: None},
            codes=["not_found", "last_owner"],
        )
        add(
            f"POST {_OFFBOARD}",
            self.offboard,
            name="offboard_principal",
            who=KEY,
            answers={200: OffboardedJson},
        )

    async def list_all(
        self, tenant_id: TenantId, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """Its members in force, the oldest first."""
        request = parse_page_request(f"members:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_members, caller, tenant_id, request)
        return answer_json(
            PageJson(items=[_describe(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def put(
        self,
        tenant_id: TenantId,
        principal_id: NewPrincipalId,
        body: PutMember,
        caller: Caller,
        context: Surroundings,
    ) -> WholeResponse:
        """Give the principal this role, by the host's word."""
        draft = MemberDraft(
            role=body.role,
            email=None if body.email is None else EmailAddress.parse_input(body.email),
            name=body.name,
            expires_at=body.expires_at,
        )
        membership, is_new = await self._runner.run(
            put_member, caller, tenant_id, principal_id, draft, context=context
        )
        return answer_json(_describe(membership), status=201 if is_new else 200)

    async def delete(
        self, tenant_id: TenantId, principal_id: PrincipalId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Remove the member, with every invitation through which it could come back."""
        await self._runner.run(remove_member, caller, tenant_id, principal_id, context=context)
        return answer_nothing()

    async def offboard(
        self, principal_id: NewPrincipalId, caller: Caller, context: Surroundings
    ) -> WholeResponse:
        """Remove the principal everywhere, and keep it out."""
        done = await self._runner.run(offboard, caller, principal_id, context=context)
        return answer_json(
            OffboardedJson(
                memberships_removed=done.memberships_removed,
                invitations_revoked=done.invitations_revoked,
                sessions_ended=done.sessions_ended,
                last_owner_of=list(done.last_owner_of),
            )
        )


def _describe(membership: Membership) -> MemberJson:
    return MemberJson(
        principal_id=membership.principal_id,
        role=membership.role,
        email=membership.shown_email,
        name=membership.name,
        created_at=membership.created_at,
        starts_at=membership.starts_at,
        expires_at=membership.expires_at,
        invitation_id=membership.invitation_id,
    )

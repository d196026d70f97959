# SPDX-License-Identifier: Apache-2.0
"""``/v1/me/invitations``: the invitations to one's own verified addresses, without any link (TOK-06)."""

from __future__ import annotations

import hashlib
import time
from functools import partial

from fastapi import APIRouter, Request

from vestibule.actions.invitations.review import OwnInvitation, list_own
from vestibule.core.identity import Actor, HostKey
from vestibule.core.paging import parse_page_request
from vestibule.ports import ClaimKey
from vestibule.web.api.fields import Cursor, PageLimit
from vestibule.web.api.reference import PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, WholeResponse, answer_json
from vestibule.web.api.schemas import OwnInvitationJson, PageJson
from vestibule.web.asgi import Answer
from vestibule.web.claims import accept_claim, answer_claim, decline_claim, read_invitation_id
from vestibule.web.services import Services

_LIST = "/v1/me/invitations"
_CODES = ["email_unverified", "invitation_unavailable", "rate_limited"]
_ACCEPT_CODES = [*_CODES, "idempotency_key_reused"]
_LIST_CODES = ["email_unverified"]


class OwnRoutes:
    """What an invitee does without a link."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, router: APIRouter, claims: APIRouter) -> None:
        """The list goes on *router*; claims go on *claims*, whose routes read nothing of the request."""
        page, done = {200: PageJson[OwnInvitationJson]}, {204: None}
        one = f"POST {_LIST}/{{invitation_id}}"
        add = partial(add_route, who=PRINCIPAL)
        add(
            router,
            f"GET {_LIST}",
            self.list_all,
            name="list_own_invitations",
            answers=page,
            codes=_LIST_CODES,
        )
        add(
            claims,
            f"{one}/accept",
            self.accept,
            name="accept_own_invitation",
            answers=done,
            codes=_ACCEPT_CODES,
            keyed=True,
        )
        add(claims, f"{one}/decline", self.decline, name="decline_own_invitation", answers=done, codes=_CODES)

    async def list_all(self, caller: Caller, limit: PageLimit = None, cursor: Cursor = None) -> WholeResponse:
        """What is pending for any verified address of this session."""
        request = parse_page_request(f"own:{_digest_addresses(caller)}", limit, cursor)
        page = await self._services.runner.read(list_own, caller, request)
        return answer_json(
            PageJson(items=[_describe(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def accept(self, invitation_id: str, request: Request) -> WholeResponse:
        """Accept it: the one way to become a member. Every failure is the refusal."""
        started, scope = time.monotonic(), request.scope

        async def work() -> Answer:
            return await accept_claim(self._services, scope, partial(_read_key, invitation_id))

        return WholeResponse(await answer_claim(self._services, scope, "accept", work, started=started))

    async def decline(self, invitation_id: str, request: Request) -> WholeResponse:
        """Decline it; its inviter is told. Every failure is the refusal."""
        started, scope = time.monotonic(), request.scope

        async def work() -> Answer:
            return await decline_claim(self._services, scope, partial(_read_key, invitation_id))

        return WholeResponse(await answer_claim(self._services, scope, "decline", work, started=started))


async def _read_key(invitation_id: str) -> ClaimKey:
    return read_invitation_id(invitation_id)


def _digest_addresses(caller: Actor) -> str:
    if isinstance(caller, HostKey):
        return ""
    keys = sorted(f"{one.address.key} {one.tenant_id or ''}" for one in caller.addresses)
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()


def _describe(own: OwnInvitation) -> OwnInvitationJson:
    invitation = own.invitation
    return OwnInvitationJson(
        invitation_id=invitation.invitation_id,
        tenant_name=own.tenant_name,
        role=invitation.role,
        email=invitation.invited_email.shown,
        inviter_name=own.inviter_name,
        message=invitation.message,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        state=invitation.state_at(own.now).value,
    )

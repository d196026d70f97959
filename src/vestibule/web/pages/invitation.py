# SPDX-License-Identifier: Apache-2.0
"""The invitee's pages. The link's token moves into a cookie at once, so that it leaves the address bar,
the history and every referrer; nothing happens until a signed-in person presses a button that names the
tenant.

``claim_ref`` ties a button to the link whose page it stood on: with two invitations open in two tabs, what
is displayed is what is accepted (ATTACKS D10).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule import metrics
from vestibule.actions.abuse.refuse_mail import refuse_mail
from vestibule.actions.anonymity.review_events import list_held
from vestibule.actions.connections.review_connections import find_demanded
from vestibule.actions.invitations.preview import InvitationPreview, preview
from vestibule.actions.invitations.request_new import request_new
from vestibule.core.display import format_moment, format_rest
from vestibule.core.email import EmailAddress
from vestibule.core.envelope import LinkToken, parse_link_token
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.invitation import NEAR_EXPIRY, InvitationState
from vestibule.errors import ClaimRejectedError, VestibuleError
from vestibule.web.claims import hold_until_floor
from vestibule.web.links import open_token
from vestibule.web.pages.claiming import REFUSALS, Claiming
from vestibule.web.pages.home import describe_held
from vestibule.web.pages.rendering import Pages, redirect

LINK_COOKIE = "link"
_LINK_SECONDS = 3600


def invitation_routes(pages: Pages) -> list[Route]:
    here = InvitationPages(pages)
    return [
        Route("/i/{token:path}", here.open_link, methods=["GET"]),
        Route("/invitation", here.show, methods=["GET"]),
        Route("/invitation/accept", here.accept, methods=["POST"]),
        Route("/invitation/decline", here.decline, methods=["POST"]),
        Route("/invitation/block", here.confirm_refusal, methods=["GET"]),
        Route("/invitation/block", partial(here.refuse_mail, is_report=False), methods=["POST"]),
        Route("/invitation/report", partial(here.refuse_mail, is_report=True), methods=["POST"]),
        Route("/invitation/request-new", here.request_new, methods=["POST"]),
    ]


class InvitationPages:
    """Handlers of the invitee's pages."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        self._claiming = Claiming(pages)

    async def open_link(self, request: Request) -> Response:
        response = redirect("/invitation")
        try:
            token = parse_link_token(request.path_params["token"], self._services.public_url)
        except ClaimRejectedError:
            self._pages.drop_cookie(response, LINK_COOKIE)
        else:
            self._pages.set_cookie(response, LINK_COOKIE, token.reveal(), seconds=_LINK_SECONDS)
        return response

    async def show(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.find_identity(request)
        try:
            token = self.get_token(request)
            shown = await self.load(request, token)
        except REFUSALS as error:
            return await self._refuse(request, "preview", error, started)
        metrics.CLAIMS.labels("preview", shown.state.value).inc()
        if shown.state is InvitationState.ACCEPTED:
            return await self._show_accepted(request, shown)
        is_match = (
            None
            if identity is None
            else (identity.find_evidence(shown.invited_email, shown.tenant_id) is not None)
        )
        demanded = await self._services.runner.read(
            find_demanded, identity, shown.tenant_id, shown.invited_email
        )
        return await self._pages.render(
            request,
            "invitation.html",
            invitation=_describe(shown),
            is_match=is_match,
            demanded=demanded,
            claim_ref=make_claim_ref(token),
        )

    async def accept(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        try:
            token = self._check_ref(request, form.get("claim_ref", ""))
            if token is None:
                return redirect("/invitation")
            key = await open_token(self._services, token)
            accepted = await self._claiming.accept(request, identity, key)
        except REFUSALS as error:
            return await self._refuse(request, "accept", error, started)
        return redirect("/invitation?joined=kept" if accepted.kept_role else "/invitation?joined=new")

    async def decline(self, request: Request) -> Response:
        started = time.monotonic()
        identity = await self._pages.get_identity(request)
        form = await self._pages.read_form(request)
        try:
            token = self._check_ref(request, form.get("claim_ref", ""))
            if token is None:
                return redirect("/invitation")
            shown = await self.load(request, token)
            key = await open_token(self._services, token)
            await self._claiming.decline(request, identity, key)
        except REFUSALS as error:
            return await self._refuse(request, "decline", error, started)
        response = await self._pages.render(request, "declined.html", tenant_name=shown.tenant_name)
        self._pages.drop_cookie(response, LINK_COOKIE)
        return response

    async def request_new(self, request: Request) -> Response:
        started = time.monotonic()
        await self._pages.read_form(request)
        identity = await self._pages.find_identity(request)
        try:
            token: LinkToken | None = self.get_token(request)
        except ClaimRejectedError:
            token = None
        if token is not None:
            await self._services.runner.run(
                request_new,
                identity,
                (await open_token(self._services, token)).claim_token_hash or b"",
                context=self._pages.context(request),
                limits=self._services.limits,
            )
        await hold_until_floor(self._services, started)
        return await self._pages.render(request, "requested.html")

    async def confirm_refusal(self, request: Request) -> Response:
        started = time.monotonic()
        try:
            token = self.get_token(request)
            shown = await self.load(request, token)
        except REFUSALS as error:
            return await self._refuse(request, "preview", error, started)
        if shown.state is not InvitationState.PENDING:
            return redirect("/invitation")
        return await self._pages.render(
            request, "refuse_mail.html", invitation=_describe(shown), claim_ref=make_claim_ref(token)
        )

    async def refuse_mail(self, request: Request, *, is_report: bool) -> Response:
        started = time.monotonic()
        identity = await self._pages.find_identity(request)
        form = await self._pages.read_form(request)
        act = "report" if is_report else "block"
        try:
            token = self._check_ref(request, form.get("claim_ref", ""))
            if token is None:
                return redirect("/invitation")
            tenant_name = await self._services.runner.run(
                refuse_mail,
                identity,
                await open_token(self._services, token),
                is_report=is_report,
                context=self._pages.context(request),
                limits=self._services.limits,
            )
        except REFUSALS as error:
            return await self._refuse(request, act, error, started)
        metrics.REFUSED_MAIL.labels(act).inc()
        response = await self._pages.render(
            request, "mail_refused.html", tenant_name=tenant_name, is_report=is_report
        )
        self._pages.drop_cookie(response, LINK_COOKIE)
        return response

    async def load(
        self, request: Request, token: LinkToken, typed: EmailAddress | None = None
    ) -> InvitationPreview:
        """What the link in this browser is about; *typed*: whom somebody says that it is for.

        Raises:
            ClaimRejectedError, RateLimitedError: nothing that may be shown.
        """
        identity: VerifiedIdentity | None = await self._pages.find_identity(request)
        return await self._services.runner.claim(
            preview,
            identity,
            await open_token(self._services, token),
            typed=typed,
            context=self._pages.context(request),
            limits=self._services.limits,
        )

    def get_token(self, request: Request) -> LinkToken:
        """The link that this browser opened last.

        Raises:
            ClaimRejectedError: none, or not a token.
        """
        cookie = request.cookies.get(self._pages.cookie_name(LINK_COOKIE))
        return parse_link_token(cookie, self._services.public_url)

    def _check_ref(self, request: Request, claim_ref: str) -> LinkToken | None:
        token = self.get_token(request)
        is_same = hmac.compare_digest(make_claim_ref(token).encode(), claim_ref.encode("utf-8", "replace"))
        return token if is_same else None

    async def _show_accepted(self, request: Request, shown: InvitationPreview) -> Response:
        joined = request.query_params.get("joined")
        is_new = joined in ("new", "kept")
        identity = await self._pages.get_identity(request)
        held = await self._services.runner.read(list_held, identity)
        mine = [one for one, has_code in held if one.tenant_id == shown.tenant_id and not has_code]
        return await self._pages.render(
            request,
            "accepted.html" if is_new else "already_member.html",
            tenant_name=shown.tenant_name,
            role=shown.role,
            kept_role=joined == "kept",
            members_url=f"/tenants/{shown.tenant_id}",
            events=[describe_held(one) for one in mine],
            calendar_url=f"/v1/tenants/{shown.tenant_id}/calendar" if shown.is_to_event else None,
        )

    async def _refuse(self, request: Request, act: str, error: VestibuleError, started: float) -> Response:
        has_link = self._pages.cookie_name(LINK_COOKIE) in request.cookies
        return await self._claiming.refuse(request, act, error, started=started, can_request=has_link)


def make_claim_ref(token: LinkToken) -> str:
    """A short name for the link a page shows; says nothing about the token."""
    return hashlib.sha256(b"claim_ref\0" + token.claim_token_hash).hexdigest()[:32]


def _describe(shown: InvitationPreview) -> dict[str, object]:
    rest = shown.expires_at - shown.now
    is_near = rest <= NEAR_EXPIRY
    return {
        "tenant_name": shown.tenant_name,
        "role": shown.role,
        "inviter_name": shown.inviter_name,
        "invited_email_hint": shown.invited_email.masked,
        "expires_text": format_moment(shown.expires_at),
        "expires_iso": shown.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "is_near_expiry": is_near,
        "near_text": format_rest(rest) if is_near else "",
    }

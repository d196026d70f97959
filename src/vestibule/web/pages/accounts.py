# SPDX-License-Identifier: Apache-2.0
"""Sign in, sign up with the invited address locked, the code that verifies it, sign out.

Sign-up needs a live link in this browser: nobody can make the service mail an address that nobody invited.
Its pages are the same whether the address has an account or not (ATTACKS N03).
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.accounts.session import sign_out
from vestibule.actions.accounts.sign_in import open_session
from vestibule.actions.accounts.sign_up import (
    begin_code_check,
    count_sign_up,
    finish_sign_up,
    send_code_again,
    start_sign_up,
)
from vestibule.actions.connections.review_connections import list_ways_in
from vestibule.actions.invitations.preview import InvitationPreview
from vestibule.core.account import CHALLENGE_LIFETIME, NAME_MAX
from vestibule.core.email import EmailAddress
from vestibule.core.naming import check_name
from vestibule.errors import (
    ClaimRejectedError,
    CredentialsRejectedError,
    InvalidRequestError,
    RateLimitedError,
)
from vestibule.web.identify import find_session_secret
from vestibule.web.pages.entering import describe_ways, enter
from vestibule.web.pages.invitation import InvitationPages
from vestibule.web.pages.passwords import check_password, read_address
from vestibule.web.pages.rendering import Pages, read_next, redirect

CHALLENGE_COOKIE = "challenge"
_WRONG = "The address or the password is not right. Check both and try again."
_WRONG_CODE = "That code is not right, or no longer valid. Use the newest mail, or send a new code."


def account_routes(pages: Pages) -> list[Route]:
    here = AccountPages(pages)
    return [
        Route("/sign-in", here.show_sign_in, methods=["GET"]),
        Route("/sign-in", here.sign_in, methods=["POST"]),
        Route("/sign-out", here.sign_out, methods=["POST"]),
        Route("/sign-up", here.show_sign_up, methods=["GET"]),
        Route("/sign-up", here.sign_up, methods=["POST"]),
        Route("/verify", here.show_verify, methods=["GET"]),
        Route("/verify", here.verify, methods=["POST"]),
        Route("/verify/resend", here.resend, methods=["POST"]),
    ]


class AccountPages:
    """Handlers of local accounts."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        self._links = InvitationPages(pages)

    async def show_sign_in(self, request: Request) -> Response:
        target = read_next(request.query_params.get("next"))
        if await self._pages.find_identity(request) is not None:
            return redirect(target)
        return await self._sign_in_page(request, target)

    async def sign_in(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        target, typed = read_next(form.get("next")), form.get("email", "")
        try:
            account_id = await check_password(self._pages, request, typed, form.get("password", ""))
            secret = await self._services.runner.run(open_session, account_id)
        except CredentialsRejectedError:
            return await self._sign_in_page(request, target, status=403, email=typed[:320], error=_WRONG)
        response = redirect(target)
        await enter(self._pages, request, response, secret)
        return response

    async def sign_out(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        secret = find_session_secret(self._services, request.scope)
        if secret is not None:
            await self._services.runner.run(sign_out, secret)
        target = read_next(form.get("next"))
        response = redirect("/sign-in?next=/invitation" if target == "/invitation" else target)
        self._pages.drop_cookie(response, "session")
        return response

    async def show_sign_up(self, request: Request) -> Response:
        address = await self._find_invited(request)
        if address is None:
            return await self._no_invitation(request)
        return await self._sign_up_page(request, address)

    async def sign_up(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        name, password = form.get("name", "").strip(), form.get("password", "")
        typed = read_address(form.get("email", ""))
        address = await self._find_invited(request, typed)
        if address is None:
            return await self._no_invitation(request)
        if not address.is_kept:
            return await self._refuse_typed(request, address, typed, name)
        passwords = self._services.passwords
        try:
            check_name("/name", name, NAME_MAX)
            passwords.check_password_strength(password, address=address)
            limits = self._services.limits
            context = self._pages.context(request)
            await self._services.runner.run(count_sign_up, address, context=context, limits=limits)
            hashed = await asyncio.to_thread(passwords.hash_password, password)
            started = await self._services.runner.run(
                start_sign_up, address, name=name, password_hash=hashed, limits=limits
            )
        except InvalidRequestError as error:
            faults = {fault.pointer.lstrip("/"): fault.message for fault in error.faults}
            return await self._sign_up_page(request, address, status=422, name=name[:NAME_MAX], faults=faults)
        response = redirect("/verify")
        seconds = round(CHALLENGE_LIFETIME.total_seconds())
        self._pages.set_cookie(response, CHALLENGE_COOKIE, started.secret, seconds=seconds)
        return response

    async def show_verify(self, request: Request) -> Response:
        if not self._secret(request):
            return redirect("/sign-up")
        return await self._verify_page(request, resent=request.query_params.get("resent") == "1")

    async def verify(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        code = form.get("code", "")
        try:
            challenge = await self._services.runner.run(begin_code_check, self._secret(request))
            is_right = await asyncio.to_thread(
                self._services.passwords.verify_code, challenge.code_hash, code
            )
            if not is_right:
                raise CredentialsRejectedError  # noqa: TRY301 - one answer for every wrong code
            secret = await self._services.runner.run(
                finish_sign_up, challenge, context=self._pages.context(request)
            )
        except CredentialsRejectedError:
            return await self._verify_page(request, status=403, error=_WRONG_CODE)
        response = redirect("/invitation")
        self._pages.drop_cookie(response, CHALLENGE_COOKIE)
        await enter(self._pages, request, response, secret)
        return response

    async def resend(self, request: Request) -> Response:
        await self._pages.read_form(request)
        try:
            await self._services.runner.run(
                send_code_again,
                self._secret(request),
                context=self._pages.context(request),
                limits=self._services.limits,
            )
        except CredentialsRejectedError:
            return redirect("/sign-up")
        return redirect("/verify?resent=1")

    async def _refuse_typed(
        self, request: Request, address: EmailAddress, typed: EmailAddress | None, name: str
    ) -> Response:
        if typed is not None:
            # Counted as a code would be: whoever holds the link could try one address after the other.
            context, limits = self._pages.context(request), self._services.limits
            await self._services.runner.run(count_sign_up, typed, context=context, limits=limits)
        faults = {"email": "Give the address that this invitation was sent to."}
        return await self._sign_up_page(request, address, status=422, name=name[:NAME_MAX], faults=faults)

    async def _find_invited(self, request: Request, typed: EmailAddress | None = None) -> EmailAddress | None:
        shown = await self._find_preview(request, typed)
        return None if shown is None else shown.invited_email

    async def _find_preview(
        self, request: Request, typed: EmailAddress | None = None
    ) -> InvitationPreview | None:
        try:
            return await self._links.load(request, self._links.get_token(request), typed)
        except (ClaimRejectedError, RateLimitedError):
            # Too many dead links from this network address are no reason to keep its people out.
            return None

    async def _sign_in_page(
        self, request: Request, target: str, *, status: int = 200, email: str = "", error: str | None = None
    ) -> Response:
        shown = await self._find_preview(request) if target == "/invitation" else None
        tenant_id, invited = (shown.tenant_id, shown.invited_email) if shown is not None else (None, None)
        ways, is_local_offered = await self._services.runner.read(list_ways_in, tenant_id, invited)
        return await self._pages.render(
            request,
            "sign_in.html",
            status=status,
            next=target,
            email=email,
            error=error,
            hint=invited.masked if invited is not None else None,
            ways=describe_ways(ways),
            is_local_offered=is_local_offered,
        )

    async def _sign_up_page(
        self,
        request: Request,
        address: EmailAddress,
        *,
        status: int = 200,
        name: str = "",
        faults: dict[str, str] | None = None,
    ) -> Response:
        return await self._pages.render(
            request,
            "sign_up.html",
            status=status,
            locked_hint=address.masked if address.is_kept else None,
            name=name,
            faults=faults or {},
        )

    async def _verify_page(
        self, request: Request, *, status: int = 200, error: str | None = None, resent: bool = False
    ) -> Response:
        invited = await self._find_invited(request)
        hint = invited.masked if invited is not None and invited.is_kept else "the invited address"
        return await self._pages.render(
            request, "verify.html", status=status, address_hint=hint, error=error, resent=resent
        )

    async def _no_invitation(self, request: Request) -> Response:
        return await self._pages.render(
            request,
            "error.html",
            status=404,
            title="An account begins with an invitation",
            text="Open the link in your invitation first. If it is dead, ask for a new one from its page.",
            request_id=None,
        )

    def _secret(self, request: Request) -> str:
        return request.cookies.get(self._pages.cookie_name(CHALLENGE_COOKIE), "")[:128]

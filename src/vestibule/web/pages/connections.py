# SPDX-License-Identifier: Apache-2.0
"""Sign in through a connection: leave for the identity provider, come back, be signed in.

The form that leaves is answered by a page that leads on, not by a redirect: browsers apply ``form-action``
to redirects as well, and ours names no other site. Nothing here needs JavaScript.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.connections.sign_in import (
    SIGN_IN_LIFETIME,
    ReturnedSignIn,
    finish_sign_in,
    get_way_in,
    return_sign_in,
    start_sign_in,
)
from vestibule.core.connection import derive_proof
from vestibule.errors import CredentialsRejectedError, ProviderError, VestibuleError
from vestibule.log import get_logger
from vestibule.web.pages.entering import enter, read_age
from vestibule.web.pages.rendering import Pages, get_part, read_next, redirect
from vestibule.web.problems import find_problem

SIGN_IN_COOKIE = "sign-in"
_ANSWER = ("code", "state", "iss", "error")
_VALUE_MAX = 4096
_FAILED = (
    "Nothing was lost, and nobody was signed in. Begin again; if it keeps failing, tell whoever runs it."
)
_DENIED = "The identity provider did not sign you in."
_STRANGE = (
    "This answer does not belong to a sign-in that this browser began, or it was used before. Begin again."
)


def connection_routes(pages: Pages) -> list[Route]:
    here = ConnectionPages(pages)
    way, back = "/sign-in/with/{connection_id}", "/sign-in/callback/{connection_id}"
    return [
        Route(way, here.show, methods=["GET"]),
        Route(way, here.leave, methods=["POST"]),
        Route(back, here.come_back, methods=["GET"]),
        Route(back, here.turn, methods=["POST"]),
    ]


class ConnectionPages:
    """Handlers of the way to an identity provider and back."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        self._log = get_logger()

    async def show(self, request: Request) -> Response:
        """A place to begin that can be linked to; opening it begins nothing."""
        connection = await self._services.runner.read(get_way_in, get_part(request, "connection_id"))
        target = read_next(request.query_params.get("next"))
        return await self._pages.render(request, "sign_in_with.html", way=connection, next=target)

    async def leave(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        max_age = read_age(form["max_age"]) if "max_age" in form else None
        try:
            started = await self._services.runner.run(
                start_sign_in,
                get_part(request, "connection_id"),
                next_path=read_next(form.get("next")),
                max_age=max_age,
                context=self._pages.context(request),
                limits=self._services.limits,
            )
            url = await self._services.openid.make_url(started.connection, started.proof, max_age=max_age)
        except ProviderError as error:
            return await self._fail(request, error)
        response = await self._pages.render(
            request, "sign_in_leaving.html", name=started.connection.name, url=url
        )
        seconds = round(SIGN_IN_LIFETIME.total_seconds())
        self._pages.set_cookie(response, SIGN_IN_COOKIE, started.secret, seconds=seconds)
        return response

    async def turn(self, request: Request) -> Response:
        """An answer that the provider made the browser post comes without our cookies: by GET it has them."""
        form = await request.form(max_fields=20)
        kept = {name: form[name] for name in _ANSWER if isinstance(form.get(name), str)}
        connection_id = get_part(request, "connection_id")
        await self._services.runner.read(get_way_in, connection_id)
        return redirect(f"/sign-in/callback/{connection_id}?{urlencode(kept)}")

    async def come_back(self, request: Request) -> Response:
        try:
            answer = _read_answer(request)
            returned = await self._take(request, answer)
            claims = await self._services.openid.redeem(
                returned.connection, returned.proof, answer, max_age=returned.sign_in.max_age
            )
            secret = await self._services.runner.run(
                finish_sign_in, returned.connection, claims, context=self._pages.context(request)
            )
        except (CredentialsRejectedError, ProviderError) as error:
            return await self._fail(request, error)
        response = redirect(returned.sign_in.next_path)
        self._pages.drop_cookie(response, SIGN_IN_COOKIE)
        await enter(self._pages, request, response, secret)
        return response

    async def _take(self, request: Request, answer: dict[str, str]) -> ReturnedSignIn:
        secret = request.cookies.get(self._pages.cookie_name(SIGN_IN_COOKIE), "")[:128]
        # Before the sign-in is used up: nobody else's answer may end the one that is under way here.
        expected = derive_proof(secret).state
        if not secret or not hmac.compare_digest(expected.encode(), answer.get("state", "").encode()):
            # Some providers say no without saying to whom; it changes nothing here.
            raise CredentialsRejectedError(_DENIED if "error" in answer else _STRANGE)
        return await self._services.runner.run(return_sign_in, get_part(request, "connection_id"), secret)

    async def _fail(self, request: Request, error: VestibuleError) -> Response:
        if isinstance(error, ProviderError):
            self._log.warning("sign_in.failed", finding=error.finding)
        is_ours = isinstance(error, CredentialsRejectedError)
        return await self._pages.render(
            request,
            "sign_in_failed.html",
            status=find_problem(error).status,
            text=str(error) if is_ours else _FAILED,
            connection_id=get_part(request, "connection_id"),
        )


def _read_answer(request: Request) -> dict[str, str]:
    answer: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in _ANSWER:
            continue
        if name in answer or len(value) > _VALUE_MAX or "\0" in value:
            raise CredentialsRejectedError(_STRANGE)
        answer[name] = value
    return answer

# SPDX-License-Identifier: Apache-2.0
"""Sign in once more, the way one did, and come back: for what asks for a fresh session (RFC 9470)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestibule.actions.accounts.sign_in import open_session
from vestibule.actions.connections.review_connections import find_way_to
from vestibule.core.account import LOCAL_CONNECTION
from vestibule.errors import CredentialsRejectedError
from vestibule.web.pages.entering import enter, read_age
from vestibule.web.pages.passwords import check_password
from vestibule.web.pages.rendering import Pages, read_next, redirect

_NOT_IT = "The password is not right. Check it and try again."


def again_routes(pages: Pages) -> list[Route]:
    here = AgainPages(pages)
    return [
        Route("/sign-in/again", here.show, methods=["GET"]),
        Route("/sign-in/again", here.sign_in, methods=["POST"]),
    ]


class AgainPages:
    """Handlers of a fresh sign-in; ``rendering.again_path`` leads here."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner = pages.services.runner

    async def show(self, request: Request) -> Response:
        await self._pages.get_identity(request)
        target = read_next(request.query_params.get("next"))
        return await self._page(request, target, read_age(request.query_params.get("max_age")))

    async def sign_in(self, request: Request) -> Response:
        form = await self._pages.read_form(request)
        identity = await self._pages.get_identity(request)
        target = read_next(form.get("next"))
        # Of a session that came through a connection, no password of ours proves anything.
        address = identity.addresses[0].address.key if identity.connection == LOCAL_CONNECTION else ""
        try:
            account_id = await check_password(self._pages, request, address, form.get("password", ""))
            secret = await self._runner.run(open_session, account_id)
        except CredentialsRejectedError:
            return await self._page(request, target, 0, status=403, error=_NOT_IT)
        response = redirect(target)
        await enter(self._pages, request, response, secret)
        return response

    async def _page(
        self, request: Request, target: str, max_age: int, *, status: int = 200, error: str | None = None
    ) -> Response:
        identity = await self._pages.get_identity(request)
        is_local = identity.connection == LOCAL_CONNECTION
        way = None
        if not is_local and identity.connection is not None:
            way = await self._runner.read(find_way_to, identity.connection)
        return await self._pages.render(
            request,
            "sign_in_again.html",
            status=status,
            next=target,
            max_age=max_age,
            error=error,
            way=way,
            is_local=is_local,
        )

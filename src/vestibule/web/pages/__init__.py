# SPDX-License-Identifier: Apache-2.0
"""The hosted pages: for the invitee, and the tenant's settings screen. They work without JavaScript,
but for the one on which an anonymous code is made.
"""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from vestibule.errors import VestibuleError
from vestibule.web.asgi import BodyTooLargeError
from vestibule.web.pages.accounts import account_routes
from vestibule.web.pages.again import again_routes
from vestibule.web.pages.anonymity import anonymity_routes
from vestibule.web.pages.connections import connection_routes
from vestibule.web.pages.home import home_routes
from vestibule.web.pages.invitation import invitation_routes
from vestibule.web.pages.joining import joining_routes
from vestibule.web.pages.rendering import Pages
from vestibule.web.pages.settings import settings_routes
from vestibule.web.separation import keep_served
from vestibule.web.services import Services

_STATIC = Path(__file__).parent.parent / "static"


def make_pages(services: Services) -> ASGIApp:
    """The pages as one ASGI application; every error a person can meet is a page, too."""
    pages = Pages(services)
    routes: list[BaseRoute] = [
        *home_routes(pages),
        *(*joining_routes(pages), *anonymity_routes(pages)),
        *invitation_routes(pages),
        *account_routes(pages),
        *again_routes(pages),
        *connection_routes(pages),
        *settings_routes(pages),
        Mount("/static", _Static(directory=_STATIC), name="static"),
    ]

    async def on_error(request: Request, error: Exception) -> Response:
        if isinstance(error, VestibuleError):
            return await pages.render_error(request, error)
        raise error

    async def on_missing(request: Request, _error: Exception) -> Response:
        return await pages.render_missing(request)

    async def on_method(request: Request, _error: Exception) -> Response:
        return await pages.render_wrong_method(request)

    async def on_crash(request: Request, error: Exception) -> Response:
        if isinstance(error, BodyTooLargeError):
            raise error
        return await pages.render_crash(request)

    app = Starlette(
        routes=keep_served(services.role, routes),
        exception_handlers={
            VestibuleError: on_error,
            404: on_missing,
            405: on_method,
            Exception: on_crash,
        },
    )
    # Such a redirect would name whatever host the request named (ATTACKS G07).
    app.router.redirect_slashes = False
    return app


class _Static(StaticFiles):
    """Our own style sheet and marks: the only thing that may be cached."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=3600"
        return response

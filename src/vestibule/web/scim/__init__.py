# SPDX-License-Identifier: Apache-2.0
"""``/scim/v2``: how a tenant's directory tells us who has left (RFC 7643, RFC 7644; CRYPTO.md 11.5).

It needs the extra ``scim``. The models are heavy, so they are loaded by the first request that needs them;
where they are not installed there is no such address.
"""

from __future__ import annotations

import asyncio
import importlib.util

from starlette.types import ASGIApp, Receive, Scope, Send

from vestibule.errors import NotFoundError
from vestibule.web.services import Services

PREFIX = "/scim/v2"


class ScimGate:
    """The whole of ``/scim/v2`` as one ASGI application."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._app: ASGIApp | None = None
        self._is_installed = importlib.util.find_spec("scim2_models") is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_installed:
            raise NotFoundError
        if self._app is None:
            self._app = await asyncio.to_thread(_load, self._services)
        await self._app(scope, receive, send)


def _load(services: Services) -> ASGIApp:
    from vestibule.web.scim.routes import make_scim  # noqa: PLC0415 - heavy, and not for everybody

    return make_scim(services)

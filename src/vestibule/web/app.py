# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: the guard around claims, API and pages."""

from __future__ import annotations

import contextlib
import ipaddress
import math

from starlette.types import ASGIApp, Receive, Scope, Send

from vestibule import metrics
from vestibule.actions.delivery.claim_messages import measure_lag
from vestibule.actions.log.seal_events import measure_sealing
from vestibule.core.identity import HostKey
from vestibule.errors import NotFoundError, UnavailableError
from vestibule.web.api import make_api
from vestibule.web.asgi import ROUTE, find_header, get_context, send_bytes
from vestibule.web.claim_routes import PREFIX, ClaimRoutes
from vestibule.web.guard import Guard
from vestibule.web.identify import get_actor
from vestibule.web.keys import KEY_PATHS, KeyRoutes
from vestibule.web.log_routes import PREFIX as LOG_PREFIX
from vestibule.web.log_routes import LogRoutes
from vestibule.web.pages import make_pages
from vestibule.web.scim import PREFIX as SCIM_PREFIX
from vestibule.web.scim import ScimGate
from vestibule.web.separation import serve_own
from vestibule.web.services import Services

_API_PATHS = ("/v1/", "/openapi.json")
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")


# What ``make_app`` gives, for whoever may not know Starlette.
Service = ASGIApp


def make_app(services: Services) -> Service:
    """The whole service over HTTP."""
    return Guard(serve_own(_Switch(services), services.role), services)


class _Switch:
    """Chooses by path; claims first, for they are the hot ones."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._claims = ClaimRoutes(services)
        self._api = make_api(services)
        self._pages = make_pages(services)
        self._keys = KeyRoutes(services)
        self._scim = ScimGate(services)
        self._log = LogRoutes(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith(PREFIX):
            await self._claims(scope, receive, send)
        elif path in KEY_PATHS:
            await self._keys(scope, receive, send)
        elif path.startswith(LOG_PREFIX):
            await self._log(scope, receive, send)
        elif path == "/metrics":
            await self._metrics(scope, send)
        elif path == "/healthz":
            scope[ROUTE] = path
            await send_bytes(send, 200, b"ok\n", b"text/plain; charset=utf-8")
        elif path.startswith(_API_PATHS):
            await self._api(scope, receive, send)
        elif path == SCIM_PREFIX or path.startswith(SCIM_PREFIX + "/"):
            await self._scim(scope, receive, send)
        elif "\0" in path:
            # No id has one, and PostgreSQL takes none.
            raise NotFoundError
        else:
            await self._pages(scope, receive, send)

    async def _metrics(self, scope: Scope, send: Send) -> None:
        scope[ROUTE] = "/metrics"
        if not _is_loopback(get_context(scope).ip) or _is_forwarded(scope):
            if find_header(scope, b"authorization") is None:
                raise NotFoundError
            actor = await get_actor(self._services, scope)
            if not isinstance(actor, HostKey) or actor.tenant_id is not None:
                raise NotFoundError
        await self._measure_backlog()
        await send_bytes(send, 200, metrics.render_metrics(), b"text/plain; version=0.0.4; charset=utf-8")

    async def _measure_backlog(self) -> None:
        # At every look, for a worker that has died measures nothing.
        lag: tuple[float, float] = math.nan, math.nan
        unsealed: tuple[float, float] = math.nan, math.nan
        with contextlib.suppress(UnavailableError):
            lag = await self._services.runner.read(measure_lag)
            unsealed = await self._services.runner.read(measure_sealing)
        metrics.OUTBOX_DUE.set(lag[0])
        metrics.OUTBOX_AGE.set(lag[1])
        metrics.UNSEALED.set(unsealed[0])
        metrics.SEAL_LAG.set(unsealed[1])


def _is_forwarded(scope: Scope) -> bool:
    # By a proxy on this machine that TRUSTED_PROXIES does not name: the loopback is its address.
    return any(find_header(scope, name) is not None for name in _FORWARDED)


def _is_loopback(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False

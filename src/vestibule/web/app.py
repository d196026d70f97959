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
        self._pages = make_pages(services)
        api, keys, scim = make_api(services), KeyRoutes(services), ScimGate(services)
        self._exact: dict[str, ASGIApp] = {
            **dict.fromkeys(KEY_PATHS, keys),
            "/metrics": self._metrics,
            "/healthz": _answer_health,
            "/openapi.json": api,
            SCIM_PREFIX: scim,
        }
        self._starts: dict[str, ASGIApp] = {
            PREFIX: ClaimRoutes(services),
            LOG_PREFIX: LogRoutes(services),
            "/v1/": api,
            SCIM_PREFIX + "/": scim,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        path = scope["path"]
        part = self._exact.get(path)
        if part is None:
            part = next((found for start, found in self._starts.items() if path.startswith(start)), None)
        if part is None and "\0" in path:
            # No id has one, and PostgreSQL takes none.
            raise NotFoundError
        await (part or self._pages)(scope, receive, send)

    async def _metrics(self, scope: Scope, _receive: Receive, send: Send) -> None:
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


async def _answer_health(scope: Scope, _receive: Receive, send: Send) -> None:
    scope[ROUTE] = "/healthz"
    await send_bytes(send, 200, b"ok\n", b"text/plain; charset=utf-8")


def _is_loopback(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False

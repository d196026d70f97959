# SPDX-License-Identifier: Apache-2.0
"""Around every request: id and context, body limit, security headers, our own access log, last-resort errors.

The access log names the route's template, never the path: a path may hold a claim token (ATTACKS B05).
"""

from __future__ import annotations

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vestibule import metrics
from vestibule.core.identity import RequestContext
from vestibule.core.token import mint_id
from vestibule.errors import UnavailableError, VestibuleError
from vestibule.log import correlation_id, get_logger
from vestibule.web.asgi import (
    CONTEXT,
    OUTCOME,
    QUIET,
    REQUEST_ID,
    ROUTE,
    BodyTooLargeError,
    find_client_ip,
    find_header,
    send_bytes,
)
from vestibule.web.problems import PROBLEM_TYPE, render_plain, render_problem
from vestibule.web.services import Services

BODY_MAX = 64 * 1024
# A partner reports many findings at once.
_BODY_MAX_OF = {"/v1/leaks": 1024 * 1024}
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"x-frame-options", b"DENY"),
)
_API_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Guard:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._headers = _HEADERS + ((_HSTS,) if services.is_https else ())
        self._log = get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = mint_id()
        scope[REQUEST_ID] = request_id
        scope[CONTEXT] = RequestContext(
            correlation_id=request_id,
            ip=find_client_ip(scope, self._services.trusted_proxies)[:64],
            user_agent=(find_header(scope, b"user-agent") or "")[:300].replace("\0", ""),
            source="api" if scope["path"].startswith(("/v1/", "/scim/")) else "page",
        )
        reset = correlation_id.set(request_id)
        sender = _Sender(send, self._headers, request_id)
        try:
            await self._answer(scope, _Limiter(receive, _limit_of(scope)), sender)
        finally:
            self._record(scope, sender.status, time.perf_counter() - started)
            correlation_id.reset(reset)

    async def _answer(self, scope: Scope, limiter: _Limiter, sender: _Sender) -> None:
        try:
            declared = find_header(scope, b"content-length")
            if declared is not None and (not _is_number(declared) or int(declared) > _limit_of(scope)):
                raise BodyTooLargeError  # noqa: TRY301 - one handler for both ways to find out
            await self._app(scope, limiter, sender)
        except BodyTooLargeError:
            await self._plain(
                sender, 413, "body_too_large", f"The body is larger than {_limit_of(scope)} bytes."
            )
        except VestibuleError as error:
            status, body, headers = render_problem(error, sender.request_id)
            await sender.fallback(status, body, headers)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing of it is shown
            is_outage = isinstance(error, OSError | TimeoutError)
            self._log.error("request_failed", route=_route(scope), exc_info=True)
            if is_outage:
                status, body, headers = render_problem(UnavailableError(), sender.request_id)
                await sender.fallback(status, body, headers)
            else:
                await self._plain(sender, 500, "internal_error", "The server failed; it has been recorded.")

    async def _plain(self, sender: _Sender, status: int, code: str, title: str) -> None:
        await sender.fallback(status, render_plain(status, code, title, sender.request_id), [])

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        metrics.REQUESTS.labels(route, method, str(status)).inc()
        metrics.SECONDS.labels(route).observe(seconds)
        if status == 429:
            metrics.THROTTLED.labels(route).inc()
        if scope.get(QUIET):
            return
        self._log.info(
            "request",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            outcome=scope.get(OUTCOME),
        )


def _limit_of(scope: Scope) -> int:
    return _BODY_MAX_OF.get(scope["path"], BODY_MAX)


def _route(scope: Scope) -> str:
    named = scope.get(ROUTE)
    if named is not None:
        return str(named)
    return str(getattr(scope.get("route"), "path", UNMATCHED))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


class _Limiter:
    """Receives at most *limit* bytes of body, however it is framed."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BodyTooLargeError
        return message


class _Sender:
    """Adds what every response carries, and remembers its status."""

    def __init__(self, send: Send, headers: tuple[tuple[bytes, bytes], ...], request_id: str) -> None:
        self._send = send
        self._headers = headers
        self.request_id = request_id
        self.status = 500
        self._is_started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._is_started = True
            given: list[Any] = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            if b"content-security-policy" not in names:
                given.append(_API_CSP)
            given.extend(header for header in self._headers if header[0] not in names)
            given.append((b"x-request-id", self.request_id.encode()))
            message = {**message, "headers": given}
        await self._send(message)

    async def fallback(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """A whole answer, unless one has begun."""
        if not self._is_started:
            await send_bytes(self, status, body, PROBLEM_TYPE, headers)

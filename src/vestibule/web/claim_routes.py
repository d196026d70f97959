# SPDX-License-Identifier: Apache-2.0
"""The token's own roads: preview, accept, decline, request-new. Plain ASGI, because they are the hot ones.

A refusal is one constant document whatever the reason, released at a fixed deadline from the arrival of
the request, so that what time is left to tell drowns (DESIGN.md section 3). Request bodies are not read:
nothing a claimant could say in one matters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from vestibule import metrics
from vestibule.actions.invitations.accept import accept, accept_once
from vestibule.actions.invitations.decline import decline
from vestibule.actions.invitations.preview import InvitationPreview, preview
from vestibule.actions.invitations.request_new import request_new
from vestibule.core.claiming import check_addresses
from vestibule.core.identity import HostKey, IdempotencyRequest
from vestibule.core.token import parse_claim_token
from vestibule.errors import ClaimRejectedError, RateLimitedError, VestibuleError
from vestibule.ports import ClaimKey
from vestibule.web.asgi import OUTCOME, REQUEST_ID, ROUTE, get_context, send_bytes
from vestibule.web.identify import find_actor, get_principal
from vestibule.web.idempotency import read_key
from vestibule.web.problems import PROBLEM_TYPE, render_plain, render_problem
from vestibule.web.services import Services

PREFIX = "/v1/invitations/"
_JSON = b"application/json"
_VERBS = frozenset({"accept", "decline", "request-new"})
_DEAD_HASH = hashlib.sha256(b"no such invitation").digest()

Handler = Callable[[Scope, str], Awaitable[tuple[int, bytes]]]


class ClaimRoutes:
    """ASGI application for everything below ``/v1/invitations/``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._handlers: dict[str, Handler] = {
            "accept": self._accept,
            "decline": self._decline,
            "request-new": self._request_new,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - bodies are not read
        started = time.monotonic()
        token_text, verb = _split(scope["path"])
        scope[ROUTE] = f"{PREFIX}{{token}}" + (f"/{verb}" if verb else "")
        allowed = ("POST",) if verb else ("GET", "HEAD")
        if scope["method"] not in allowed:
            await _method_not_allowed(scope, send, allowed)
            return
        handler = self._handlers[verb] if verb else self._preview
        headers: list[tuple[bytes, bytes]] = []
        try:
            status, body = await handler(scope, token_text)
            content_type = _JSON
        except VestibuleError as error:
            status, body, headers = render_problem(error, scope[REQUEST_ID])
            content_type = PROBLEM_TYPE
            _count(scope, verb or "preview", error)
            if isinstance(error, ClaimRejectedError | RateLimitedError):
                await self._hold_until(started)
        if scope["method"] == "HEAD":
            headers = [*headers, (b"content-type", content_type)]
            body = b""
        if verb == "request-new":
            await self._hold_until(started)
        await send_bytes(send, status, body, content_type, headers)

    async def _preview(self, scope: Scope, token_text: str) -> tuple[int, bytes]:
        key = _read_key(token_text)
        actor = await find_actor(self._services, scope)
        identity = None if isinstance(actor, HostKey) else actor
        shown = await self._services.runner.claim(
            preview, identity, key, context=get_context(scope), limits=self._services.limits
        )
        metrics.CLAIMS.labels("preview", shown.state.value).inc()
        return 200, json.dumps(describe_preview(shown)).encode()

    async def _accept(self, scope: Scope, token_text: str) -> tuple[int, bytes]:
        identity = await get_principal(self._services, scope)
        check_addresses(identity)
        key = _read_key(token_text)
        context, limits = get_context(scope), self._services.limits
        idempotency = read_key(scope, identity.principal_id, b"")
        if idempotency is None:
            await self._services.runner.claim(accept, identity, key, context=context, limits=limits)
        else:
            await self._accept_once(identity, key, idempotency, scope)
        metrics.CLAIMS.labels("accept", "accepted").inc()
        scope[OUTCOME] = "accepted"
        return 204, b""

    async def _accept_once(
        self, identity: Any, key: ClaimKey, idempotency: IdempotencyRequest, scope: Scope
    ) -> None:
        await self._services.runner.run(
            accept_once,
            identity,
            key,
            context=get_context(scope),
            limits=self._services.limits,
            idempotency=idempotency,
        )

    async def _decline(self, scope: Scope, token_text: str) -> tuple[int, bytes]:
        identity = await get_principal(self._services, scope)
        check_addresses(identity)
        key = _read_key(token_text)
        context, limits = get_context(scope), self._services.limits
        await self._services.runner.claim(decline, identity, key, context=context, limits=limits)
        metrics.CLAIMS.labels("decline", "declined").inc()
        return 204, b""

    async def _request_new(self, scope: Scope, token_text: str) -> tuple[int, bytes]:
        actor = await find_actor(self._services, scope)
        identity = None if isinstance(actor, HostKey) else actor
        try:
            key = _read_key(token_text)
        except ClaimRejectedError:
            key = ClaimKey(claim_token_hash=_DEAD_HASH)
        await self._services.runner.run(
            request_new,
            identity,
            key.claim_token_hash or _DEAD_HASH,
            context=get_context(scope),
            limits=self._services.limits,
        )
        return 202, b'{"status": "received"}'

    async def _hold_until(self, started: float) -> None:
        left = started + self._services.refusal_floor_seconds - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        elif self._services.refusal_floor_seconds > 0:
            metrics.OVERRUNS.inc()


def describe_preview(shown: InvitationPreview) -> dict[str, Any]:
    """What anybody who holds the link may see; the address only as a hint."""
    return {
        "tenant_name": shown.tenant_name,
        "role": shown.role,
        "invited_email_hint": shown.invited_email.masked,
        "inviter_name": shown.inviter_name,
        "expires_at": shown.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "state": shown.state.value,
    }


def _split(path: str) -> tuple[str, str]:
    token_text = path[len(PREFIX) :]
    head, slash, last = token_text.rpartition("/")
    if slash and last in _VERBS:
        return head, last
    return token_text, ""


def _read_key(token_text: str) -> ClaimKey:
    return ClaimKey(claim_token_hash=parse_claim_token(token_text).claim_token_hash)


def _count(scope: Scope, act: str, error: VestibuleError) -> None:
    outcome = error.reason.value if isinstance(error, ClaimRejectedError) else error.code
    metrics.CLAIMS.labels(act, outcome).inc()
    scope[OUTCOME] = outcome


async def _method_not_allowed(scope: Scope, send: Send, allowed: tuple[str, ...]) -> None:
    body = render_plain(405, "method_not_allowed", "This method is not allowed here.", scope[REQUEST_ID])
    headers = [(b"allow", ", ".join(allowed).encode())]
    await send_bytes(send, 405, b"" if scope["method"] == "HEAD" else body, PROBLEM_TYPE, headers)


__all__ = ["PREFIX", "ClaimRoutes", "describe_preview"]

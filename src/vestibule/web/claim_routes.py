# SPDX-License-Identifier: Apache-2.0
"""The token's own roads: preview, accept, decline, request-new, block, report. Plain ASGI, for speed.

What they answer, and when, is decided in ``claims``: the same for every road.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from vestibule import metrics
from vestibule.actions.abuse.refuse_mail import refuse_mail
from vestibule.actions.invitations.preview import InvitationPreview, preview
from vestibule.actions.invitations.request_new import request_new
from vestibule.core.identity import HostKey
from vestibule.errors import ClaimRejectedError
from vestibule.ports import ClaimKey
from vestibule.web.asgi import REQUEST_ID, ROUTE, Answer, get_context
from vestibule.web.claims import (
    accept_claim,
    answer_claim,
    decline_claim,
    dump_json,
    hold_until_floor,
)
from vestibule.web.identify import find_actor
from vestibule.web.links import read_link
from vestibule.web.problems import PROBLEM_TYPE, render_plain
from vestibule.web.services import Services

PREFIX = "/v1/invitations/"
_VERBS = frozenset({"accept", "decline", "request-new", "block", "report"})
_DEAD_HASH = hashlib.sha256(b"no such invitation").digest()

Handler = Callable[[Scope, str], Awaitable[Answer]]


class ClaimRoutes:
    """ASGI application for everything below ``/v1/invitations/``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._handlers: dict[str, Handler] = {
            "": self._preview,
            "accept": self._accept,
            "decline": self._decline,
            "request-new": self._request_new,
            "block": partial(self._refuse_mail, is_report=False),
            "report": partial(self._refuse_mail, is_report=True),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - bodies are not read
        started = time.monotonic()
        token_text, verb = _split(scope["path"])
        scope[ROUTE] = f"{PREFIX}{{token}}" + (f"/{verb}" if verb else "")
        allowed = ("POST",) if verb else ("GET", "HEAD")
        if scope["method"] not in allowed:
            await _method_not_allowed(scope, allowed).send(scope, send)
            return
        handler = self._handlers[verb]
        answer = await answer_claim(
            self._services, scope, verb or "preview", lambda: handler(scope, token_text), started=started
        )
        if verb == "request-new":
            await hold_until_floor(self._services, started)
        await answer.send(scope, send)

    async def _preview(self, scope: Scope, token_text: str) -> Answer:
        key = await read_link(self._services, token_text)
        actor = await find_actor(self._services, scope)
        identity = None if isinstance(actor, HostKey) else actor
        shown = await self._services.runner.claim(
            preview, identity, key, context=get_context(scope), limits=self._services.limits
        )
        metrics.CLAIMS.labels("preview", shown.state.value).inc()
        return Answer(200, dump_json(describe_preview(shown)))

    async def _accept(self, scope: Scope, token_text: str) -> Answer:
        return await accept_claim(self._services, scope, lambda: read_link(self._services, token_text))

    async def _decline(self, scope: Scope, token_text: str) -> Answer:
        return await decline_claim(self._services, scope, lambda: read_link(self._services, token_text))

    async def _request_new(self, scope: Scope, token_text: str) -> Answer:
        actor = await find_actor(self._services, scope)
        identity = None if isinstance(actor, HostKey) else actor
        try:
            key = await read_link(self._services, token_text)
        except ClaimRejectedError:
            key = ClaimKey(claim_token_hash=_DEAD_HASH)
        await self._services.runner.run(
            request_new,
            identity,
            key.claim_token_hash or _DEAD_HASH,
            context=get_context(scope),
            limits=self._services.limits,
        )
        return Answer(202, b'{"status":"received"}')

    async def _refuse_mail(self, scope: Scope, token_text: str, *, is_report: bool) -> Answer:
        actor = await find_actor(self._services, scope)
        await self._services.runner.run(
            refuse_mail,
            None if isinstance(actor, HostKey) else actor,
            await read_link(self._services, token_text),
            is_report=is_report,
            context=get_context(scope),
            limits=self._services.limits,
        )
        metrics.REFUSED_MAIL.labels("report" if is_report else "block").inc()
        return Answer(204)


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


def _method_not_allowed(scope: Scope, allowed: tuple[str, ...]) -> Answer:
    body = render_plain(405, "method_not_allowed", "This method is not allowed here.", scope[REQUEST_ID])
    return Answer(405, body, PROBLEM_TYPE, ((b"allow", ", ".join(allowed).encode()),))


__all__ = ["PREFIX", "ClaimRoutes", "describe_preview"]

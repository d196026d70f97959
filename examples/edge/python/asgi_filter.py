# SPDX-License-Identifier: Apache-2.0
"""Two ways to put the verifier in front: an ASGI middleware, and a checker for nginx's `auth_request`.

Both turn improbable tokens away and pass everything else on. Neither lets anybody in.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from vestibule_edge import PROBABLE, Edge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LINK = re.compile(r"/(?:i|v1/invitations)/([^/]+)")


def filter_links(app: App, edge: Edge) -> App:
    """*app* behind the verifier: whoever brings an improbable link hears 404 and never reaches it."""

    async def filtered(scope: Scope, receive: Receive, send: Send) -> None:
        link = _LINK.match(scope["path"]) if scope["type"] == "http" else None
        if link is None or edge.check(link[1]) == PROBABLE:
            await app(scope, receive, send)
        else:
            await _answer(send, 404)

    return filtered


def check_for_nginx(edge: Edge) -> App:
    """Answers nginx's subrequest: 204 to go on, 403 to stop. The path comes in `X-Original-URI`."""

    async def checker(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
        headers = dict(scope["headers"])
        link = _LINK.match(headers.get(b"x-original-uri", b"").decode("latin-1").partition("?")[0])
        is_probable = link is None or edge.check(link[1]) == PROBABLE
        await _answer(send, 204 if is_probable else 403)

    return checker


async def _answer(send: Send, status: int) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"cache-control", b"no-store")]}
    )
    await send({"type": "http.response.body", "body": b""})

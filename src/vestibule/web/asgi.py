# SPDX-License-Identifier: Apache-2.0
"""Small pieces of ASGI for the roads where every microsecond counts, and what every request carries."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import Scope, Send

from vestibule.core.identity import RequestContext
from vestibule.web.services import Network

REQUEST_ID = "vestibule.request_id"
ROUTE = "vestibule.route"
CONTEXT = "vestibule.context"
OUTCOME = "vestibule.outcome"
QUIET = "vestibule.quiet"
JSON_TYPE = b"application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer, before it is sent."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON_TYPE
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, scope: Scope, send: Send) -> None:
        """To HEAD the same head without the body."""
        body = b"" if scope["method"] == "HEAD" else self.body
        await _send(send, self.status, self.list_headers(), body)

    def list_headers(self) -> list[tuple[bytes, bytes]]:
        # RFC 9110 8.6: a 204 has no length; a 304 would have that of the 200.
        head = [] if self.status in (204, 304) else [(b"content-length", str(len(self.body)).encode())]
        if self.body:
            head.insert(0, (b"content-type", self.content_type))
        return [*head, *self.headers]


class BodyTooLargeError(Exception):
    """The body goes beyond the limit; the request is answered 413."""


def find_header(scope: Scope, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


def find_client_ip(scope: Scope, trusted: tuple[Network, ...]) -> str:
    """The peer's address; behind trusted proxies, the nearest address that is not one of them."""
    client = scope.get("client")
    peer = client[0] if client else ""
    if not trusted or not _is_trusted(peer, trusted):
        return str(peer)
    # Several lines are one list (RFC 9110 5.3): a proxy may add its own after a forged one.
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"]
    forwarded = ",".join(lines)
    for part in reversed([one.strip() for one in forwarded.split(",") if one.strip()]):
        if not _is_trusted(part, trusted):
            return part if _is_address(part) else str(peer)
    return str(peer)


def keep_nothing(scope: Scope) -> None:
    """This request is nobody's: it leaves no line in the log, and its surroundings go no further."""
    context = get_context(scope)
    scope[QUIET] = True
    scope[CONTEXT] = RequestContext(correlation_id=context.correlation_id, source=context.source)


def get_context(scope: Scope) -> RequestContext:
    """The forensic surroundings that the guard has put on the request."""
    context: RequestContext = scope[CONTEXT]
    return context


async def send_bytes(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """One whole response."""
    answer = Answer(status, body, content_type, tuple(headers))
    await _send(send, status, answer.list_headers(), body)


async def _send(send: Send, status: int, head: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in trusted)

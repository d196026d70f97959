# SPDX-License-Identifier: Apache-2.0
"""Small pieces of ASGI for the roads where every microsecond counts, and what every request carries."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.types import Scope, Send

from vestibule.core.identity import RequestContext
from vestibule.web.services import Network

REQUEST_ID = "vestibule.request_id"
ROUTE = "vestibule.route"
CONTEXT = "vestibule.context"
OUTCOME = "vestibule.outcome"


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
    forwarded = find_header(scope, b"x-forwarded-for") or ""
    for part in reversed([one.strip() for one in forwarded.split(",") if one.strip()]):
        if not _is_trusted(part, trusted):
            return part if _is_address(part) else str(peer)
    return str(peer)


def get_context(scope: Scope) -> RequestContext:
    """The forensic surroundings that the guard has put on the request."""
    context: RequestContext = scope[CONTEXT]
    return context


async def send_bytes(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """One whole response."""
    head = [(b"content-length", str(len(body)).encode()), *headers]
    if body:
        head.insert(0, (b"content-type", content_type))
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

# SPDX-License-Identifier: Apache-2.0
"""What every way of signing in ends in, and what pages offer of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from vestibule.actions.accounts.session import sign_out
from vestibule.core.account import SESSION_LIFETIME
from vestibule.core.connection import Connection
from vestibule.web.identify import find_session_secret
from vestibule.web.pages.rendering import Pages

AGES_MAX = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """A connection as a page offers it."""

    connection_id: str
    name: str


async def enter(pages: Pages, request: Request, response: Response, secret: str) -> None:
    """The browser has this session, and no other."""
    # Whatever session the browser had before is over: nobody keeps one foot in (ATTACKS A14).
    earlier = find_session_secret(pages.services, request.scope)
    if earlier is not None:
        await pages.services.runner.run(sign_out, earlier)
    pages.set_cookie(response, "session", secret, seconds=round(SESSION_LIFETIME.total_seconds()))


def describe_ways(connections: Sequence[Connection]) -> list[WayIn]:
    """For templates."""
    return [WayIn(connection_id=one.connection_id, name=one.name) for one in connections]


def read_age(text: str | None) -> int:
    """Seconds of a demand; whatever is none of them asks for a sign-in right now."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= 6
    return min(int(text), AGES_MAX) if text is not None and is_number else 0

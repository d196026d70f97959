# SPDX-License-Identifier: Apache-2.0
"""``/log``: the log as monitors and witnesses fetch it (c2sp.org/tlog-tiles); nothing personal."""

from __future__ import annotations

import re

from starlette.types import Receive, Scope, Send

from vestibule.actions.log.publish_log import get_checkpoint, get_entries, get_tile
from vestibule.core.log.growth import TILE_WIDTH
from vestibule.errors import NotFoundError
from vestibule.web.asgi import REQUEST_ID, ROUTE, Answer
from vestibule.web.problems import PROBLEM_TYPE, render_plain
from vestibule.web.services import Services

PREFIX = "/log/"
_TILE = re.compile(
    r"/log/tile/(?P<level>entries|[0-5])/(?P<place>(?:x\d{3}/){0,4}\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)
_TEXT = b"text/plain; charset=utf-8"
_BYTES = b"application/octet-stream"
# Monitors come every few seconds; what a tile says never changes.
_FRESH = ((b"cache-control", b"public, max-age=1"),)
_FOR_EVER = ((b"cache-control", b"public, max-age=31536000, immutable"),)


class LogRoutes:
    """The log in public."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        scope[ROUTE] = "/log"
        if scope["method"] not in {"GET", "HEAD"}:
            body = render_plain(
                405, "method_not_allowed", "This method is not allowed here.", scope[REQUEST_ID]
            )
            answer = Answer(405, body, PROBLEM_TYPE, ((b"allow", b"GET, HEAD"),))
        else:
            answer = await self._answer(scope["path"])
        await answer.send(scope, send)

    async def _answer(self, path: str) -> Answer:
        if path == "/log/checkpoint":
            note = await self._runner.read(get_checkpoint)
            return Answer(200, note.encode(), _TEXT, _FRESH)
        asked = _TILE.fullmatch(path)
        if asked is None:
            raise NotFoundError
        place = int(asked["place"].replace("x", "").replace("/", ""))
        width = int(asked["width"] or TILE_WIDTH)
        if width > TILE_WIDTH or (asked["width"] and width == TILE_WIDTH):
            raise NotFoundError
        if asked["level"] == "entries":
            found = await self._runner.read(get_entries, place, width)
        else:
            found = await self._runner.read(get_tile, int(asked["level"]), place, width)
        return Answer(200, found, _BYTES, _FOR_EVER)

# SPDX-License-Identifier: Apache-2.0
"""What verifiers fetch: ``/.well-known/jwks.json`` and the signed ``/.well-known/invitation-keys.json``.

Public, cached by anybody, changed by nobody: the one place where an answer may be kept. The ring is read
again after a few seconds at the earliest, and the schedule signed once for each of its states.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from starlette.types import Receive, Scope, Send

from vestibule.actions.keys.show_ring import show_ring
from vestibule.core.key_documents import (
    Ring,
    dump_canonical,
    join_signature,
    make_key_set,
    make_schedule,
    make_signing_input,
    stamp_schedule,
)
from vestibule.core.keys import KeyRecord, KeySchedule, Purpose
from vestibule.errors import KeyProviderError, NotFoundError
from vestibule.log import get_logger
from vestibule.ports import KeyProvider
from vestibule.web.asgi import REQUEST_ID, ROUTE, Answer, find_header
from vestibule.web.problems import PROBLEM_TYPE, render_plain
from vestibule.web.services import Services

KEY_SET_PATH = "/.well-known/jwks.json"
SCHEDULE_PATH = "/.well-known/invitation-keys.json"
KEY_PATHS = (KEY_SET_PATH, SCHEDULE_PATH)
_JWK_SET = b"application/jwk-set+json"
_JOSE = b"application/jose+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A schedule with its one signature, and until when that is handed out."""

    key_id: str
    unsigned: dict[str, Any]
    document: bytes
    renew_at: float
    expires_at: float


class KeyRoutes:
    """ASGI application for the two documents."""

    def __init__(self, services: Services, schedule: KeySchedule | None = None) -> None:
        self._services = services
        self._schedule = schedule or KeySchedule()
        self._ring: Ring | None = None
        self._read_at = 0.0
        self._signed: _Signed | None = None
        # Two, so that the key set never waits for whoever signs.
        self._reading, self._signing = asyncio.Lock(), asyncio.Lock()
        age, stale = self._schedule.max_age, self._schedule.stale_if_error
        kept = f"public, max-age={age.total_seconds():.0f}, stale-if-error={stale.total_seconds():.0f}"
        self._headers = (
            (b"cache-control", kept.encode()),
            # Anybody may read them, from any page.
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing is read
        path = scope[ROUTE] = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            body = render_plain(
                405, "method_not_allowed", "This method is not allowed here.", scope[REQUEST_ID]
            )
            await Answer(405, body, PROBLEM_TYPE, ((b"allow", b"GET, HEAD"),)).send(scope, send)
            return
        async with self._reading:
            ring = await self._look()
        if path == KEY_SET_PATH:
            body, kind = dump_canonical(make_key_set(ring, self._schedule)), _JWK_SET
        else:
            async with self._signing:
                body, kind = await self._sign(ring), _JOSE
        await self._answer(scope, body, kind).send(scope, send)

    async def _look(self) -> Ring:
        now = time.monotonic()
        if self._ring is None or now >= self._read_at + self._schedule.reread.total_seconds():
            self._ring = await self._services.runner.read(show_ring)
            self._read_at = now
        return self._ring

    async def _sign(self, ring: Ring) -> bytes:
        """The schedule as it stands, signed now or before."""
        provider, key = self._services.provider, ring.find_active(Purpose.SCHEDULE)
        if provider is None or key is None:
            raise NotFoundError
        unsigned = make_schedule(ring, self._schedule, issuer=self._services.public_url)
        signed, now = self._signed, ring.now.timestamp()
        is_same = signed is not None and (signed.key_id, signed.unsigned) == (key.key_id, unsigned)
        if signed is None or not is_same or now >= signed.renew_at:
            try:
                self._signed = signed = await self._make(provider, key, unsigned, ring)
            except KeyProviderError as error:
                get_logger().error("key_provider_failed", purpose=key.purpose, problem=error.finding)
                if signed is None or not is_same or now >= signed.expires_at:
                    raise
        return signed.document

    async def _make(
        self, provider: KeyProvider, key: KeyRecord, unsigned: dict[str, Any], ring: Ring
    ) -> _Signed:
        text = make_signing_input(key, stamp_schedule(unsigned, ring.now, self._schedule))
        # Beside the event loop: a key service may take its time.
        signature = await asyncio.to_thread(provider.sign, key, text)
        issued_at, lasts = ring.now.timestamp(), self._schedule.document_lasts.total_seconds()
        return _Signed(
            key_id=key.key_id,
            unsigned=unsigned,
            document=join_signature(text, signature),
            renew_at=issued_at + lasts / 2,
            expires_at=issued_at + lasts,
        )

    def _answer(self, scope: Scope, body: bytes, kind: bytes) -> Answer:
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = (*self._headers, (b"etag", tag.encode()))
        asked = find_header(scope, b"if-none-match") or ""
        if asked.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in asked.split(",")]:
            return Answer(304, headers=headers)
        return Answer(200, body, kind, headers)

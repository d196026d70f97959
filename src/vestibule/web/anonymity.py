# SPDX-License-Identifier: Apache-2.0
"""What the API and the pages do alike with anonymous events: hold one, sign, redeem.

Keys are made and used off the event loop, and outside of any transaction. Of a redemption nothing is kept:
how often one network address tries is counted in memory, under a key that is forgotten with the counts.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable

from starlette.types import Scope

from vestibule.actions.anonymity.create_event import (
    check_create,
    check_provider,
    create_event,
    make_event_key,
)
from vestibule.actions.anonymity.redeem_code import redeem_code
from vestibule.actions.anonymity.review_events import EventView, get_event
from vestibule.actions.anonymity.take_code import take_code
from vestibule.core.anonymity import AnonymousEventDraft
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.limits import Limit, network_of
from vestibule.core.token import mint_secret_bytes
from vestibule.errors import ClaimRejectedError, RateLimitedError
from vestibule.web.asgi import find_client_ip
from vestibule.web.claims import hold_until_floor
from vestibule.web.services import Services

_SOURCES_MAX = 100_000
_CROWD = b""


async def hold_event(
    services: Services, actor: Actor, tenant_id: str, draft: AnonymousEventDraft, context: RequestContext
) -> EventView:
    """A fresh event, its key made off the event loop and outside of any transaction."""
    await services.runner.read(check_create, actor, tenant_id, draft)
    key = await asyncio.to_thread(make_event_key, check_provider(services.provider))
    event = await services.runner.run(create_event, actor, tenant_id, draft, key, context=context)
    return await services.runner.read(get_event, actor, tenant_id, event.event_id)


async def sign(
    services: Services, actor: Actor, tenant_id: str, event_id: str, blinded: bytes, context: RequestContext
) -> bytes:
    """One blind signature, made when it stands in the records that it was."""
    provider = check_provider(services.provider)
    key = await services.runner.run(take_code, actor, tenant_id, event_id, blinded, context=context)
    return await asyncio.to_thread(provider.blind_sign, key, blinded)


class Redeeming:
    """Redeems codes for nobody in particular."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limiter = SourceLimiter(services.limits.redeem_per_ip)

    async def redeem(self, scope: Scope, event_id: str, message: bytes, signature: bytes) -> None:
        """Exactly as ``redeem_code``; counted by source, and no refusal before its deadline."""
        started = time.monotonic()
        self._limiter.check(find_client_ip(scope, self._services.trusted_proxies))
        try:
            await self._services.runner.run(redeem_code, event_id, message, signature)
        except ClaimRejectedError:
            await hold_until_floor(self._services, started)
            raise


class SourceLimiter:
    """Counts the tries of one window. Beyond so many sources, all new ones share one count."""

    def __init__(self, limit: Limit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._ends = -math.inf
        self._key = b""
        self._counts: Counter[bytes] = Counter()

    def check(self, ip: str) -> None:
        """One more try.

        Raises:
            RateLimitedError: too many from there, in this window.
        """
        now = self._clock()
        if now >= self._ends:
            self._ends, self._key, self._counts = now + self._limit.seconds, mint_secret_bytes(), Counter()
        source = hashlib.blake2b(network_of(ip).encode(), key=self._key, digest_size=16).digest()
        if source not in self._counts and len(self._counts) >= _SOURCES_MAX:
            source = _CROWD
        self._counts[source] += 1
        if self._counts[source] > self._limit.count:
            raise RateLimitedError(math.ceil(self._ends - now), limit=self._limit.count)


def decode(text: str) -> bytes:
    """The bytes of base64url without padding; none where there can be none."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

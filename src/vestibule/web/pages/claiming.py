# SPDX-License-Identifier: Apache-2.0
"""Claiming by a form, by the link in this browser or among one's own: counted and held as the API does."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from vestibule import metrics
from vestibule.actions.invitations.accept import Accepted, accept
from vestibule.actions.invitations.decline import decline
from vestibule.core.identity import VerifiedIdentity
from vestibule.errors import ClaimRejectedError, EmailUnverifiedError, RateLimitedError, VestibuleError
from vestibule.ports import ClaimKey
from vestibule.web.claims import hold_until_floor, record_refusal
from vestibule.web.pages.rendering import Pages

REFUSALS = (ClaimRejectedError, RateLimitedError, EmailUnverifiedError)


class Claiming:
    """What every page with an Accept or Decline button does."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    async def accept(self, request: Request, identity: VerifiedIdentity, key: ClaimKey) -> Accepted:
        """Exactly as ``actions.invitations.accept``."""
        accepted = await self._services.runner.claim(
            accept, identity, key, context=self._pages.context(request), limits=self._services.limits
        )
        metrics.CLAIMS.labels("accept", "accepted").inc()
        return accepted

    async def decline(self, request: Request, identity: VerifiedIdentity, key: ClaimKey) -> None:
        """Exactly as ``actions.invitations.decline``."""
        await self._services.runner.claim(
            decline, identity, key, context=self._pages.context(request), limits=self._services.limits
        )
        metrics.CLAIMS.labels("decline", "declined").inc()

    async def refuse(
        self, request: Request, act: str, error: VestibuleError, *, started: float, can_request: bool
    ) -> Response:
        """The page of a refusal, the same for every reason, not before its deadline."""
        record_refusal(request.scope, act, error)
        if isinstance(error, EmailUnverifiedError):
            return await self._pages.render_error(request, error)
        await hold_until_floor(self._services, started)
        if isinstance(error, RateLimitedError):
            return await self._pages.render_error(request, error)
        return await self._pages.render(request, "unavailable.html", status=404, can_request=can_request)

# SPDX-License-Identifier: Apache-2.0
"""FastAPI hosts: errors as problem documents, and one dependency that claims in one transaction.

Uses nothing of the service but its table of problems, so that an embedding application answers exactly as
the service would, the uniform refusal included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from vestibule.actions.invitations.accept import Accepted
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.token import mint_id
from vestibule.embedding import Vestibule, keep_refusals
from vestibule.errors import ClaimRejectedError, RateLimitedError, VestibuleError
from vestibule.web.problems import PROBLEM_TYPE, render_problem

_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Whoever is asking, ready to claim."""

    vestibule: Vestibule
    sessions: sessionmaker[Session]
    identity: VerifiedIdentity
    context: RequestContext

    @contextmanager
    def accepting(self, token: str) -> Iterator[tuple[Session, Accepted]]:
        """Accept, then let the host write its own rows, then commit it all; or roll all of it back.

        A refused claim is committed as a refusal and raised before the body runs.
        """
        with keep_refusals(self.sessions) as session:
            accepted = self.vestibule.accept(session, self.identity, token, context=self.context)
            yield session, accepted

    @contextmanager
    def declining(self, token: str) -> Iterator[Session]:
        """The same for the invitee's refusal."""
        with keep_refusals(self.sessions) as session:
            self.vestibule.decline(session, self.identity, token, context=self.context)
            yield session


def make_claimant(
    vestibule: Vestibule, sessions: sessionmaker[Session], identify: Callable[..., VerifiedIdentity]
) -> Callable[..., Claimant]:
    """A dependency giving a ``Claimant``; *identify* is the host's own dependency for who is signed in."""

    def claimant(request: Request, identity: VerifiedIdentity = Depends(identify)) -> Claimant:  # noqa: B008 - *identify* is no global name
        context = read_context(request)
        return Claimant(vestibule=vestibule, sessions=sessions, identity=identity, context=context)

    return claimant


def read_context(request: Request) -> RequestContext:
    """The request's surroundings for the audit trail, and the moment from which a refusal is timed."""
    request.state.vestibule_started = time.monotonic()
    return RequestContext(
        correlation_id=mint_id(),
        ip=request.client.host if request.client is not None else "",
        user_agent=request.headers.get("user-agent", "")[:300],
    )


def install_problems(app: FastAPI, *, refusal_floor: float = 0.15) -> None:
    """Answer every ``VestibuleError`` with its problem document.

    A refused claim is answered no earlier than *refusal_floor* seconds after ``read_context``, so that the
    time it took tells nothing.
    """

    async def answer(request: Request, error: Exception) -> Response:
        if not isinstance(error, VestibuleError):
            raise error
        if isinstance(error, ClaimRejectedError | RateLimitedError):
            started = getattr(request.state, "vestibule_started", time.monotonic() - refusal_floor)
            await asyncio.sleep(max(0.0, started + refusal_floor - time.monotonic()))
        status, body, headers = render_problem(error, mint_id())
        extra = {name.decode(): value.decode() for name, value in headers}
        return Response(body, status, media_type=PROBLEM_TYPE.decode(), headers=_PRIVATE | extra)

    app.add_exception_handler(VestibuleError, answer)

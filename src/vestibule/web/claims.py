# SPDX-License-Identifier: Apache-2.0
"""Claiming over HTTP: the one code behind the link's own roads and the roads of one's own list.

A refusal is one constant document whatever the reason, released at a fixed deadline from the arrival of
the request, so that what time is left to tell drowns (DESIGN.md section 3). Request bodies are not read:
nothing a claimant could say in one matters.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Scope

from vestibule import metrics
from vestibule.actions.invitations.accept import Accepted, accept, accept_once
from vestibule.actions.invitations.decline import decline
from vestibule.core.claiming import check_addresses
from vestibule.errors import ClaimRejectedError, RateLimitedError, RejectReason, VestibuleError
from vestibule.ports import ClaimKey
from vestibule.web.asgi import OUTCOME, REQUEST_ID, Answer, get_context
from vestibule.web.idempotency import read_key
from vestibule.web.identify import get_principal
from vestibule.web.problems import PROBLEM_TYPE, render_problem
from vestibule.web.services import Services

_INVITATION_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

ReadKey = Callable[[], Awaitable[ClaimKey]]


async def answer_claim(
    services: Services, scope: Scope, act: str, work: Callable[[], Awaitable[Answer]], *, started: float
) -> Answer:
    """What *work* answers, or its error: a refusal not before its deadline."""
    try:
        return await work()
    except VestibuleError as error:
        status, body, headers = render_problem(error, scope[REQUEST_ID])
        record_refusal(scope, act, error)
        if isinstance(error, ClaimRejectedError | RateLimitedError):
            await hold_until_floor(services, started)
        return Answer(status, body, PROBLEM_TYPE, tuple(headers))


def record_refusal(scope: Scope, act: str, error: VestibuleError) -> None:
    """The private reason, for metrics and the access log only."""
    outcome = error.reason.value if isinstance(error, ClaimRejectedError) else error.code
    metrics.CLAIMS.labels(act, outcome).inc()
    scope[OUTCOME] = outcome


async def accept_claim(services: Services, scope: Scope, read_claim_key: ReadKey) -> Answer:
    """204 when the claim is settled. The session is judged before the claim is looked at (ruling 5)."""
    identity = await get_principal(services, scope)
    check_addresses(identity)
    key = await read_claim_key()
    about: dict[str, Any] = {"context": get_context(scope), "limits": services.limits}
    idempotency = read_key(scope, identity.principal_id, b"")
    accepted: Accepted | None
    if idempotency is None:
        accepted = await services.runner.claim(accept, identity, key, **about)
    else:
        accepted = await services.runner.run(accept_once, identity, key, idempotency=idempotency, **about)
    metrics.CLAIMS.labels("accept", "accepted").inc()
    scope[OUTCOME] = "accepted"
    return Answer(204, headers=await services.receipt_for(None if accepted is None else accepted.event))


async def decline_claim(services: Services, scope: Scope, read_claim_key: ReadKey) -> Answer:
    """204 when the invitation is declined."""
    identity = await get_principal(services, scope)
    check_addresses(identity)
    key = await read_claim_key()
    await services.runner.claim(decline, identity, key, context=get_context(scope), limits=services.limits)
    metrics.CLAIMS.labels("decline", "declined").inc()
    return Answer(204)


def read_invitation_id(text: str) -> ClaimKey:
    """The grant of that id, among one's own.

    Raises:
        ClaimRejectedError: it is not an id at all.
    """
    if not _INVITATION_ID.fullmatch(text):
        raise ClaimRejectedError(RejectReason.MALFORMED)
    return ClaimKey(invitation_id=text)


async def hold_until_floor(services: Services, started: float) -> None:
    """Wait until the deadline of refusals, counted from *started* (``time.monotonic``)."""
    left = started + services.refusal_floor_seconds - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)
    elif services.refusal_floor_seconds > 0:
        metrics.OVERRUNS.inc()


def dump_json(document: Any) -> bytes:
    """The bytes of an answer."""
    return json.dumps(document, separators=(",", ":")).encode()

# SPDX-License-Identifier: Apache-2.0
"""Joining over HTTP: the one code behind the API's call and the page's button.

A refusal is one 404 whatever the reason, not before the deadline that refused claims have.
"""

from __future__ import annotations

import time
from typing import Any

from vestibule import metrics
from vestibule.actions.invitations.accept import accept
from vestibule.actions.joining.ask_to_join import ask_to_join
from vestibule.actions.joining.open_door import open_door
from vestibule.core.identity import Actor, RequestContext
from vestibule.errors import ClaimRejectedError, NotFoundError
from vestibule.ports import ClaimKey
from vestibule.web.claims import hold_until_floor
from vestibule.web.services import Services


async def join_tenant(services: Services, actor: Actor, tenant_id: str, context: RequestContext) -> None:
    """The actor is a member by the rule of a proved domain.

    Raises:
        NotFoundError: no rule admits it, or no tenant is there.
        AlreadyMemberError, EmailUnverifiedError, RateLimitedError, StepUpRequiredError: what is its own.
    """
    started = time.monotonic()
    about: dict[str, Any] = {"context": context, "limits": services.limits}
    try:
        invitation_id = await services.runner.run(open_door, actor, tenant_id, **about)
        await services.runner.claim(accept, actor, ClaimKey(invitation_id=invitation_id), **about)
    except (ClaimRejectedError, NotFoundError):
        metrics.CLAIMS.labels("accept", "no_door").inc()
        await hold_until_floor(services, started)
        raise NotFoundError from None
    metrics.CLAIMS.labels("accept", "accepted").inc()


async def ask_tenant(services: Services, actor: Actor, tenant_id: str, context: RequestContext) -> None:
    """What can be asked has been asked; nothing tells whether it could."""
    started = time.monotonic()
    await services.runner.run(ask_to_join, actor, tenant_id, context=context, limits=services.limits)
    await hold_until_floor(services, started)

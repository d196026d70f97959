# SPDX-License-Identifier: Apache-2.0
"""Links at the web edge: read a token of either kind, and have one signed before it is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from vestibule import metrics
from vestibule.actions.links.open_link import open_link
from vestibule.actions.links.order_envelope import sign_envelope
from vestibule.core.envelope import EnvelopeOrder, LinkToken, SignedToken, parse_link_token
from vestibule.ports import ClaimKey, UnitOfWork
from vestibule.web.services import Services

Arguments = ParamSpec("Arguments")


async def read_link(services: Services, text: str) -> ClaimKey:
    """The grant behind a link.

    Raises:
        ClaimRejectedError: it is no token at all; no database was asked.
    """
    return await open_token(services, parse_link_token(text, services.public_url))


async def open_token(services: Services, token: LinkToken) -> ClaimKey:
    """The grant behind a well-formed token; of a signed one that does not count, nobody's."""
    if not isinstance(token, SignedToken):
        return ClaimKey(claim_token_hash=token.claim_token_hash)
    opened = await services.runner.read(open_link, token, signatures=services.signatures)
    metrics.ENVELOPES.labels(opened.finding).inc()
    return opened.key


async def sign_link(
    services: Services,
    order: Callable[Concatenate[UnitOfWork, Arguments], EnvelopeOrder | None],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> SignedToken | None:
    """The signed token that *order* asks for, if it asks for one; the event loop does not wait for its key.

    Raises:
        KeyMissingError, KeyProviderError: it can't be signed now; nothing was changed.
    """
    ordered = await services.runner.read(order, *args, **kwargs)
    if ordered is None:
        return None
    return await asyncio.to_thread(sign_envelope, services.provider, ordered, services.public_url)

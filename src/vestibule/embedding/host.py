# SPDX-License-Identifier: Apache-2.0
"""The host's side of a call: its connection or session, its transaction, its word on who somebody is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedAddress, VerifiedIdentity
from vestibule.errors import (
    ClaimRejectedError,
    ConfigurationError,
    MisuseError,
    RateLimitedError,
    StepUpRequiredError,
)

Host: TypeAlias = sa.Connection | Session
Opened = TypeVar("Opened", sa.Connection, Session, covariant=True)  # noqa: PLC0105 - as a reader would call it
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Begins(Protocol[Opened]):
    """An engine or a ``sessionmaker``: what can open a transaction and commit it."""

    def begin(self) -> AbstractContextManager[Opened]: ...


def connection_of(host: Host) -> sa.Connection:
    """The connection to work on. A session's pending rows are flushed first, so that they are seen.

    Raises:
        MisuseError: it is neither a connection nor a session.
    """
    if isinstance(host, Session):
        host.flush()
        return host.connection()
    if isinstance(host, sa.Connection):
        return host
    raise MisuseError("give a SQLAlchemy Connection or Session; from async code go through run_sync")


@contextmanager
def keep_refusals(factory: Begins[Opened]) -> Iterator[Opened]:
    """One transaction of the host, committed also when a claim is refused; the refusal is raised after that.

    A refusal is a fact with an audit event and a count against guessing; rolled back, both are lost. Claim
    first and write your own rows afterwards: what you wrote *before* a refusal is committed with it.
    Every other exception rolls everything back.
    """
    refusal: ClaimRejectedError | RateLimitedError | StepUpRequiredError | None = None
    with factory.begin() as opened:
        try:
            yield opened
        except (ClaimRejectedError, RateLimitedError, StepUpRequiredError) as error:
            refusal = error
    if refusal is not None:
        raise refusal


def host_identity(
    principal_id: str,
    *verified: str,
    name: str | None = None,
    connection: str | None = None,
    authenticated_at: datetime | None = None,
    amr: Iterable[str] = (),
) -> VerifiedIdentity:
    """Who the host says this is, now. Give only addresses that the host has *verified* belong to the person.

    *authenticated_at* and *amr* (RFC 8176) say how fresh and how strong the session is; without them it is
    neither, and roles that ask for that can't be accepted or approved.

    Raises:
        EmailInvalidError: one of them is not a plain address.
    """
    addresses = tuple(
        VerifiedAddress(address=EmailAddress.parse_claim(one), evidence="host") for one in verified
    )
    return VerifiedIdentity(
        principal_id=principal_id,
        addresses=addresses,
        name=name,
        connection=connection,
        authenticated_at=authenticated_at,
        amr=tuple(amr),
    )


def check_public_url(text: str) -> str:
    """The URL that links begin with (DEL-01).

    Raises:
        ConfigurationError: not https (http on loopback), or more than a URL to build upon.
    """
    url = text.rstrip("/")
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(
            "public_url", "is not a plain URL", "Give one such as https://app.example.com"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ConfigurationError(
            "public_url", "is not https", "Use https; http is for loopback in development only"
        )
    return url

# SPDX-License-Identifier: Apache-2.0
"""Sign in through a connection: leave for the provider, and come back with its word.

The secret of a sign-in is in the browser's cookie only; the table has its hash, and what goes over the wire
(state, nonce, PKCE verifier) is derived from it. So an answer counts in the browser that asked, and once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from vestibule.core.account import SESSION_LIFETIME
from vestibule.core.connection import Connection, SignIn, SignInProof, derive_proof, judge_claims
from vestibule.core.event import SignedIn
from vestibule.core.identity import RequestContext, VerifiedIdentity
from vestibule.core.limits import Limits, hit, network_of
from vestibule.core.token import digest, mint_secret
from vestibule.errors import CredentialsRejectedError, NotFoundError, RateLimitedError
from vestibule.ports import UnitOfWork

SIGN_IN_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSignIn:
    """The browser's half (for its cookie), and what its provider must be asked."""

    connection: Connection
    secret: str = field(repr=False)
    proof: SignInProof = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedSignIn:
    """A browser is back from its provider; the provider's word is still to be fetched and judged."""

    connection: Connection
    sign_in: SignIn
    proof: SignInProof = field(repr=False)


def get_way_in(uow: UnitOfWork, connection_id: str) -> Connection:
    """The connection, for whoever knows its id.

    Raises:
        NotFoundError: no such connection, or it can't be used now.
    """
    found = uow.connections.find_offered(connection_id)
    if found is None:
        raise NotFoundError
    return found


def start_sign_in(
    uow: UnitOfWork,
    connection_id: str,
    *,
    next_path: str,
    max_age: int | None,
    context: RequestContext,
    limits: Limits,
) -> StartedSignIn:
    """A sign-in is under way, for fifteen minutes and one answer.

    Raises:
        NotFoundError: no such connection, or it can't be used now.
        RateLimitedError: too many from this network address.
    """
    connection = get_way_in(uow, connection_id)
    wait = uow.limits.take([hit("sign_in_ip", network_of(context.ip), limits.sign_in_per_ip)])
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.sign_in_per_ip.count)
    secret = mint_secret("vso_")
    sign_in = SignIn(connection_id=connection_id, next_path=next_path, max_age=max_age)
    uow.connections.open_sign_in(digest(secret), sign_in, lifetime=SIGN_IN_LIFETIME)
    uow.commit()
    return StartedSignIn(connection=connection, secret=secret, proof=derive_proof(secret))


def return_sign_in(uow: UnitOfWork, connection_id: str, secret: str) -> ReturnedSignIn:
    """The sign-in of this browser is used up, whatever comes of it. Check ``state`` before.

    Raises:
        CredentialsRejectedError: none is under way here for that connection, or it can't be used any more.
    """
    sign_in = uow.connections.take_sign_in(digest(secret), connection_id)
    connection = uow.connections.find_offered(connection_id)
    if sign_in is None or connection is None:
        raise CredentialsRejectedError
    uow.commit()
    return ReturnedSignIn(connection=connection, sign_in=sign_in, proof=derive_proof(secret))


def finish_sign_in(
    uow: UnitOfWork, connection: Connection, claims: Mapping[str, Any], *, context: RequestContext
) -> str:
    """A session of the person whom the validated *claims* name; returns its secret.

    Raises:
        CredentialsRejectedError: the principal is offboarded, or the connection gone meanwhile.
        ProviderError: the claims name nobody.
    """
    said = judge_claims(connection, claims)
    record = uow.principals.find(said.principal_id)
    is_offboarded = record is not None and record.offboarded_at is not None
    if is_offboarded or uow.connections.find_offered(connection.connection_id) is None:
        raise CredentialsRejectedError
    identity = VerifiedIdentity(
        principal_id=said.principal_id,
        addresses=said.addresses,
        name=said.name,
        connection=connection.connection_id,
        authenticated_at=said.authenticated_at,
        amr=said.amr,
        is_session=True,
        connection_tenant_id=connection.tenant_id or None,
    )
    secret = mint_secret("vss_")
    uow.sessions.add(digest(secret), identity, connection.connection_id, lifetime=SESSION_LIFETIME)
    event = SignedIn(
        tenant_id=connection.tenant_id,
        principal_id=identity.principal_id,
        connection_id=connection.connection_id,
    )
    uow.audit.append(event, actor=identity, context=context)
    # So that offboarding knows what waits for its addresses.
    uow.principals.remember(identity)
    uow.commit()
    return secret

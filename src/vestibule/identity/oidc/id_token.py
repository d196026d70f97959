# SPDX-License-Identifier: Apache-2.0
"""Judge an ID token (OpenID Connect Core 3.1.3.7). Nothing in it is believed before its signature.

Order of the checks:

1. length; a header with ``alg`` and perhaps ``kid``, nothing critical (RFC 8725)
2. ``kid`` names keys of the provider; ``alg`` is one that the key does: never ``none``, never symmetric
3. the signature
4. ``iss`` exactly, ``aud`` is this client alone, ``azp`` if there is one
5. ``exp``, ``iat``, ``nbf`` with a minute's leeway for two clocks
6. ``nonce``: the token is for this browser's sign-in
7. ``at_hash`` if there is one; ``auth_time`` if freshness was demanded
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from vestibule.core.connection import Connection, matches_issuer
from vestibule.core.strict import decode_segment, load_object
from vestibule.errors import ProviderError
from vestibule.identity.oidc.metadata import ALGORITHMS, Metadata, ProviderBook

TOKEN_MAX = 32 * 1024
LEEWAY_SECONDS = 60
AGE_MAX_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the token must fit."""

    connection: Connection
    nonce: str
    max_age: int | None
    access_token: str | None
    now: datetime


async def read_id_token(
    book: ProviderBook, metadata: Metadata, token: object, expected: Expected
) -> dict[str, Any]:
    """The claims of *token*, every check passed.

    Raises:
        ProviderError: one did not; or the provider's keys can't be read.
    """
    # 1
    if not isinstance(token, str) or len(token) > TOKEN_MAX or token.count(".") != 2 or not token.isascii():
        raise _refused("token")
    try:
        header = load_object(decode_segment(token.partition(".")[0]))
    except ValueError:
        raise _refused("token") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS or not isinstance(kid, str | None) or "crit" in header:
        raise _refused("algorithm")
    # 2, 3
    claims = await _verify(book, metadata, token, str(algorithm), kid)
    # 4
    _check_parties(claims, expected.connection)
    # 5
    now = expected.now.timestamp()
    _check_times(claims, now)
    # 6
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise _refused("nonce")
    # 7
    if "at_hash" in claims and claims["at_hash"] != _hash_half(expected.access_token, str(algorithm)):
        raise _refused("at_hash")
    if expected.max_age is not None:
        _check_freshness(claims.get("auth_time"), expected.max_age, now)
    return claims


async def _verify(
    book: ProviderBook, metadata: Metadata, token: str, algorithm: str, kid: str | None
) -> dict[str, Any]:
    for key in await book.list_keys(metadata, kid):
        if algorithm not in key.algorithms:
            continue
        try:
            return load_object(jws.deserialize_compact(token, key.key, algorithms=[algorithm]).payload)
        except (JoseError, ValueError):
            continue
    raise _refused("signature")


def _check_parties(claims: Mapping[str, Any], connection: Connection) -> None:
    if not matches_issuer(connection, claims):
        raise _refused("iss")
    audience = claims.get("aud")
    if audience not in (connection.client_id, [connection.client_id]):
        raise _refused("aud")
    if "azp" in claims and claims["azp"] != connection.client_id:
        raise _refused("azp")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
    if now >= expires_at + LEEWAY_SECONDS:
        raise _refused("exp")
    if not now - AGE_MAX_SECONDS <= issued_at <= now + LEEWAY_SECONDS:
        raise _refused("iat")
    if "nbf" in claims and _moment(claims, "nbf") > now + LEEWAY_SECONDS:
        raise _refused("nbf")


def _check_freshness(value: object, max_age: int, now: float) -> None:
    # A missing claim is a failure: ``max_age`` is a demand, not a wish.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused("auth_time")
    if not now - max_age - LEEWAY_SECONDS <= value <= now + LEEWAY_SECONDS:
        raise _refused("auth_time")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    # bool is an int in Python, and not a time; fractions are allowed (RFC 7519 section 2).
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(name)
    return value


def _hash_half(access_token: str | None, algorithm: str) -> str | None:
    """The left half of the access token's hash, by the hash that the algorithm uses."""
    if access_token is None:
        return None
    # Of Ed25519 the hash is SHA-512, which is what its signatures are made with.
    name = "sha512" if algorithm in ("EdDSA", "Ed25519") else f"sha{algorithm[-3:]}"
    full = hashlib.new(name, access_token.encode()).digest()
    return urlsafe_b64encode(full[: len(full) // 2]).decode().rstrip("=")


def _refused(check: str) -> ProviderError:
    return ProviderError(f"id_token.{check}", f"The provider's ID token did not pass the check of {check}.")

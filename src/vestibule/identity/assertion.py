# SPDX-License-Identifier: Apache-2.0
"""Judge a host assertion: a short JWS by which the host says who is asking (DESIGN.md section 5, caller b).

One answer for everything that is wrong: ``NotAuthenticatedError`` without cause, detail or content.
Order of the checks, cheapest first, the signature before anything is believed:

1. length, three parts, canonical base64url
2. the header is ``alg``, ``typ`` and ``kid``, each once and nothing else (RFC 8725 sections 3.9, 3.11)
3. ``kid`` names a key of the closed set; ``alg`` is the one that this key does (RFC 8725 section 3.1)
4. ``iss``, ``aud``, ``iat``, ``exp``, ``nbf`` by exact type and value (RFC 7519 section 4.1)
5. the signature
6. ``sub``, ``emails`` and the optional claims

The same envelope, of another type and a shorter life, carries an order of the host: ``verify_act``.

There is no replay cache: an assertion is a bearer credential of at most 300 seconds between the host and
this service, and what it opens is decided anew each time. An order is spent by whoever carries it out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.identity import PRINCIPAL_ID_MAX, HostAct, VerifiedAddress, VerifiedIdentity, is_reserved
from vestibule.core.strict import decode_segment, load_object
from vestibule.errors import NotAuthenticatedError
from vestibule.identity.jwks import KID_MAX, KeySource

TYPE = "vestibule-id+jwt"
ACT_TYPE = "vestibule-act+jwt"
MAX_LENGTH = 8192
MAX_LIFETIME_SECONDS = 300
MAX_ACT_LIFETIME_SECONDS = 60
ACT_ID_MAX = 128
_ACT_CLAIMS = {"iss", "aud", "iat", "exp", "nbf", "jti", "act", "sub"}
MAX_EMAILS = 20
MAX_AMR = 20
NAME_MAX = 200
CONNECTION_MAX = 255
AMR_MAX = 64
_HEADER_MAX = 512
_HEADER_WITH_KID = {"alg", "typ", "kid"}
_HEADER_WITHOUT_KID = {"alg", "typ"}
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class _RefusedError(ValueError):
    """A check failed. Never leaves this module, so it may say which."""


class AssertionVerifier:
    """Turns assertions of one host into verified identities."""

    def __init__(
        self,
        keys: KeySource,
        issuer: str,
        audience: str,
        clock: Callable[[], datetime],
        leeway_seconds: int = 60,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._leeway = leeway_seconds

    def verify(self, jws: str) -> VerifiedIdentity:
        """The identity that the host asserts in *jws*, as of now.

        Raises:
            NotAuthenticatedError: any check failed. Which one is not told, nor kept in the exception.
        """
        try:
            return self._verify(jws)
        except (ValueError, InvalidSignature):
            pass
        # Raised outside of the handler: a context would hold the claims in its frames.
        raise NotAuthenticatedError

    def verify_act(self, jws: str) -> HostAct:
        """The one thing that the host orders in *jws*; whoever carries it out spends its ``jti``.

        Raises:
            NotAuthenticatedError: any check failed.
        """
        try:
            return self._verify_act(jws)
        except (ValueError, InvalidSignature):
            pass
        raise NotAuthenticatedError

    def _verify_act(self, jws: str) -> HostAct:
        claims, _ = self._open(jws, ACT_TYPE, MAX_ACT_LIFETIME_SECONDS)
        if claims.keys() - _ACT_CLAIMS or claims.get("act") != "offboard":
            raise _RefusedError("act")
        return HostAct(
            act="offboard",
            principal_id=_text(claims.get("sub"), PRINCIPAL_ID_MAX),
            act_id=_text(claims.get("jti"), ACT_ID_MAX),
        )

    def _verify(self, jws: str) -> VerifiedIdentity:
        claims, now = self._open(jws, TYPE, MAX_LIFETIME_SECONDS)
        # 6
        return VerifiedIdentity(
            principal_id=_subject(claims.get("sub")),
            addresses=_addresses(claims.get("emails")),
            name=_name(claims.get("name")),
            connection=_optional_text(claims.get("connection"), CONNECTION_MAX),
            authenticated_at=self._authenticated_at(claims.get("auth_time"), now),
            amr=_amr(claims.get("amr")),
        )

    def _open(self, jws: str, kind: str, lifetime: int) -> tuple[dict[str, Any], float]:
        """The claims of a signed document of that kind, and now."""
        # 1
        if len(jws) > MAX_LENGTH or not jws.isascii():
            raise _RefusedError("shape")
        head, _, rest = jws.partition(".")
        payload, dot, signature = rest.partition(".")
        if not dot or "." in signature or len(head) > _HEADER_MAX:
            raise _RefusedError("shape")
        # 2
        algorithm, kid = _parse_header(head, kind)
        # 3
        key = self._keys.find(kid)
        if key is None or algorithm not in key.algorithms:
            raise _RefusedError("key")
        # 4
        claims = load_object(decode_segment(payload))
        now = self._clock().timestamp()
        self._check_envelope(claims, now, lifetime)
        # 5
        key.check(decode_segment(signature), f"{head}.{payload}".encode("ascii"))
        return claims, now

    def _check_envelope(self, claims: dict[str, Any], now: float, lifetime: int) -> None:
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            raise _RefusedError("issuer or audience")
        issued_at, expires_at = _whole(claims.get("iat")), _whole(claims.get("exp"))
        if not now < expires_at or not issued_at <= now + self._leeway:
            raise _RefusedError("time")
        if not 0 < expires_at - issued_at <= lifetime:
            raise _RefusedError("lifetime")
        if "nbf" in claims and _whole(claims["nbf"]) > now + self._leeway:
            raise _RefusedError("time")

    def _authenticated_at(self, value: object, now: float) -> datetime | None:
        if value is None:
            return None
        seconds = _whole(value)
        if not 0 <= seconds <= now + self._leeway:
            raise _RefusedError("auth_time")
        return datetime.fromtimestamp(seconds, UTC)


@lru_cache(maxsize=32)
def _parse_header(segment: str, kind: str) -> tuple[str, str | None]:
    # Pure, and every assertion of one key has the same header: worth remembering. Refusals are not.
    header = load_object(decode_segment(segment))
    members = header.keys()
    if members not in (_HEADER_WITH_KID, _HEADER_WITHOUT_KID) or header["typ"] != kind:
        raise _RefusedError("header")
    algorithm = header["alg"]
    if not isinstance(algorithm, str):
        raise _RefusedError("header")
    return algorithm, _text(header["kid"], KID_MAX) if "kid" in header else None


def _whole(value: object) -> int:
    # type() and not isinstance(): True is an int in Python, and not a time.
    if type(value) is not int:
        raise _RefusedError("not a whole number")
    return value


def _text(value: object, limit: int) -> str:
    """*value* if it is printable text of 1 to *limit* characters without space at its ends."""
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise _RefusedError("not a text")
    if not value.isprintable() or value != value.strip():
        raise _RefusedError("not plain text")
    return value


def _subject(value: object) -> str:
    text = _text(value, PRINCIPAL_ID_MAX)
    # U+FFFD stands for what could not be read: no path can name such a principal, to remove it for example.
    if is_reserved(text) or "\ufffd" in text:
        raise _RefusedError("sub")
    return text


def _optional_text(value: object, limit: int) -> str | None:
    return None if value is None else _text(value, limit)


def _name(value: object) -> str | None:
    """A name is for showing only: what can't be seen is taken out, and an empty rest is no name."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > NAME_MAX:
        raise _RefusedError("name")
    return "".join(c for c in value if unicodedata.category(c) not in _UNSEEN).strip() or None


def _amr(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_AMR:
        raise _RefusedError("amr")
    return tuple(_text(entry, AMR_MAX) for entry in value)


def _addresses(value: object) -> tuple[VerifiedAddress, ...]:
    """The addresses that are verified by a literal true (A04). One that can't be read is left out, so
    that a person's second, odd address does not lock them out.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_EMAILS:
        raise _RefusedError("emails")
    found: dict[EmailAddress, VerifiedAddress] = {}
    for entry in value:
        if not isinstance(entry, dict):
            raise _RefusedError("emails")
        if entry.get("verified") is not True:
            continue
        try:
            address = EmailAddress.parse_claim(entry.get("email"))
        except AddressFaultError:
            continue
        found[address] = VerifiedAddress(address=address, evidence="host")
    return tuple(found.values())

# SPDX-License-Identifier: Apache-2.0
"""The signed claim token: an envelope that an edge can check, around the same 256-bit secret (TOK-03).

A JWS in compact form with exactly three header members and exactly six claims, none of them personal
(CRYPTO.md 1.3). Its ``jti`` is the secret: what is stored is SHA-256 of it, and everything about a claim is
keyed by that and never by the spelling of the token. The signature is a filter; the record is the authority.

What stands here is shape, time and key state. The signature itself is checked by ``ports.Signatures``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vestibule.core.keys import Algorithm, KeyRecord, KeySchedule, Purpose
from vestibule.core.policy import Policy
from vestibule.core.strict import decode_segment, load_object
from vestibule.core.token import ClaimToken, mint_claim_token, mint_secret_bytes, parse_claim_token
from vestibule.errors import ClaimRejectedError, KeyMissingError, RejectReason

TYPE = "inv+jwt"
SCOPE = "accept"
LENGTH_MAX = 900
_SHAPE = re.compile(r"eyJ([A-Za-z0-9_-]{37,157})\.([A-Za-z0-9_-]{80,600})\.([A-Za-z0-9_-]{86})", re.ASCII)
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HEADER = frozenset({"alg", "kid", "typ"})
_CLAIMS = frozenset({"iss", "aud", "iat", "exp", "jti", "scp"})
_ALGORITHMS = frozenset({Algorithm.ED25519, Algorithm.ES256})
# The year 9999: whatever lies beyond is no time of ours.
_TIME_MAX = 253_402_300_800


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedToken:
    """A well-formed signed token of this deployment, its signature not looked at. Never shows itself."""

    key_id: str
    algorithm: Algorithm
    issued_at: int
    expires_at: int
    claim_token_hash: bytes
    signing_input: bytes
    signature: bytes

    def reveal(self) -> str:
        """The token itself: for the one mail or the one response that carries it."""
        return f"{self.signing_input.decode('ascii')}.{_encode(self.signature)}"

    def __repr__(self) -> str:
        return "<SignedToken>"

    __str__ = __repr__


# What a link may carry: both kinds open the same road.
LinkToken = ClaimToken | SignedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeOrder:
    """An envelope to be signed: with which key, and for how long."""

    key: KeyRecord
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Envelope:
    """A fresh secret and the bytes to be signed around it."""

    order: EnvelopeOrder
    claim_token_hash: bytes
    signing_input: bytes

    def close(self, signature: bytes) -> SignedToken:
        """The token, with the 64 bytes that the key's provider gave."""
        return SignedToken(
            key_id=self.order.key.key_id,
            algorithm=self.order.key.algorithm,
            issued_at=int(self.order.issued_at.timestamp()),
            expires_at=math.ceil(self.order.expires_at.timestamp()),
            claim_token_hash=self.claim_token_hash,
            signing_input=self.signing_input,
            signature=signature,
        )

    def __repr__(self) -> str:
        return "<Envelope>"


def choose_token(policy: Policy, signed: SignedToken | None) -> LinkToken:
    """The token of a new link: the one that was signed for it, or a fresh opaque one.

    Raises:
        KeyMissingError: policy asks for a signed one since a moment ago, and none was signed; try again.
    """
    if signed is None and policy.signs_links:
        raise KeyMissingError
    return signed or mint_claim_token()


def mint_envelope(order: EnvelopeOrder, public_url: str) -> Envelope:
    """An unsigned envelope around a new secret. It says nothing of who is invited, as what, or by whom."""
    secret = _encode(mint_secret_bytes())
    head = {"alg": order.key.algorithm.value, "kid": order.key.key_id, "typ": TYPE}
    claims = {
        "iss": public_url,
        "aud": public_url,
        "iat": int(order.issued_at.timestamp()),
        "exp": math.ceil(order.expires_at.timestamp()),
        "jti": secret,
        "scp": SCOPE,
    }
    signing_input = f"{_encode(_dump(head))}.{_encode(_dump(claims))}".encode("ascii")
    return Envelope(order=order, claim_token_hash=_hash(secret), signing_input=signing_input)


def parse_link_token(text: object, public_url: str) -> LinkToken:
    """Read what stands in a link, of either kind; whatever is not exactly one is refused, not repaired.

    Raises:
        ClaimRejectedError: it is neither (reason ``malformed``); no database was asked.
    """
    if isinstance(text, str) and text.startswith("eyJ"):
        return parse_signed_token(text, public_url)
    return parse_claim_token(text)


def parse_signed_token(text: object, public_url: str) -> SignedToken:
    """The strict shape of a signed token of this deployment; its key and signature are somebody else's step.

    Raises:
        ClaimRejectedError: anything else (reason ``malformed``), whatever it is.
    """
    try:
        return _read(text, public_url)
    except (ValueError, TypeError, KeyError):
        pass
    # Raised outside of the handler: what was tried is nobody's business.
    raise ClaimRejectedError(RejectReason.MALFORMED)


def find_fault(token: SignedToken, key: KeyRecord | None, now: datetime, schedule: KeySchedule) -> str | None:
    """Why *token* can't count at *now*, as a word for metrics; None when only its signature is left to check.

    The algorithm is the key's own; the header's must equal it and never chooses (RFC 8725, 3.1).
    """
    if key is None or key.purpose != Purpose.CLAIM or key.public_key is None:
        return "unknown_key"
    if key.algorithm is not token.algorithm:
        return "wrong_algorithm"
    issued_at = _moment(token.issued_at, now)
    if not key.verifies(now, issued_at=issued_at, leeway=schedule.leeway):
        return "key_refused"
    if issued_at > now + schedule.leeway:
        return "not_yet"
    if now >= _moment(token.expires_at, now) + schedule.leeway:
        return "expired"
    return None


def hide(claim_token_hash: bytes) -> bytes:
    """A hash that is nobody's, under which a token that can't count is looked up like any other."""
    return hashlib.sha256(b"refused\0" + claim_token_hash).digest()


def _read(text: object, public_url: str) -> SignedToken:
    if not isinstance(text, str) or len(text) > LENGTH_MAX or not _SHAPE.fullmatch(text):
        raise ValueError
    head_text, payload_text, signature_text = text.split(".")
    head, claims = load_object(decode_segment(head_text)), load_object(decode_segment(payload_text))
    signature, algorithm = decode_segment(signature_text), Algorithm(head["alg"])
    is_head = head.keys() == _HEADER and head["typ"] == TYPE and _matches(_KEY_ID, head["kid"])
    is_head = is_head and algorithm in _ALGORITHMS
    is_ours = claims.keys() == _CLAIMS and claims["scp"] == SCOPE
    if not is_head or not is_ours or claims["iss"] != public_url or claims["aud"] != public_url:
        raise ValueError
    secret, issued_at, expires_at = claims["jti"], claims["iat"], claims["exp"]
    if not _is_secret(secret) or not _is_time(issued_at) or not _is_time(expires_at):
        raise ValueError
    return SignedToken(
        key_id=head["kid"],
        algorithm=algorithm,
        issued_at=issued_at,
        expires_at=expires_at,
        claim_token_hash=_hash(secret),
        signing_input=f"{head_text}.{payload_text}".encode("ascii"),
        signature=signature,
    )


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < _TIME_MAX


def _is_secret(value: object) -> bool:
    return _matches(_SECRET, value) and len(decode_segment(str(value))) == 32


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _moment(seconds: int, now: datetime) -> datetime:
    return datetime.fromtimestamp(0, now.tzinfo) + timedelta(seconds=seconds)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

# SPDX-License-Identifier: Apache-2.0
"""Is a Vestibule link token probably valid? For an edge, without the database. Needs `cryptography` only.

It never lets anybody in. What it calls improbable can be turned away at once; everything else goes to the
service, whose record decides: a token may be revoked, spent or forged with a stolen key and still look fine.

    keys = KeyCache("https://invite.example.com/.well-known/jwks.json")
    verdict = Edge("https://invite.example.com", keys).check(token)
    if verdict != PROBABLE: answer 404
"""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.request
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PROBABLE = "probable"
# Everything else, for metrics alone: the answer to the outside is the same for all of them.
SHAPE, UNKNOWN_KEY, WRONG_ALGORITHM = "shape", "unknown_key", "wrong_algorithm"
NOT_YET, EXPIRED, FORGED = "not_yet", "expired", "forged"

_OPAQUE = re.compile(r"vst_[0-9A-Za-z]{49}", re.ASCII)
_SIGNED = re.compile(r"eyJ[A-Za-z0-9_-]{37,157}\.[A-Za-z0-9_-]{80,600}\.[A-Za-z0-9_-]{86}", re.ASCII)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HEADER = {"alg", "kid", "typ"}
_CLAIMS = {"iss", "aud", "iat", "exp", "jti", "scp"}
_TIME_MAX = 253_402_300_800

Key = tuple[str, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey]


class Keys(Protocol):
    def find(self, key_id: str) -> Key | None: ...


class Edge:
    """*issuer* is the service's PUBLIC_URL; *leeway* is for this machine's clock, in seconds."""

    def __init__(
        self, issuer: str, keys: Keys, *, leeway: int = 60, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._leeway = leeway
        self._clock = clock

    def check(self, token: object) -> str:
        """PROBABLE, or the class of what is wrong."""
        if not isinstance(token, str) or len(token) > 900:
            return SHAPE
        if token.startswith("vst_"):
            return PROBABLE if _is_opaque(token) else SHAPE
        try:
            head, claims, signature = self._read(token)
        except (ValueError, TypeError, KeyError, RecursionError):
            return SHAPE
        return self._judge(token, head, claims, signature)

    def _read(self, token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
        if not _SIGNED.fullmatch(token):
            raise ValueError
        head_text, claims_text, signature_text = token.split(".")
        head, claims = _load(head_text), _load(claims_text)
        is_head = set(head) == _HEADER and head["typ"] == "inv+jwt" and head["alg"] in ("Ed25519", "ES256")
        is_claims = set(claims) == _CLAIMS and claims["scp"] == "accept"
        is_ours = claims["iss"] == self._issuer and claims["aud"] == self._issuer
        is_named = re.fullmatch(r"[A-Za-z0-9_-]{8,64}", head["kid"], re.ASCII) is not None
        if not (is_head and is_claims and is_ours and is_named):
            raise ValueError
        if len(_decode(claims["jti"])) != 32 or not all(_is_time(claims[name]) for name in ("iat", "exp")):
            raise ValueError
        return head, claims, _decode(signature_text)

    def _judge(self, token: str, head: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
        found, now = self._keys.find(head["kid"]), self._clock()
        if found is None:
            return UNKNOWN_KEY
        algorithm, public = found
        if head["alg"] != algorithm:  # the key decides, the header never chooses (RFC 8725, 3.1)
            return WRONG_ALGORITHM
        if claims["iat"] > now + self._leeway:
            return NOT_YET
        if now >= claims["exp"] + self._leeway:
            return EXPIRED
        try:
            _verify(public, signature, token.rpartition(".")[0].encode())
        except InvalidSignature:
            return FORGED
        return PROBABLE


class KeyCache:
    """The service's public keys. At most one fetch in *cooldown* seconds, however many strangers invent ids;
    a failed fetch keeps the last good keys for a day. Rotation needs no refetch: keys are published ahead.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        max_age: float = 300,
        cooldown: float = 30,
        stale_for: float = 86_400,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_keys
        self._max_age, self._cooldown, self._stale_for = max_age, cooldown, stale_for
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._unknown: OrderedDict[str, float] = OrderedDict()

    def find(self, key_id: str) -> Key | None:
        now = self._clock()
        if now - self._fetched_at >= self._max_age:
            self._refresh(now)
        if now - self._fetched_at >= self._stale_for:
            return None
        if key_id not in self._keys and now - self._unknown.get(key_id, float("-inf")) >= self._max_age:
            self._refresh(now)
            if key_id not in self._keys:
                self._unknown[key_id] = now
                while len(self._unknown) > 128:
                    self._unknown.popitem(last=False)
        return self._keys.get(key_id)

    def _refresh(self, now: float) -> None:
        if now - self._tried_at < self._cooldown:
            return
        self._tried_at = now
        try:
            self._keys = parse_jwks(self._fetch(self._url))
        except (OSError, ValueError, TypeError, KeyError):
            return
        self._fetched_at = now
        self._unknown.clear()


def parse_jwks(data: bytes) -> dict[str, Key]:
    """Key id -> (algorithm, public key); keys for anything else are left aside."""
    if len(data) > 65_536:
        raise ValueError("more than 64 KiB")
    found: dict[str, Key] = {}
    for entry in json.loads(data)["keys"]:
        kind = (entry.get("kty"), entry.get("crv"), entry.get("alg"))
        if kind == ("OKP", "Ed25519", "Ed25519"):
            found[entry["kid"]] = (kind[2], ed25519.Ed25519PublicKey.from_public_bytes(_decode(entry["x"])))
        elif kind == ("EC", "P-256", "ES256"):
            point = b"\x04" + _decode(entry["x"]) + _decode(entry["y"])
            found[entry["kid"]] = (
                kind[2],
                ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point),
            )
    return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def fetch_keys(url: str) -> bytes:
    """The bytes at *url*, at most 64 KiB and one more; a redirect is an error."""
    if not url.startswith("https://"):
        raise ValueError("keys come over https")
    with urllib.request.build_opener(_NoRedirect).open(url, timeout=5) as answer:
        body: bytes = answer.read(65_537)
        return body


def _verify(public: object, signature: bytes, data: bytes) -> None:
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, data)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
    else:
        raise InvalidSignature


def _is_opaque(token: str) -> bool:
    if not _OPAQUE.fullmatch(token):
        return False
    number, digits = zlib.crc32(token[:-6].encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = _ALPHABET[rest] + digits
    return token[-6:] == digits


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < _TIME_MAX


def _load(part: str) -> dict[str, Any]:
    document = json.loads(_decode(part).decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(document, dict):
        raise TypeError
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member stands twice")
    return dict(pairs)


def _decode(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("another spelling")
    return data

# SPDX-License-Identifier: Apache-2.0
"""A host of our own for tests: real keys, and assertions that are right until a test bends them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://host.example"
AUDIENCE = "https://invite.example"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
T = int(NOW.timestamp())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def dump(value: object) -> str:
    return b64(json.dumps(value).encode())


class EdSigner:
    """An Ed25519 key of the host."""

    alg = "EdDSA"

    def __init__(self, kid: str = "ed-1") -> None:
        self.kid = kid
        self.private = Ed25519PrivateKey.generate()

    def public_jwk(self) -> dict[str, Any]:
        x = b64(self.private.public_key().public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x, "use": "sig"}

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)


class P256Signer:
    """A P-256 key of the host."""

    alg = "ES256"

    def __init__(self, kid: str = "p-1") -> None:
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())

    def public_jwk(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        x, y = b64(numbers.x.to_bytes(32, "big")), b64(numbers.y.to_bytes(32, "big"))
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "x": x, "y": y}

    def sign_der(self, data: bytes) -> bytes:
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self.sign_der(data))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


Signer = EdSigner | P256Signer


def jwks(*signers: Signer) -> bytes:
    return json.dumps({"keys": [signer.public_jwk() for signer in signers]}).encode()


def claims(**changes: object) -> dict[str, Any]:
    """Good claims with *changes*; a change to ``...`` leaves the claim out."""
    good: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": T - 10,
        "exp": T + 200,
        "sub": "user-7",
        "emails": [{"email": "v@acme.com", "verified": True}],
    }
    good.update(changes)
    return {name: value for name, value in good.items() if value is not ...}


def header(signer: Signer, **changes: object) -> dict[str, Any]:
    good: dict[str, Any] = {"alg": signer.alg, "kid": signer.kid, "typ": "vestibule-id+jwt"}
    good.update(changes)
    return {name: value for name, value in good.items() if value is not ...}


def seal(signer: Signer, head: str, payload: str) -> str:
    """A JWS over two segments as they are, well signed whatever they say."""
    return f"{head}.{payload}.{b64(signer.sign(f'{head}.{payload}'.encode()))}"


def assertion(signer: Signer, *, head: dict[str, Any] | None = None, **changes: object) -> str:
    return seal(signer, dump(head or header(signer)), dump(claims(**changes)))

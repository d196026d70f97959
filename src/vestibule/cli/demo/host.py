# SPDX-License-Identifier: Apache-2.0
"""The part of a host application in the script: it knows its people and signs who they are.

Its key is made for the run and never leaves this process; the service gets the public half in a file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vestibule.cli.demo.world import ISSUER

_KEY_ID = "demo"
_LIFETIME_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account at the host. *is_verified*: the host has proof of the address.

    *connection*, *amr* and *signed_in_ago* (seconds) say how the present session began, where that counts.
    """

    principal_id: str
    name: str
    email: str
    is_verified: bool = True
    connection: str | None = None
    amr: tuple[str, ...] = ()
    signed_in_ago: int = 0


class Host:
    """Signs host assertions (DESIGN.md section 5, callers b)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._key = Ed25519PrivateKey.generate()

    def write_key_set(self, path: Path) -> Path:
        """The public half, for ``VESTIBULE_ASSERTION_JWKS``."""
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key = {"kty": "OKP", "crv": "Ed25519", "kid": _KEY_ID, "x": _encode(public)}
        path.write_text(json.dumps({"keys": [key]}), encoding="utf-8")
        return path

    def vouch_for(self, person: Person, audience: str) -> str:
        """A fresh assertion of who *person* is, for one service."""
        now = int(self._clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + _LIFETIME_SECONDS,
            "sub": person.principal_id,
            "name": person.name,
            "emails": [{"email": person.email, "verified": person.is_verified}],
            "auth_time": now - person.signed_in_ago,
            "amr": list(person.amr),
        }
        if person.connection is not None:
            claims["connection"] = person.connection
        head = {"alg": "Ed25519", "kid": _KEY_ID, "typ": "vestibule-id+jwt"}
        signed = f"{_encode(_dump(head))}.{_encode(_dump(claims))}"
        return f"{signed}.{_encode(self._key.sign(signed.encode('ascii')))}"


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")

# SPDX-License-Identifier: Apache-2.0
"""Who may report leaks: a secret-scanning partner, by its signature over the raw body (DEL-09).

GitHub's partner programme signs with ECDSA over P-256 and SHA-256, and publishes its public keys as a list of
``key_identifier`` and PEM ``key``; others have taken over the shape.
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from vestibule.core.strict import load_object
from vestibule.errors import ConfigurationError, NotAuthenticatedError
from vestibule.identity.jwks import KeySet, KeySource, PublicKey

SETTING = "VESTIBULE_LEAK_KEYS"
SIGNATURE_MAX = 200
_REMEDY = "Give the partner's list of public keys: its https address, or a file with the same JSON"


class SignedReports:
    """Implements ``ports.LeakReporters`` over a partner's keys."""

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys

    def check(self, key_id: str, signature: str, body: bytes) -> None:
        key = self._keys.find(key_id) if key_id else None
        try:
            if key is None or len(signature) > SIGNATURE_MAX:
                raise InvalidSignature  # noqa: TRY301 - one answer to all of them
            r, s = decode_dss_signature(base64.b64decode(signature, validate=True))
            key.check(r.to_bytes(32, "big") + s.to_bytes(32, "big"), body)
        except (InvalidSignature, ValueError, OverflowError):
            is_signed = False
        else:
            is_signed = True
        if not is_signed:
            raise NotAuthenticatedError


def parse_leak_keys(data: bytes) -> KeySet:
    """A partner's published list of keys; keys of other kinds are left aside.

    Raises:
        ConfigurationError: it is no such list, or has no usable key.
    """
    try:
        entries = load_object(data)["public_keys"]
        keys = tuple(key for entry in entries if (key := _parse(entry)) is not None)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigurationError(SETTING, "is no list of public keys", _REMEDY) from None
    if not keys or len({key.kid for key in keys}) != len(keys):
        raise ConfigurationError(SETTING, "has no P-256 key, or two of the same name", _REMEDY)
    return KeySet(keys)


def _parse(entry: dict[str, str]) -> PublicKey | None:
    name, public = entry["key_identifier"], load_pem_public_key(entry["key"].encode())
    if not 0 < len(name) <= 255:
        raise ValueError("a key's name")
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        return None

    def verify(signature: bytes, data: bytes) -> None:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))

    return PublicKey(kid=name, algorithms=frozenset({"ES256"}), raw_verify=verify)

# SPDX-License-Identifier: Apache-2.0
"""What a signature must be before it leaves the building: 64 bytes, and right for the published key."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vestibule.core.keys import Algorithm, KeyRecord

_HALF = 32
_RSA_BITS_MIN = 2048


def raw_signature(der: bytes) -> bytes:
    """ECDSA's ``r || s``, 32 bytes each, as JWS and this project want it.

    Raises:
        ValueError: it is no DER signature of P-256.
    """
    r, s = decode_dss_signature(der)
    if r < 1 or s < 1 or max(r, s).bit_length() > 8 * _HALF:
        raise ValueError("no signature of P-256")
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def is_public_key(algorithm: Algorithm, public_key: bytes | None) -> bool:
    """Is this DER a public key of *algorithm*; for a secret, is there none?"""
    if algorithm is Algorithm.SECRET or public_key is None:
        return algorithm is Algorithm.SECRET and public_key is None
    key = _load(public_key)
    if algorithm is Algorithm.ED25519:
        return isinstance(key, ed25519.Ed25519PublicKey)
    if algorithm is Algorithm.ES256:
        return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS_MIN


def is_signature(public_key: bytes | None, data: bytes, signature: bytes) -> bool:
    """Does *signature*, 64 bytes, verify under *public_key*?"""
    key = _load(public_key)
    if len(signature) != 2 * _HALF:
        return False
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def verify(key: KeyRecord, data: bytes, signature: bytes) -> bool:
    """``ports.Signatures``: did the private half of *key* sign *data*, by the algorithm of its record?"""
    if not is_public_key(key.algorithm, key.public_key):
        return False
    return is_signature(key.public_key, data, signature)


def is_blindable(public_key: bytes | None, blinded: bytes) -> bool:
    """Is *blinded* as long as the modulus, and below it (RFC 9474, 4.3)?"""
    key = _load(public_key)
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    modulus = key.public_numbers().n
    return len(blinded) == (key.key_size + 7) // 8 and int.from_bytes(blinded, "big") < modulus


def is_blind_signature(public_key: bytes | None, blinded: bytes, signature: bytes) -> bool:
    """``s^e = m (mod n)``: also what keeps a faulty computation from giving the key away."""
    key = _load(public_key)
    if not isinstance(key, rsa.RSAPublicKey) or len(signature) != len(blinded):
        return False
    numbers = key.public_numbers()
    value = int.from_bytes(signature, "big")
    return value < numbers.n and pow(value, numbers.e, numbers.n) == int.from_bytes(blinded, "big")


@lru_cache(maxsize=256)
def _load(public_key: bytes | None) -> PublicKeyTypes | None:
    try:
        return None if public_key is None else load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        return None

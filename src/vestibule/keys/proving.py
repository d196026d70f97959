# SPDX-License-Identifier: Apache-2.0
"""Whether a private half is there and is its record's: used once, the result checked with the public half."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.errors import KeyProviderError
from vestibule.ports import KeyProvider

# What is signed to try a key; it begins like nothing that this project signs or reads.
_PROBE = b"vestibule-key-check\x00"
_SECRET_BYTES = 32
_SIGNATURE_BYTES = 64
_HALF = 32
_BLINDED = 2


def prove_key(provider: KeyProvider, key: KeyRecord) -> None:
    """Return if *provider* holds the private half of *key* and uses it rightly.

    Raises:
        KeyProviderError: it does not.
    """
    if key.provider != provider.scheme:
        raise KeyProviderError(f"key {key.key_id} is with another provider ({key.provider})")
    if key.algorithm is Algorithm.SECRET:
        is_right = len(provider.open_secret(key)) == _SECRET_BYTES
    elif key.algorithm is Algorithm.RSABSSA:
        is_right = _proves_blindly(provider, key)
    else:
        is_right = _verifies(key, provider.sign(key, _PROBE))
    if not is_right:
        raise KeyProviderError(f"what the provider holds for key {key.key_id} is another key")


def _verifies(key: KeyRecord, signature: bytes) -> bool:
    try:
        public = load_der_public_key(key.public_key or b"")
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, _PROBE)
        elif isinstance(public, ec.EllipticCurvePublicKey) and len(signature) == _SIGNATURE_BYTES:
            r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
            public.verify(encode_dss_signature(r, s), _PROBE, ec.ECDSA(SHA256()))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _proves_blindly(provider: KeyProvider, key: KeyRecord) -> bool:
    public = load_der_public_key(key.public_key or b"")
    if not isinstance(public, rsa.RSAPublicKey):
        return False
    numbers = public.public_numbers()
    signed = provider.blind_sign(key, _BLINDED.to_bytes(public.key_size // 8, "big"))
    return pow(int.from_bytes(signed, "big"), numbers.e, numbers.n) == _BLINDED

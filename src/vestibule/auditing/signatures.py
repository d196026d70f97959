# SPDX-License-Identifier: Apache-2.0
"""The one place of the verifier that needs cryptography: is this the key's signature?"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vestibule.core.log.note import NoteKey, SignatureType


def verify_signature(key: NoteKey, message: bytes, signature: bytes) -> bool:
    """Implements ``core.log.note.Verify``."""
    try:
        if key.type is SignatureType.ECDSA:
            public = load_der_public_key(key.public_key)
            if not isinstance(public, ec.EllipticCurvePublicKey):
                return False
            public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        else:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True

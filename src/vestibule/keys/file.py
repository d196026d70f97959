# SPDX-License-Identifier: Apache-2.0
"""The encrypted key store: a directory, one file a key, AES-256-GCM under one master key (CRYPTO.md 2.3).

A file is bound to its key's id, purpose and algorithm, so it can't be renamed into another's place. Written
by create, fsync, rename; read only when nobody else on the machine can read it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.core.token import mint_nonce, mint_secret_bytes
from vestibule.errors import KeyProviderError
from vestibule.keys.blinding import EXPONENT, KEY_BITS, sign_blindly
from vestibule.keys.master import MasterKey, unlock_store
from vestibule.keys.sheets import FORMAT, is_open, read_sheet, write_sheet
from vestibule.keys.signatures import raw_signature
from vestibule.ports import ProvidedKey

_NONCE_BYTES = 12


class FileProvider:
    """Implements ``ports.KeyProvider`` over one directory."""

    scheme = "file"
    signing = Algorithm.ED25519
    algorithms = frozenset({Algorithm.ED25519, Algorithm.ES256, Algorithm.RSABSSA, Algorithm.SECRET})

    def __init__(self, directory: Path, master: MasterKey) -> None:
        self._directory = directory
        self._cipher = unlock_store(directory, master)

    def __repr__(self) -> str:
        return "<FileProvider>"

    def create(self, key_id: str, purpose: str, algorithm: Algorithm) -> ProvidedKey:
        private = _MAKERS[algorithm]()
        if isinstance(private, bytes):
            plain, public = private, None
        else:
            plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        nonce = mint_nonce()
        bound = _bind(key_id, purpose, algorithm)
        sealed = nonce + self._cipher.encrypt(nonce, plain, bound)
        try:
            write_sheet(self._path(key_id), {"sealed": base64.b64encode(sealed).decode()})
        except OSError as error:
            raise KeyProviderError(f"the key store can't be written ({type(error).__name__})") from None
        return ProvidedKey(reference=key_id, public_key=public)

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        private = self._load(key)
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign(data)
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return raw_signature(private.sign(data, ec.ECDSA(SHA256())))
        raise KeyProviderError(f"key {key.key_id} can't sign")

    def hold(self, key: KeyRecord) -> Callable[[bytes], bytes]:
        """The private half in this process's memory, as what signs notes with it: P-256 in ASN.1.

        Raises:
            KeyProviderError: it can't be opened, or does not sign.
        """
        private = self._load(key)
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return lambda data: private.sign(data, ec.ECDSA(SHA256()))
        raise KeyProviderError(f"key {key.key_id} can't sign")

    def open_secret(self, key: KeyRecord) -> bytes:
        return self._open(key)

    def blind_sign(self, key: KeyRecord, blinded: bytes) -> bytes:
        private = self._load(key)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise KeyProviderError(f"key {key.key_id} can't sign blindly")
        try:
            return sign_blindly(private, blinded)
        except ValueError as error:
            raise KeyProviderError(f"key {key.key_id}: {error}") from None

    def destroy(self, key: KeyRecord) -> None:
        self._path(key.reference).unlink(missing_ok=True)

    def examine(self) -> Sequence[str]:
        found = [self._directory, *sorted(self._directory.glob("*.json"))]
        return [f"{path.name} can be read by others on this machine" for path in found if is_open(path)]

    def _load(self, key: KeyRecord) -> PrivateKeyTypes:
        # The file is sealed and was right when it was made: RSA primes are not tested again each time.
        return load_der_private_key(self._open(key), None, unsafe_skip_rsa_key_validation=True)

    def _open(self, key: KeyRecord) -> bytes:
        path = self._path(key.reference)
        try:
            if is_open(path):
                raise KeyProviderError(f"the file of key {key.key_id} can be read by others")
            sealed = base64.b64decode(read_sheet(path)["sealed"], validate=True)
            bound = _bind(key.key_id, key.purpose, key.algorithm)
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
        except (OSError, ValueError, KeyError, TypeError, InvalidTag):
            fault = f"the file of key {key.key_id} is missing, damaged or another key's"
        # Raised outside of the handler: what was tried is nobody's business.
        raise KeyProviderError(fault)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def _bind(key_id: str, purpose: str, algorithm: Algorithm) -> bytes:
    return "\0".join(("vestibule-key", str(FORMAT), key_id, purpose, algorithm)).encode()


_MAKERS: dict[Algorithm, Callable[[], PrivateKeyTypes | bytes]] = {
    Algorithm.ED25519: ed25519.Ed25519PrivateKey.generate,
    Algorithm.ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
    Algorithm.RSABSSA: lambda: rsa.generate_private_key(EXPONENT, KEY_BITS),
    Algorithm.SECRET: mint_secret_bytes,
}

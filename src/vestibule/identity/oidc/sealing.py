# SPDX-License-Identifier: Apache-2.0
"""Client secrets at rest: AES-256-GCM under ``VESTIBULE_CONNECTION_KEY``, each bound to its connection."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vestibule.core.connection import Connection
from vestibule.core.token import mint_nonce
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError

SETTING = "VESTIBULE_CONNECTION_KEY"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class SecretSealer:
    """Implements ``ports.Sealer``. Without a key nothing can be sealed or opened."""

    def __init__(self, key: bytes | None, *, allows_loopback: bool) -> None:
        self._cipher = None if key is None else AESGCM(key)
        self._allows_loopback = allows_loopback

    def __repr__(self) -> str:
        return "<SecretSealer>"

    @property
    def allows_loopback(self) -> bool:
        return self._allows_loopback

    def seal(self, connection_id: str, secret: str) -> bytes:
        if self._cipher is None:
            told = f"This deployment can't keep secrets yet: its operator sets {SETTING} first."
            raise InvalidRequestError(FieldFault("/client_secret", told))
        nonce = mint_nonce()
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret.encode(), connection_id.encode())

    def open(self, connection: Connection) -> str | None:
        """The client secret of *connection*, or None when it has none.

        Raises:
            ConfigurationError: there is no key, or it is not the one that sealed this secret.
        """
        sealed = connection.sealed_secret
        if sealed is None:
            return None
        if self._cipher is None:
            raise ConfigurationError(
                SETTING, "is not set although connections have secrets", "Give the key that sealed them"
            )
        body = sealed[len(_VERSION) :]
        try:
            plain = self._cipher.decrypt(
                body[:_NONCE_BYTES], body[_NONCE_BYTES:], connection.connection_id.encode()
            )
        except InvalidTag:
            plain = None
        if plain is None or not sealed.startswith(_VERSION):
            # Raised outside of the handler: what was tried is nobody's business.
            raise ConfigurationError(
                SETTING,
                f"is not the key that sealed the secret of connection {connection.connection_id}",
                "Give that key, or put the connection again with its secret",
            )
        return plain.decode()


def parse_key(text: str) -> bytes | None:
    """The key of a setting; None for an empty one.

    Raises:
        ConfigurationError: it is not 32 bytes in base64.
    """
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(
            SETTING, "is not 32 bytes in base64", "Make one with: openssl rand -base64 32"
        )
    return key

# SPDX-License-Identifier: Apache-2.0
"""Client secrets at rest: AES-256-GCM under the ring's ``connection`` key, each bound to its connection.

The key's id stands in front of the ciphertext, so that what an older key has sealed still opens with it.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vestibule.core.connection import Connection
from vestibule.core.keys import KeyRecord
from vestibule.core.token import mint_nonce
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError
from vestibule.ports import KeyProvider

SETTING = "VESTIBULE_KEYRING"
_NONCE_BYTES = 12
_VERSION = b"\x01"


class SecretSealer:
    """Implements ``ports.Sealer``. Without a key ring nothing can be sealed or opened.

    *find_key* gives the record of a key's id. Keys are opened once and kept in memory.
    """

    def __init__(
        self,
        provider: KeyProvider | None,
        find_key: Callable[[str], KeyRecord | None],
        *,
        allows_loopback: bool,
    ) -> None:
        self._provider = provider
        self._find_key = find_key
        self._allows_loopback = allows_loopback
        self._ciphers: dict[str, AESGCM] = {}

    def __repr__(self) -> str:
        return "<SecretSealer>"

    @property
    def allows_loopback(self) -> bool:
        return self._allows_loopback

    def seal(self, key: KeyRecord | None, connection_id: str, secret: str) -> bytes:
        cipher = None if key is None else self._load(key)
        if key is None or cipher is None:
            told = "This deployment can't keep secrets yet: its operator runs `vestibule keys create` first."
            raise InvalidRequestError(FieldFault("/client_secret", told))
        head = _VERSION + bytes([len(key.key_id)]) + key.key_id.encode()
        nonce = mint_nonce()
        return head + nonce + cipher.encrypt(nonce, secret.encode(), head + connection_id.encode())

    def open(self, connection: Connection) -> str | None:
        """The client secret of *connection*, or None when it has none. May wait for the key provider.

        Raises:
            ConfigurationError: there is no key ring, or not the one that sealed this secret.
            KeyProviderError: the provider can't open the key now.
        """
        sealed = connection.sealed_secret
        if sealed is None:
            return None
        head, body = _split(sealed)
        cipher = self._find(head[2:].decode("ascii", "replace"))
        plain = None
        if cipher is not None and head.startswith(_VERSION):
            bound = head + connection.connection_id.encode()
            try:
                plain = cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], bound)
            except (InvalidTag, ValueError):
                plain = None
        if plain is None:
            # Raised outside of the handler: what was tried is nobody's business.
            raise ConfigurationError(
                SETTING,
                f"has not the key that sealed the secret of connection {connection.connection_id}",
                "Name the key ring that has it, or put the connection again with its secret",
            )
        return plain.decode()

    def warm(self, key: KeyRecord) -> None:
        """The key is in memory afterwards.

        Raises:
            KeyProviderError: the provider can't open it now.
        """
        self._load(key)

    def _find(self, key_id: str) -> AESGCM | None:
        known = self._ciphers.get(key_id)
        if known is not None:
            return known
        key = self._find_key(key_id)
        return None if key is None else self._load(key)

    def _load(self, key: KeyRecord) -> AESGCM | None:
        known = self._ciphers.get(key.key_id)
        if known is None and self._provider is not None:
            known = self._ciphers[key.key_id] = AESGCM(self._provider.open_secret(key))
        return known


def sealing_key_id(sealed: bytes) -> str:
    """The id of the key that has sealed it."""
    return _split(sealed)[0][2:].decode("ascii", "replace")


def _split(sealed: bytes) -> tuple[bytes, bytes]:
    end = 2 + (sealed[1] if len(sealed) > 1 else 0)
    return sealed[:end], sealed[end:]

# SPDX-License-Identifier: Apache-2.0
"""Addresses and personal texts under the key ring (CRYPTO.md 2.4): one data key to an address and tenant,
wrapped by the ring's ``kek``; indices by its ``blind-index``.

What is sealed is bound to tenant, row and column, so that none of them can be swapped unseen.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vestibule.core.privacy import EVERYWHERE, blind_digest, derive_index_key, index_address, index_domain
from vestibule.core.token import mint_nonce, mint_secret_bytes
from vestibule.errors import KeyProviderError
from vestibule.ports.privacy import Subject

_VERSION = b"\x01"
_NONCE_BYTES = 12
_ADDRESS = "address"
_KEY = "key"
_INDEX_KEYS_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kek:
    """A key that wraps others, opened."""

    key_id: str
    secret: bytes = field(repr=False)


class KeySealer:
    """Implements ``ports.AddressSealer``.

    *find_kek* gives a key by its id, or with None the one that wraps now; it is asked for each id once,
    and every *fresh_for* seconds for the one that wraps.
    """

    def __init__(
        self, index_root: bytes, find_kek: Callable[[str | None], Kek], *, fresh_for: float = 30
    ) -> None:
        self._root = index_root
        self._find_kek = find_kek
        self._fresh_for = fresh_for
        self._index_keys: dict[str, bytes] = {}
        self._ciphers: dict[str, AESGCM] = {}
        self._active = ""
        self._asked_at = float("-inf")

    def __repr__(self) -> str:
        return "<KeySealer>"

    def index(self, scope: str, address: str) -> str:
        return index_address(self._index_key(scope), address)

    def index_domain(self, scope: str, domain: str) -> str:
        return index_domain(self._index_key(scope), domain)

    def blind(self, digest: bytes) -> bytes:
        return blind_digest(self._index_key(EVERYWHERE), digest)

    def kek_id(self) -> str:
        if time.monotonic() - self._asked_at > self._fresh_for:
            found = self._find_kek(None)
            self._ciphers[found.key_id] = AESGCM(found.secret)
            self._active, self._asked_at = found.key_id, time.monotonic()
        return self._active

    def make_subject(self, scope: str, address: str) -> Subject:
        key = mint_secret_bytes()
        subject = self.index(scope, address)
        return Subject(
            scope=scope,
            subject=subject,
            kek_id=(kek_id := self.kek_id()),
            wrapped_key=_text(_seal(self._cipher(kek_id), key, _bind(scope, subject, _KEY))),
            sealed=_text(_seal(AESGCM(key), address.encode(), _bind(scope, subject, _ADDRESS))),
        )

    def open_address(self, subject: Subject) -> str:
        sealed = base64.b64decode(subject.sealed)
        opened = _open(
            self._data_cipher(subject), sealed, _bind(subject.scope, subject.subject, _ADDRESS)
        ).decode()
        if self.index(subject.scope, opened) != subject.subject:
            raise KeyProviderError("a sealed address stands in another's place")
        return opened

    def seal_text(self, subject: Subject, place: str, text: str) -> bytes:
        return _seal(self._data_cipher(subject), text.encode(), _bind(subject.scope, place))

    def open_text(self, subject: Subject, place: str, sealed: bytes) -> str:
        return _open(self._data_cipher(subject), sealed, _bind(subject.scope, place)).decode()

    def rewrap(self, subject: Subject) -> Subject:
        key = self._unwrap(subject)
        kek_id = self.kek_id()
        bound = _bind(subject.scope, subject.subject, _KEY)
        return replace(subject, kek_id=kek_id, wrapped_key=_text(_seal(self._cipher(kek_id), key, bound)))

    def _index_key(self, scope: str) -> bytes:
        found = self._index_keys.get(scope)
        if found is None:
            if len(self._index_keys) >= _INDEX_KEYS_MAX:
                self._index_keys.clear()
            found = self._index_keys[scope] = derive_index_key(self._root, scope)
        return found

    def _data_cipher(self, subject: Subject) -> AESGCM:
        return AESGCM(self._unwrap(subject))

    def _unwrap(self, subject: Subject) -> bytes:
        wrapped = base64.b64decode(subject.wrapped_key)
        return _open(self._cipher(subject.kek_id), wrapped, _bind(subject.scope, subject.subject, _KEY))

    def _cipher(self, kek_id: str) -> AESGCM:
        found = self._ciphers.get(kek_id)
        if found is None:
            found = self._ciphers[kek_id] = AESGCM(self._find_kek(kek_id).secret)
        return found


def _bind(*parts: str) -> bytes:
    return b"\0".join([b"vestibule1", *(part.encode() for part in parts)])


def _seal(cipher: AESGCM, plain: bytes, bound: bytes) -> bytes:
    nonce = mint_nonce()
    return _VERSION + nonce + cipher.encrypt(nonce, plain, bound)


def _open(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    plain: bytes | None = None
    with suppress(InvalidTag, ValueError):
        if sealed.startswith(_VERSION):
            plain = cipher.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], bound)
    # Raised outside of the handler: what was tried is nobody's business.
    if plain is None:
        raise KeyProviderError("personal data is damaged, or stands in another's place")
    return plain


def _text(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode()

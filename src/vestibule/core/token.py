# SPDX-License-Identifier: Apache-2.0
"""The claim token: proof of holding a link, and nothing else (TOK-01, TOK-02).

``vst_`` + 256 bits in base62 (43 characters) + CRC32 of what stands before it (6 characters), 53 in all
(CRYPTO.md 1.2). The CRC makes typing errors and scanner noise cheap; it is not security. Only SHA-256 of
the whole string is ever stored. This module holds the only randomness of the project's core.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
import zlib
from dataclasses import dataclass

from vestibule.errors import ClaimRejectedError, RejectReason

PREFIX = "vst_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY_LENGTH = 43
_CRC_LENGTH = 6
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_BODY_LENGTH + _CRC_LENGTH}}}")
TOKEN_LENGTH = len(PREFIX) + _BODY_LENGTH + _CRC_LENGTH


@dataclass(frozen=True, slots=True, repr=False)
class ClaimToken:
    """A well-formed claim token. ``repr`` and ``str`` never show it; ``reveal()`` does, audibly."""

    _text: str

    @property
    def claim_token_hash(self) -> bytes:
        """SHA-256 of the whole token: the only form that is stored, 32 bytes."""
        return hashlib.sha256(self._text.encode("ascii")).digest()

    def reveal(self) -> str:
        """The secret itself: for the one mail or the one response that carries it."""
        return self._text

    def __repr__(self) -> str:
        return "<ClaimToken>"

    __str__ = __repr__


def mint_claim_token() -> ClaimToken:
    """A fresh token with 256 bits from the operating system."""
    head = PREFIX + _base62(int.from_bytes(secrets.token_bytes(32), "big"), _BODY_LENGTH)
    return ClaimToken(head + _checksum(head))


def parse_claim_token(text: object) -> ClaimToken:
    """Read a token out of a link; whatever is not exactly one is refused, not repaired.

    Raises:
        ClaimRejectedError: wrong length, prefix, alphabet or checksum (reason ``malformed``).
    """
    if not isinstance(text, str) or len(text) != TOKEN_LENGTH or not _SHAPE.fullmatch(text):
        raise ClaimRejectedError(RejectReason.MALFORMED)
    head = text[:-_CRC_LENGTH]
    if _checksum(head) != text[-_CRC_LENGTH:]:
        raise ClaimRejectedError(RejectReason.MALFORMED)
    return ClaimToken(text)


def mint_id() -> str:
    """An unguessable identifier (UUID version 4, RFC 9562)."""
    return str(uuid.uuid4())


def mint_secret(prefix: str) -> str:
    """A secret of 256 bits, URL-safe: for sessions, keys and link cookies."""
    return prefix + secrets.token_urlsafe(32)


def mint_nonce() -> bytes:
    """96 bits for one sealing with AES-GCM."""
    return secrets.token_bytes(12)


def mint_secret_bytes() -> bytes:
    """256 bits: a key, a salt."""
    return secrets.token_bytes(32)


def mint_below(limit: int) -> int:
    """A number from 1 to *limit* - 1, each as likely as any other."""
    return 1 + secrets.randbelow(limit - 1)


def mint_challenge() -> str:
    """What a domain's record must say: 128 bits, public once it is published, and nobody else's."""
    return secrets.token_hex(16)


def mint_code() -> str:
    """An eight-digit code for an address (ASVS 6.5: at least 20 bits, ten minutes, few tries)."""
    return f"{secrets.randbelow(10**8):08d}"


def digest(secret: str) -> bytes:
    """SHA-256, the only form in which a 256-bit secret is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _base62(number: int, width: int) -> str:
    digits: list[str] = []
    while number:
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits)).rjust(width, "0")


def _checksum(head: str) -> str:
    return _base62(zlib.crc32(head.encode("ascii")), _CRC_LENGTH)

# SPDX-License-Identifier: Apache-2.0
"""RSA blind signatures, RFC 9474: RSABSSA-SHA384-PSS-Randomized, without the signer (TOK-07).

The client's part (prepare, blind, finalise) and the verifier's. All randomness is given, so that the RFC's
vectors say the same here as anywhere. The signer's part is with the private key (``keys/blinding.py``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import gcd

HASH_BYTES = 48
SALT_BYTES = 48
PREFIX_BYTES = 32
_TRAILER = b"\xbc"
# rsaEncryption (1.2.840.113549.1.1.1) with NULL, as every SubjectPublicKeyInfo of an RSA key begins.
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
_SEQUENCE, _BITS, _INTEGER = 0x30, 0x03, 0x02


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """A modulus and an exponent."""

    n: int
    e: int

    @property
    def size(self) -> int:
        """Bytes of a signature."""
        return (self.n.bit_length() + 7) // 8


def read_public_key(spki: bytes) -> RsaPublicKey:
    """The RSA key in a DER SubjectPublicKeyInfo.

    Raises:
        ValueError: it is anything else.
    """
    info, rest = _read_value(spki, _SEQUENCE)
    if rest or not info.startswith(_RSA):
        raise ValueError("not the DER of one RSA public key")
    bits, rest = _read_value(info[len(_RSA) :], _BITS)
    if rest or not bits.startswith(b"\0"):
        raise ValueError("not the DER of one RSA public key")
    numbers, rest = _read_value(bits[1:], _SEQUENCE)
    n, more = _read_value(numbers, _INTEGER)
    e, end = _read_value(more, _INTEGER)
    if rest or end:
        raise ValueError("not the DER of one RSA public key")
    return RsaPublicKey(int.from_bytes(n, "big"), int.from_bytes(e, "big"))


def prepare(message: bytes, prefix: bytes) -> bytes:
    """RFC 9474, 4.1, randomised: *prefix* is fresh for each message."""
    return prefix + message


def blind(key: RsaPublicKey, prepared: bytes, *, salt: bytes, inverse: int) -> bytes:
    """What the signer sees (RFC 9474, 4.2); *inverse* is that of the blinding factor, 1 to n - 1.

    Raises:
        ValueError: no inverse modulo n, or the one message in 2^1500 that shares a factor with it.
    """
    m = int.from_bytes(encode(prepared, key.n.bit_length() - 1, salt), "big")
    if gcd(m, key.n) != 1:
        raise ValueError("invalid input")
    factor = pow(inverse, -1, key.n)
    return (m * pow(factor, key.e, key.n) % key.n).to_bytes(key.size, "big")


def finalise(key: RsaPublicKey, prepared: bytes, blind_signature: bytes, *, inverse: int) -> bytes:
    """The signature of the prepared message (RFC 9474, 4.4), verified.

    Raises:
        ValueError: the signer answered something else.
    """
    if len(blind_signature) != key.size:
        raise ValueError("unexpected input size")
    signature = (int.from_bytes(blind_signature, "big") * inverse % key.n).to_bytes(key.size, "big")
    if not is_valid(key, prepared, signature):
        raise ValueError("invalid signature")
    return signature


def is_valid(key: RsaPublicKey, prepared: bytes, signature: bytes, *, salt_bytes: int = SALT_BYTES) -> bool:
    """RSASSA-PSS-VERIFY (RFC 8017, 8.1.2) with SHA-384, MGF1 of it, and a salt of exactly *salt_bytes*."""
    s = int.from_bytes(signature, "big")
    if len(signature) != key.size or s >= key.n:
        return False
    bits = key.n.bit_length() - 1
    length = (bits + 7) // 8
    m = pow(s, key.e, key.n)
    if m.bit_length() > 8 * length:
        return False
    return _is_encoding(prepared, m.to_bytes(length, "big"), bits, salt_bytes)


def encode(message: bytes, bits: int, salt: bytes) -> bytes:
    """EMSA-PSS-ENCODE (RFC 8017, 9.1.1)."""
    length = (bits + 7) // 8
    if length < HASH_BYTES + len(salt) + 2:
        raise ValueError("encoding error")
    hashed = _hash_salted(message, salt)
    padded = bytes(length - len(salt) - HASH_BYTES - 2) + b"\x01" + salt
    masked = bytearray(_xor(padded, _mask(hashed, len(padded))))
    masked[0] &= 0xFF >> (8 * length - bits)
    return bytes(masked) + hashed + _TRAILER


def _is_encoding(message: bytes, encoded: bytes, bits: int, salt_bytes: int) -> bool:
    """EMSA-PSS-VERIFY (RFC 8017, 9.1.2)."""
    length = len(encoded)
    if length < HASH_BYTES + salt_bytes + 2 or encoded[-1:] != _TRAILER:
        return False
    masked, hashed = encoded[: length - HASH_BYTES - 1], encoded[length - HASH_BYTES - 1 : -1]
    keep = 0xFF >> (8 * length - bits)
    if masked[0] & ~keep:
        return False
    padded = bytearray(_xor(masked, _mask(hashed, len(masked))))
    padded[0] &= keep
    start = length - HASH_BYTES - salt_bytes - 2
    if any(padded[:start]) or padded[start] != 1:
        return False
    return hashed == _hash_salted(message, bytes(padded[start + 1 :]))


def _hash_salted(message: bytes, salt: bytes) -> bytes:
    return hashlib.sha384(bytes(8) + hashlib.sha384(message).digest() + salt).digest()


def _mask(seed: bytes, length: int) -> bytes:
    """MGF1 (RFC 8017, B.2.1)."""
    blocks = (length + HASH_BYTES - 1) // HASH_BYTES
    made = b"".join(hashlib.sha384(seed + count.to_bytes(4, "big")).digest() for count in range(blocks))
    return made[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _read_value(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first value in *der*, which has *tag*, and what follows it."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("not the DER of one RSA public key")
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length:
        raise ValueError("not the DER of one RSA public key")
    return der[start : start + length], der[start + length :]

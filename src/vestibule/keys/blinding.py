# SPDX-License-Identifier: Apache-2.0
"""BlindSign of RFC 9474, 4.3, with a private key in memory.

Python's ``pow`` takes a time that depends on its numbers, and the caller chooses the message: so each
exponentiation is of a message blinded once more, by a factor that only this process knows. The result is
checked before it is given out: one faulty half of the Chinese remainder would factor the key (RFC 9474, 7.1).
"""

from __future__ import annotations

from math import gcd

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from vestibule.core.token import mint_below

KEY_BITS = 3072
EXPONENT = 65_537


def sign_blindly(private: RSAPrivateKey, blinded: bytes) -> bytes:
    """The blind signature of *blinded*.

    Raises:
        ValueError: the message is not one of this key's, or the signature came out wrong.
    """
    numbers = private.private_numbers()
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    size, m = (n.bit_length() + 7) // 8, int.from_bytes(blinded, "big")
    if len(blinded) != size or m >= n:
        raise ValueError("unexpected input size")
    factor = mint_below(n)
    while gcd(factor, n) != 1:
        factor = mint_below(n)
    hidden = m * pow(factor, e, n) % n
    s1 = pow(hidden % numbers.p, numbers.dmp1, numbers.p)
    s2 = pow(hidden % numbers.q, numbers.dmq1, numbers.q)
    s = (s2 + numbers.q * ((s1 - s2) * numbers.iqmp % numbers.p)) * pow(factor, -1, n) % n
    if pow(s, e, n) != m:
        raise ValueError("signing failure")
    return s.to_bytes(size, "big")

# SPDX-License-Identifier: Apache-2.0
"""Passwords and one-time codes of local accounts: argon2id (RFC 9106), stored only as hashes.

A look-up that found nothing costs what a real comparison costs, so time does not tell whether an account
exists (N03). What a password must be follows NIST SP 800-63B: length, not composition.
"""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from vestibule.core.email import EmailAddress
from vestibule.errors import FieldFault, InvalidRequestError

PASSWORD_MIN = 12
PASSWORD_MAX = 128
_DISTINCT_MIN = 5
# The worst twelve and more that pass the length rule, compared without case.
_WORST = frozenset(
    [
        "123456789012",
        "1234567890123",
        "1q2w3e4r5t6y",
        "abcdefghijkl",
        "adminadminadmin",
        "administrator",
        "changemenow1",
        "correcthorsebatterystaple",
        "iloveyou1234",
        "letmeinletmein",
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "qwerty123456",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdfghjkl",
        "trustno1trustno1",
        "welcome12345",
        "welcomewelcome",
    ]
)
# RFC 9106 section 4, second recommendation: 64 MiB, three passes.
_PASSWORDS = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
# A code lives for minutes and falls after five wrong tries; the hash has to outlast only a stolen backup.
_CODES = PasswordHasher(time_cost=2, memory_cost=8 * 1024, parallelism=1)
# 64 MiB each: a flood of sign-ins waits in line rather than filling the machine's memory.
_SLOTS = threading.BoundedSemaphore(4)


def check_password_strength(text: str, *, address: EmailAddress) -> None:
    """Return if *text* may become the password of the account of *address*.

    Raises:
        InvalidRequestError: it may not; the fault points at ``/password`` and says why, without the text.
    """
    if len(text) < PASSWORD_MIN:
        raise _weak(f"Use at least {PASSWORD_MIN} characters; a few words in a row are good.")
    if len(text) > PASSWORD_MAX:
        raise _weak(f"Use at most {PASSWORD_MAX} characters.")
    if "\0" in text or any(unicodedata.category(character) == "Cs" for character in text):
        raise _weak("Use characters that can be typed.")
    plain = text.strip().lower()
    if plain in (address.key, address.local):
        raise _weak("Use something other than your address.")
    if plain in _WORST or len(set(plain)) < _DISTINCT_MIN:
        raise _weak("That password is among the first that would be guessed; use another.")


def hash_password(text: str) -> str:
    """The form of *text* to store: argon2id with its own salt and parameters (PHC string)."""
    with _SLOTS:
        return _PASSWORDS.hash(_prepare(text))


def verify_password(stored: str | None, text: str) -> bool:
    """Whether *text* is the password behind *stored*; as slow for None, which nothing matches."""
    return _verify(_PASSWORDS, stored, _prepare(text))


def hash_code(code: str) -> str:
    """The form of a one-time code to store."""
    with _SLOTS:
        return _CODES.hash(_prepare_code(code))


def verify_code(stored: str | None, code: str) -> bool:
    """Whether *code*, as typed (spaces and hyphens don't count), is the one behind *stored*."""
    return _verify(_CODES, stored, _prepare_code(code))


def _verify(hasher: PasswordHasher, stored: str | None, data: bytes) -> bool:
    with _SLOTS:
        if stored is None:
            # Hashing and verifying are the same work.
            hasher.hash(data)
            return False
        try:
            return hasher.verify(stored, data)
        except (VerificationError, InvalidHashError):
            # A hash that can't be read, or no memory to compute it: closed, like a mismatch.
            return False


def _prepare(text: str) -> bytes:
    # The same password from another keyboard may be composed otherwise (NIST SP 800-63B 5.1.1.2). What is
    # longer than a password can be is still hashed, so that it costs the same; no password has a NUL.
    cut = text if len(text) <= PASSWORD_MAX else text[:PASSWORD_MAX] + "\0"
    return unicodedata.normalize("NFKC", cut).encode("utf-8", "surrogatepass")


def _prepare_code(code: str) -> bytes:
    digits = code[:64].translate({ord(" "): None, ord("-"): None})
    return digits.encode("utf-8", "surrogatepass")


def _weak(message: str) -> InvalidRequestError:
    return InvalidRequestError(FieldFault("/password", message))

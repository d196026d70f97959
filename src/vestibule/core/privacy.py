# SPDX-License-Identifier: Apache-2.0
"""How an address stands in a table when it does not stand there: as an index, or as a tombstone (TOK-08).

Three forms, told apart by their spelling: the address itself; ``:<index>@<index of its domain>``, which
only the key of the index makes again (CRYPTO.md 2.4); and the tombstone of somebody who was erased.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from vestibule.core.token import mint_secret_bytes

# No scope but the deployment: what belongs to no tenant.
EVERYWHERE = ""
SEALED_MARK = ":"
ERASED_DOMAIN = "erased.invalid"
_ERASED_PREFIX = "erased-"
_DOMAIN_INDEX_BYTES = 16


def derive_index_key(root: bytes, scope: str) -> bytes:
    """The index key of one scope (HKDF-SHA256, RFC 5869): two tenants' indices have nothing in common."""
    extracted = hmac.digest(bytes(32), root, "sha256")
    return hmac.digest(extracted, f"vestibule/blind-index/v1/{scope}".encode() + b"\x01", "sha256")


def index_domain(key: bytes, domain: str) -> str:
    return hmac.digest(key, b"domain\0" + domain.encode(), "sha256")[:_DOMAIN_INDEX_BYTES].hex()


def index_address(key: bytes, address: str) -> str:
    """The stored form: the whole HMAC, never cut short, for uniqueness rests on it."""
    index = hmac.digest(key, b"email\0" + address.encode(), "sha256").hex()
    return f"{SEALED_MARK}{index}@{index_domain(key, address.rpartition('@')[2])}"


def blind_digest(key: bytes, plain: bytes) -> bytes:
    """A digest under which a guess of what was digested can't be tested without the key."""
    return hmac.digest(key, b"digest\0" + plain, "sha256")


def mint_tombstone() -> str:
    """What stands where an address was: random, so that no rule of uniqueness notices; nobody can hold it."""
    return f"{_ERASED_PREFIX}{sha256(mint_secret_bytes()).hexdigest()[:32]}@{ERASED_DOMAIN}"


def is_sealed(stored: str) -> bool:
    return stored.startswith(SEALED_MARK)


def is_tombstone(stored: str) -> bool:
    return stored.startswith(_ERASED_PREFIX) and stored.endswith(f"@{ERASED_DOMAIN}")

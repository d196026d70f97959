# SPDX-License-Identifier: Apache-2.0
"""How an address stands in a table when it does not stand there: as an index, or as a tombstone (TOK-08).

Three forms, told apart by their spelling: the address itself; ``:<index>@<index of its domain>``, which
only the key of the index makes again (CRYPTO.md 2.4); and the tombstone of somebody who was erased.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

from vestibule.core.email import UNKEPT_DOMAIN
from vestibule.core.policy import Policy
from vestibule.core.token import mint_secret_bytes
from vestibule.errors import FieldFault, InvalidRequestError

# No scope but the deployment: what belongs to no tenant.
EVERYWHERE = ""
SEALED_MARK = ":"
ERASED_DOMAIN = "erased.invalid"
_ERASED_PREFIX = "erased-"
_DOMAIN_INDEX_BYTES = 16
_UNKEPT = re.compile(rf"([0-9a-f]{{64}})\.([0-9a-f]{{32}})@{re.escape(UNKEPT_DOMAIN)}")


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


def check_storage(policy: Policy, *, is_sealed: bool) -> None:
    """Only where tables hold indices can they hold nothing else.

    Raises:
        InvalidRequestError: the policy keeps no addresses, and they stand in plain here.
    """
    if policy.is_blind and not is_sealed:
        told = "This database does not seal addresses, so it can't keep none: see docs/privacy.md."
        raise InvalidRequestError(FieldFault("/policy/address_storage", told))


def is_sealed(stored: str) -> bool:
    return stored.startswith(SEALED_MARK)


def name_unkept(stored: str) -> str:
    """What stands in memory for an address of which only the index was kept: it leads back to that."""
    return f"{stored.removeprefix(SEALED_MARK).replace('@', '.')}@{UNKEPT_DOMAIN}"


def read_unkept(address: str) -> str | None:
    """The index that such a name leads back to; None for an address."""
    found = _UNKEPT.fullmatch(address)
    return None if found is None else f"{SEALED_MARK}{found[1]}@{found[2]}"


def is_tombstone(stored: str) -> bool:
    return stored.startswith(_ERASED_PREFIX) and stored.endswith(f"@{ERASED_DOMAIN}")

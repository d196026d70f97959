# SPDX-License-Identifier: Apache-2.0
"""Local accounts, API keys, passwords, and who a host says its principal is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from vestibule.core.account import Account, ApiKey, Challenge
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostAct, VerifiedIdentity


class Accounts(Protocol):
    """Built-in local accounts and one-time codes."""

    def find_by_address(self, address: EmailAddress) -> Account | None: ...

    def find(self, account_id: str) -> Account | None: ...

    def add(self, account: Account) -> bool:
        """False when the address has an account already."""

    def add_challenge(self, challenge: Challenge, *, tries: int, lifetime: timedelta) -> None: ...

    def find_challenge(self, challenge_hash: bytes) -> Challenge | None:
        """A live one: neither used nor expired nor out of tries."""

    def get_challenge(self, challenge_id: str) -> Challenge:
        """A live one by id, for delivery. Raises NotFoundError."""

    def set_code(self, challenge_id: str, code_hash: str) -> bool: ...

    def count_try(self, challenge_id: str) -> bool:
        """Spend one try, conditionally; false when none is left."""

    def use_challenge(self, challenge_id: str) -> bool: ...

    def end_sessions_of(self, principal_id: str) -> int:
        """Sessions of any kind of sign-in; how many."""

    def purge(self) -> int:
        """Forget dead sessions and challenges."""


class ApiKeys(Protocol):
    """Keys of host backends; only hashes are stored."""

    def add(self, key: ApiKey, key_hash: bytes) -> None: ...

    def find(self, key_hash: bytes) -> ApiKey | None: ...

    def list_all(self) -> Sequence[ApiKey]: ...

    def revoke(self, key_id: str) -> bool: ...


class AssertionVerifier(Protocol):
    """Host assertions (DESIGN.md section 5, callers b)."""

    def verify(self, jws: str) -> VerifiedIdentity:
        """Who the host says this is. Raises NotAuthenticatedError for everything that is wrong."""

    def verify_act(self, jws: str) -> HostAct:
        """What the host orders. Raises NotAuthenticatedError for everything that is wrong."""


class Passwords(Protocol):
    """Slow hashing; call it outside transactions and off the event loop."""

    def hash_password(self, text: str) -> str: ...

    def verify_password(self, stored: str | None, text: str) -> bool:
        """Takes the same time when there is nothing stored."""

    def check_password_strength(self, text: str, *, address: EmailAddress) -> None:
        """Raises InvalidRequestError with the pointer ``/password``."""

    def hash_code(self, code: str) -> str: ...

    def verify_code(self, stored: str | None, code: str) -> bool: ...

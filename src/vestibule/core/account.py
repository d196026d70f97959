# SPDX-License-Identifier: Apache-2.0
"""Built-in local accounts, the challenge that verifies an address, and API keys, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vestibule.core.email import EmailAddress
from vestibule.core.identity import Scope, VerifiedAddress, VerifiedIdentity

SESSION_LIFETIME = timedelta(hours=12)
CHALLENGE_LIFETIME = timedelta(minutes=10)
NAME_MAX = 100
LOCAL_CONNECTION = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A local account. It exists only once its address is verified (ATTACKS A14)."""

    account_id: str
    address: EmailAddress
    name: str
    password_hash: str = field(repr=False)
    created_at: datetime | None = None

    def identify(self, authenticated_at: datetime | None) -> VerifiedIdentity:
        """The verified identity behind a session of this account."""
        return VerifiedIdentity(
            principal_id=self.account_id,
            addresses=(VerifiedAddress(address=self.address, evidence="code"),),
            name=self.name,
            connection=LOCAL_CONNECTION,
            authenticated_at=authenticated_at,
            amr=("pwd",),
            is_session=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """An account in waiting: it becomes one when the code mailed to *address* comes back.

    Bound to the browser by a secret cookie whose hash is ``challenge_hash`` (ASVS 6.6.2).
    """

    challenge_id: str
    challenge_hash: bytes = field(repr=False)
    address: EmailAddress
    name: str
    password_hash: str = field(repr=False)
    code_hash: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a host backend, perhaps for one tenant only. The secret is shown once, at creation."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    tenant_id: str | None = None
    created_at: datetime | None = None
    revoked_at: datetime | None = None

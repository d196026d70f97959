# SPDX-License-Identifier: Apache-2.0
"""Connections, sign-ins under way, sessions; and the two helpers that are not the database's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from vestibule.core.connection import Connection, SignIn, SignInProof
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.keys import KeyRecord
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import Policy


class Connections(Protocol):
    """Ways to sign in, and the sign-ins that have left for one."""

    def find(self, connection_id: str) -> Connection | None:
        """One that is not deleted."""

    def find_offered(self, connection_id: str) -> Connection | None:
        """One that can be used now: neither deleted nor disabled, nor of a tenant that is gone."""

    def find_shown(self, connection_id: str) -> Connection | None:
        """The same without its secret, for whoever only shows it; so is what ``list_offered`` gives."""

    def add(self, connection: Connection) -> bool:
        """False when the id is, or was, somebody's."""

    def change(self, connection: Connection) -> bool:
        """Everything but tenant, provider and issuer is as given; without a secret it keeps its own.

        False when the id is another tenant's, another provider's or another issuer's. A deleted one is back.
        """

    def set_disabled(self, connection_id: str) -> bool:
        """Whether the state changed."""

    def delete(self, connection_id: str) -> int:
        """It is gone with its secret, its sessions and what is under way; how many sessions that were."""

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Connection]:
        """The oldest first; with an empty *tenant_id* the deployment's."""

    def list_offered(self, tenant_id: str) -> Sequence[Connection]:
        """At most 20 that can be used now, the oldest first."""

    def list_all(self) -> Sequence[Connection]:
        """Every one that is not deleted, for looking after the deployment."""

    def list_policies(self) -> Sequence[tuple[str, Policy]]:
        """Tenants that are not deleted, with the policy of each."""

    def open_sign_in(self, sign_in_hash: bytes, sign_in: SignIn, *, lifetime: timedelta) -> None: ...

    def take_sign_in(self, sign_in_hash: bytes, connection_id: str) -> SignIn | None:
        """The sign-in, for this once."""

    def purge(self) -> int:
        """Forget sign-ins that never came back."""


class Sessions(Protocol):
    """Server-side sessions of any kind of sign-in."""

    def add(
        self, session_hash: bytes, identity: VerifiedIdentity, connection_id: str, *, lifetime: timedelta
    ) -> None: ...

    def find(self, session_hash: bytes) -> VerifiedIdentity | None:
        """Who is behind a live session, and what is verified of them now."""

    def end(self, session_hash: bytes) -> None: ...


class Sealer(Protocol):
    """Seals client secrets for storage, and knows whether this deployment is one for development."""

    @property
    def allows_loopback(self) -> bool:
        """May an issuer be http on the loopback? Only where the service itself is."""

    def seal(self, key: KeyRecord | None, connection_id: str, secret: str) -> bytes:
        """Ciphertext under *key*, bound to the id. Raises InvalidRequestError where there is no key."""


class RelyingParty(Protocol):
    """OpenID Connect on the wire: the code flow with PKCE, against whatever a provider may do."""

    async def make_url(self, connection: Connection, proof: SignInProof, *, max_age: int | None) -> str:
        """Where the browser goes to sign in. Raises ProviderError."""

    async def redeem(
        self, connection: Connection, proof: SignInProof, answer: Mapping[str, str], *, max_age: int | None
    ) -> Mapping[str, Any]:
        """The validated claims behind the provider's *answer*. Raises ProviderError."""

    async def examine(self, connection: Connection) -> Sequence[str]:
        """What is wrong with the connection, as sentences for whoever set it up; nothing when all is well."""

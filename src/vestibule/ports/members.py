# SPDX-License-Identifier: Apache-2.0
"""Principals as last asserted, and memberships: ours or the host's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalRecord:
    """What was last asserted of a principal; for notices and ``already_member``, never to let in."""

    principal_id: str
    name: str | None
    addresses: tuple[str, ...]
    offboarded_at: datetime | None


class Principals(Protocol):
    """What is remembered of principals."""

    def find(self, principal_id: str) -> PrincipalRecord | None: ...

    def remember(self, identity: VerifiedIdentity) -> None:
        """Keep the name and verified addresses as last asserted."""

    def set_offboarded(self, principal_id: str, *, offboarded: bool) -> None: ...


class Members(Protocol):
    """Memberships: our own table, or the host's by the same few methods."""

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        """The membership whatever its end."""

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:
        """A member, in force or yet to begin, one of whose verified addresses is *address*."""

    def put(self, membership: Membership) -> None:
        """Write the membership by an administrative act. Raises SeatLimitError when a new one has no seat."""

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        """Whether there was one; its seat is free again."""

    def set_suspended(self, tenant_id: str, principal_id: str) -> None:
        """Keep the row, take its force."""

    def has_other_owner(self, tenant_id: str, principal_id: str) -> bool:
        """Is there a lasting owner in force beside *principal_id*? Owners' rows stay locked until the end."""

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[Membership]: ...

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]: ...

    def list_ending(self, limit: int) -> Sequence[tuple[Membership, int]]:
        """Members in force whose end nobody has announced, the nearest first, within the longest time before
        an end that any policy can say; each with what its tenant's policy says, in seconds.
        """

    def set_end_announced(self, membership: Membership) -> bool:
        """Whether it was not announced before."""

    def end_expired(self, limit: int) -> Sequence[Membership]:
        """Delete memberships past their end and give them back; their seats are free again."""

# SPDX-License-Identifier: Apache-2.0
"""Pending grants and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext, VerifiedAddress
from vestibule.core.invitation import Invitation, InvitationState
from vestibule.core.paging import Page, PageRequest
from vestibule.core.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationFilter:
    """What a tenant's list of invitations shows."""

    state: InvitationState | None = None
    email: EmailAddress | None = None


class Invitations(Protocol):
    """Pending grants and what became of them. Every change is conditional and says whether it happened."""

    def find(self, tenant_id: str, invitation_id: str) -> Invitation | None:
        """Bound to the tenant: another tenant's id finds nothing (TEN-06)."""

    def get_by_id(self, invitation_id: str) -> Invitation:
        """Across tenants: for the invitee's own list and for delivery only. Raises NotFoundError."""

    def supersede(
        self, tenant_id: str, email: EmailAddress, target: str, *, also: str | None = None
    ) -> tuple[Sequence[str], Sequence[str]]:
        """End what is open for this target, and the one with the id *also*: stale ones as expired, pending
        and held ones as superseded.

        Returns the ids of both, those expired first. The hashes of those superseded are rotated away.
        """

    def add(
        self,
        invitation: Invitation,
        *,
        target: str,
        context: RequestContext,
        claim_token_hash: bytes | None,
        reserves_seat: bool,
    ) -> bool:
        """False when another pending invitation for the target got in between."""

    def reserve_seat(self, tenant_id: str) -> bool:
        """Take a seat for a pending invitation; false when there is none."""

    def renew(
        self, invitation: Invitation, *, lifetime: int, policy_version: int, claim_token_hash: bytes | None
    ) -> Invitation | None:
        """Raise the generation, replace the hash, start the window anew; None when no longer pending.

        Without a hash a mail will need the address, and it stands sealed until ``forget_address``.
        """

    def forget_address(self, invitation_id: str, generation: int) -> None:
        """This generation's mail is settled: where the tenant keeps no addresses, it is gone from here on."""

    def is_to(self, invitation: Invitation, email: EmailAddress) -> bool:
        """Is that whom it invites? By index where the address is not kept."""

    def revoke(self, tenant_id: str, invitation_id: str, reason: str) -> bool: ...

    def revoke_of_tenant(self, tenant_id: str, reason: str) -> Sequence[tuple[str, str]]: ...

    def revoke_of_inviter(
        self,
        principal_id: str,
        reason: str,
        *,
        tenant_id: str | None = None,
        roles: Iterable[str] | None = None,
    ) -> Sequence[tuple[str, str]]:
        """Revoke what this inviter has pending, perhaps only for *roles*: (tenant id, invitation id) each."""

    def revoke_of_addresses(
        self, addresses: Iterable[str], reason: str, *, tenant_id: str | None = None, with_held: bool = True
    ) -> Sequence[tuple[str, str]]:
        """Revoke what is pending to these, and what waits for an approval unless it is left alone."""

    def expire_of_addresses(self, addresses: Iterable[str]) -> Sequence[tuple[str, str]]:
        """Those of these addresses that the clock has ended are recorded as that; tenant and invitation."""

    def revoke_of_domain(self, tenant_id: str, domain: str, reason: str) -> Sequence[tuple[str, str]]:
        """Revoke what is pending to addresses at exactly this domain."""

    def list_of_tenant(
        self, tenant_id: str, wanted: InvitationFilter, request: PageRequest
    ) -> Page[Invitation]: ...

    def list_of_addresses(
        self, addresses: Iterable[VerifiedAddress], request: PageRequest
    ) -> Page[tuple[Invitation, Tenant]]:
        """Pending invitations of active tenants to any of *addresses*, the newest first."""

    def count_pending(self, tenant_id: str, ceiling: int) -> int:
        """How many are pending, counted up to *ceiling*; near it, nobody else adds one before this ends."""

    def list_latest(self, tenant_id: str, email: EmailAddress) -> Sequence[Invitation]:
        """The last few of this address, the newest first, whatever their state."""

    def list_answers(self, tenant_id: str, request: PageRequest) -> Page[Invitation]:
        """The last membership offered to each address, the first offered first; not what was revoked."""

    def count_of_inviter(self, tenant_id: str, principal_id: str) -> int:
        """How many of this inviter's are held or pending."""

    def claim_renewal(self, claim_token_hash: bytes) -> tuple[str, str] | None:
        """(tenant id, invitation id) behind a hash, for "ask for a new one"; always one look-up."""

    def set_token(self, invitation_id: str, generation: int, claim_token_hash: bytes) -> bool:
        """Store the hash on the still-pending record and generation (ruling 2)."""

    def record_sent(self, invitation_id: str) -> None: ...

    def record_expired(self, limit: int) -> Sequence[tuple[str, str]]:
        """Mark what the clock has ended, once each: (tenant id, invitation id)."""

# SPDX-License-Identifier: Apache-2.0
"""Placing promises, and what others must say before one is kept: approvals, reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.core.approval import Approval, Approver, HeldRequest
from vestibule.core.event import StoredEvent
from vestibule.core.identity import Actor
from vestibule.core.invitation import Invitation, InvitationDraft
from vestibule.core.issuing import IssueFacts
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy import Policy
from vestibule.core.promise import Promise
from vestibule.core.tenant import Membership, Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A break-glass grant that somebody else must look at by ``due_at``."""

    invitation_id: str
    tenant_id: str
    principal_id: str
    role: str
    opened_at: datetime
    due_at: datetime
    reviewed_at: datetime | None
    reviewer_principal_id: str | None
    note: str | None


class Promises(Protocol):
    """The one write behind every pending grant (DESIGN.md house rule 5)."""

    def read_facts(
        self, tenant_id: str, policy: Policy, inviter_principal_id: str, draft: InvitationDraft
    ) -> IssueFacts:
        """What the rules of issuing need to know, as of this transaction."""

    def place(self, promise: Promise, *, actor: Actor | str) -> StoredEvent:
        """Supersede what is open for the target, take the seat, write the grant, its events and messages.

        The first of its events, as it stands in the trail.

        Raises SeatLimitError when the policy counts pending grants and there is no seat.
        """

    def release(self, invitation: Invitation, *, reserves_seat: bool, lifetime: int) -> Invitation | None:
        """The held grant is pending from now on; None when it is no longer held.

        Raises SeatLimitError when the policy counts pending grants and there is no seat.
        """


class Approvals(Protocol):
    """Who approved a held request, and who could."""

    def lock(self, tenant_id: str, invitation_id: str) -> Invitation | None:
        """The invitation, decided by nobody else before this ends."""

    def add(self, invitation_id: str, approval: Approval) -> None:
        """Record it, in place of an earlier one by the same principal."""

    def list_of(self, invitation_id: str) -> Sequence[Approval]: ...

    def read_request(self, tenant: Tenant, invitation: Invitation) -> HeldRequest:
        """Something to decide on, under today's policy, with all that is known of its inviter."""

    def count(self, tenant: Tenant, request: HeldRequest) -> int:
        """How many approvals of exactly this request count now, each approver judged again."""

    def read_approver(self, membership: Membership, addresses: Sequence[str] = ()) -> Approver:
        """What the rules need to know of a member; *addresses* beside those that are remembered."""

    def list_waited(self, limit: int) -> Sequence[tuple[str, str]]:
        """(tenant id, invitation id) of held requests whose waiting period is over, the oldest first."""

    def set_release(self, invitation_id: str, release_at: datetime | None) -> None:
        """When to look at it again; None when the waiting period is void."""

    def lost_owner_since(self, tenant_id: str, since: datetime) -> bool:
        """Was an owner of this tenant removed after *since*?"""


class Reviews(Protocol):
    """Break-glass grants and what others said of them."""

    def list_of_tenant(self, tenant_id: str, request: PageRequest, *, is_open: bool) -> Page[Review]: ...

    def find(self, tenant_id: str, invitation_id: str) -> Review | None: ...

    def close(self, tenant_id: str, invitation_id: str, reviewer_principal_id: str, note: str) -> bool:
        """Whether it was open."""

# SPDX-License-Identifier: Apache-2.0
"""The invitation: the stored record, the state that follows from it, and the draft it is made from.

State is derived from timestamps and the database's clock, never stored (LIF-01).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from vestibule.core.email import EmailAddress
from vestibule.core.policy import TTL_MAX, TTL_MIN, Policy
from vestibule.errors import FieldFault, InvalidRequestError

MESSAGE_MAX = 1000
METADATA_MAX_BYTES = 4096
SCOPE_MAX = 255
JUSTIFICATION_MAX = 1000
BUNDLE_MAX = 50
MEMBERSHIP_EXPIRES_MAX = 10 * 366 * 86_400
NEAR_EXPIRY = timedelta(hours=24)

# "none": whoever asked is about to claim it among its own.
Deliver = Literal["email", "link", "none"]


class InvitationState(StrEnum):
    """The public states; a final one is reached exactly once."""

    HELD = "held"
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceGrant:
    """One of several things that an invitation grants at once: a role on a resource, perhaps with an end
    (seconds from acceptance) (ISS-18).
    """

    resource_id: str
    role: str
    expires_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationDraft:
    """What an inviter may say about an invitation; everything else is the server's.

    Without ``role`` it only adds ``grants`` to somebody who is a member already.
    """

    email: EmailAddress
    role: str | None = None
    grants: tuple[ResourceGrant, ...] = ()
    justification: str | None = None
    membership_starts_at: datetime | None = None
    message: str | None = None
    expires_in: int | None = None
    scope: str | None = None
    metadata: Mapping[str, Any] | None = None
    membership_expires_in: int | None = None
    locale: str = "en"
    deliver: Deliver = "email"

    @property
    def promised_roles(self) -> tuple[str, ...]:
        return roles_of(self.role, (one.role for one in self.grants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The stored record, without its claim token hash."""

    invitation_id: str
    tenant_id: str
    role: str
    invited_email: EmailAddress
    inviter_principal_id: str
    generation: int
    created_at: datetime
    expires_at: datetime
    policy_version: int
    expires_in: int | None = None
    locale: str = "en"
    message: str | None = None
    scope: str | None = None
    metadata: Mapping[str, Any] | None = None
    membership_expires_in: int | None = None
    membership_starts_at: datetime | None = None
    justification: str | None = None
    grants_only: bool = False
    grants: tuple[ResourceGrant, ...] = ()
    deliver: Deliver = "email"
    held_at: datetime | None = None
    approved_at: datetime | None = None
    release_at: datetime | None = None
    corrects_id: str | None = None
    send_count: int = 0
    last_sent_at: datetime | None = None
    resent_at: datetime | None = None
    consumed_at: datetime | None = None
    consumed_by_principal_id: str | None = None
    declined_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str | None = None
    correlation_id: str = field(default="", repr=False)

    def state_at(self, now: datetime) -> InvitationState:
        """The state at *now*; valid while ``now < expires_at``, with no leeway."""
        return derive_state(
            consumed=self.consumed_at is not None,
            declined=self.declined_at is not None,
            revoked=self.revoked_at is not None,
            expired=now >= self.expires_at,
            held=self.is_held,
        )

    @property
    def promised_roles(self) -> tuple[str, ...]:
        return roles_of(None if self.grants_only else self.role, (one.role for one in self.grants))

    @property
    def is_held(self) -> bool:
        """It waits for approval; its ``expires_at`` is then the end of that wait (ISS-04)."""
        return self.held_at is not None and self.approved_at is None


def roles_of(own: str | None, on_resources: Iterable[str]) -> tuple[str, ...]:
    """Every role that accepting would give: in the tenant, and on each resource."""
    return (*(() if own is None else (own,)), *on_resources)


def derive_state(
    *, consumed: bool, declined: bool, revoked: bool, expired: bool, held: bool
) -> InvitationState:
    """The one rule from recorded facts to state."""
    if consumed:
        return InvitationState.ACCEPTED
    if declined:
        return InvitationState.DECLINED
    if revoked:
        return InvitationState.REVOKED
    if expired:
        return InvitationState.EXPIRED
    return InvitationState.HELD if held else InvitationState.PENDING


def decide_lifetime(policy: Policy, roles: Sequence[str], expires_in: int | None, now: datetime) -> int:
    """Seconds the invitation lives: the shortest of its roles', which a request may shorten and never
    lengthen, and never beyond the tenant's event (ISS-07).

    Raises:
        InvalidRequestError: *expires_in* is outside what the policy allows.
    """
    ceiling = min(min(max(policy.ttl_of(role), TTL_MIN), TTL_MAX) for role in roles)
    if policy.event is not None:
        ceiling = min(ceiling, int((policy.event.closes_at - now).total_seconds()))
    if expires_in is None:
        return ceiling
    if not min(TTL_MIN, ceiling) <= expires_in <= ceiling:
        raise InvalidRequestError(
            FieldFault("/expires_in", f"Give whole seconds from {TTL_MIN} to {ceiling} for this role.")
        )
    return expires_in


def renew_lifetime(policy: Policy, invitation: Invitation, now: datetime) -> int:
    """Seconds it lives from now on: today's policy, shortened as its inviter once asked (ISS-12)."""
    ceiling = decide_lifetime(policy, invitation.promised_roles, None, now)
    return ceiling if invitation.expires_in is None else min(ceiling, invitation.expires_in)

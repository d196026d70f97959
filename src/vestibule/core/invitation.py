# SPDX-License-Identifier: Apache-2.0
"""The invitation: the stored record, the state that follows from it, and the draft it is made from.

State is derived from timestamps and the database's clock, never stored (LIF-01).
"""

from __future__ import annotations

from collections.abc import Mapping
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
MEMBERSHIP_EXPIRES_MAX = 10 * 366 * 86_400
NEAR_EXPIRY = timedelta(hours=24)

Deliver = Literal["email", "link"]


class InvitationState(StrEnum):
    """The public states; a final one is reached exactly once."""

    HELD = "held"
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationDraft:
    """What an inviter may say about an invitation; everything else is the server's."""

    email: EmailAddress
    role: str
    message: str | None = None
    expires_in: int | None = None
    scope: str | None = None
    metadata: Mapping[str, Any] | None = None
    membership_expires_in: int | None = None
    locale: str = "en"
    deliver: Deliver = "email"


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
        )


def derive_state(*, consumed: bool, declined: bool, revoked: bool, expired: bool) -> InvitationState:
    """The one rule from recorded facts to state."""
    if consumed:
        return InvitationState.ACCEPTED
    if declined:
        return InvitationState.DECLINED
    if revoked:
        return InvitationState.REVOKED
    return InvitationState.EXPIRED if expired else InvitationState.PENDING


def decide_lifetime(policy: Policy, role: str, expires_in: int | None) -> int:
    """Seconds the invitation lives: the policy's, which a request may shorten and never lengthen (ISS-07).

    Raises:
        InvalidRequestError: *expires_in* is outside what the policy allows.
    """
    ceiling = min(max(policy.ttl_of(role), TTL_MIN), TTL_MAX)
    if expires_in is None:
        return ceiling
    if not TTL_MIN <= expires_in <= ceiling:
        raise InvalidRequestError(
            FieldFault("/expires_in", f"Give whole seconds from {TTL_MIN} to {ceiling} for this role.")
        )
    return expires_in


def renew_lifetime(policy: Policy, role: str, expires_in: int | None) -> int:
    """Seconds a resent invitation lives: today's policy, shortened as its inviter once asked (ISS-12)."""
    ceiling = decide_lifetime(policy, role, None)
    return ceiling if expires_in is None else min(ceiling, expires_in)

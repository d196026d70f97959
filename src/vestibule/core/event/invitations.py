# SPDX-License-Identifier: Apache-2.0
"""What becomes of pending grants, and of those who try them."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent
from vestibule.errors import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationIssued(AuditEvent):
    """With what a replay under another policy needs, but never the address (TEN-02)."""

    kind = "invitation.issued"
    role: str
    promised_roles: str
    inviter_role: str | None
    was_held: bool
    lifetime: int
    expires_in: int | None
    membership_expires_in: int | None
    policy_version: int
    policy_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationHeld(AuditEvent):
    """A request for an elevating role waits for *approvals* others (ISS-04)."""

    kind = "invitation.held"
    role: str
    approvals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationApproved(AuditEvent):
    """One approval of the request with this digest; *counted* are valid with it, of *needed*."""

    kind = "invitation.approved"
    digest: str
    counted: int
    needed: int
    connection: str | None
    amr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationWaitedFor(AuditEvent):
    """Too few could approve; the waiting period that policy puts in their place is over."""

    kind = "invitation.waited_for"
    digest: str
    waited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationBound(AuditEvent):
    """A matching principal has claimed it; nobody else can any more (ACC-16)."""

    kind = "invitation.bound"
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassUsed(AuditEvent):
    """A role was granted without approval, to be reviewed afterwards."""

    kind = "break_glass.used"
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassReviewed(AuditEvent):
    kind = "break_glass.reviewed"
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationSuperseded(AuditEvent):
    kind = "invitation.superseded"
    superseded_by_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationResent(AuditEvent):
    kind = "invitation.resent"
    generation: int
    policy_version: int
    policy_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLinkIssued(AuditEvent):
    """A link was handed to the caller once, instead of being mailed (ISS-13)."""

    kind = "invitation.link_issued"
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationSent(AuditEvent):
    kind = "invitation.sent"
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationSendFailed(AuditEvent):
    kind = "invitation.send_failed"
    generation: int
    attempt: int
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRevoked(AuditEvent):
    kind = "invitation.revoked"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAccepted(AuditEvent):
    """``role`` is what the member has afterwards; ``kept_role`` that it had one before (ruling 11)."""

    kind = "invitation.accepted"
    role: str
    kept_role: bool
    extended: bool = False
    evidence: str
    connection: str | None
    generation: int
    promised_roles: str
    inviter_role: str | None
    was_held: bool
    policy_version: int
    policy_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationDeclined(AuditEvent):
    kind = "invitation.declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationExpired(AuditEvent):
    kind = "invitation.expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRejected(AuditEvent):
    """A failed accept or decline, with its private reason (ACC-07)."""

    kind = "claim.rejected"
    reason: RejectReason
    attempted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRequested(AuditEvent):
    """Somebody with a dead link asked for a new invitation (ACC-13)."""

    kind = "invitation.renewal_requested"

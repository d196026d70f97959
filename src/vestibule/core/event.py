# SPDX-License-Identifier: Apache-2.0
"""The closed set of audit events, as types (AUD-01). No event holds an address, a token or a secret.

An event names what happened, to which tenant and invitation; who did it, when, and under which
correlation id is stamped on when it is appended. ``record`` makes the stored body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import ClassVar

from vestibule.core.identity import RequestContext
from vestibule.core.token import mint_id
from vestibule.errors import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One typed fact. ``tenant_id`` is empty for acts on the deployment as a whole."""

    kind: ClassVar[str]
    tenant_id: str = ""
    invitation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationIssued(AuditEvent):
    kind = "invitation.issued"
    role: str
    lifetime: int
    policy_version: int


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
    evidence: str
    connection: str | None
    generation: int
    policy_version: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipSet(AuditEvent):
    """A membership was written by an administrative act."""

    kind = "membership.set"
    principal_id: str
    role: str
    previous_role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRemoved(AuditEvent):
    kind = "membership.removed"
    principal_id: str
    role: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnded(AuditEvent):
    """A time-bound membership reached its end (LIF-05)."""

    kind = "membership.ended"
    principal_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEnded(AuditEvent):
    """A role on a resource reached its end, or its membership or resource is gone."""

    kind = "grant.ended"
    principal_id: str
    resource_id: str
    role: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePut(AuditEvent):
    kind = "resource.put"
    resource_id: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDeleted(AuditEvent):
    kind = "resource.deleted"
    resource_id: str
    revoked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPut(AuditEvent):
    kind = "tenant.put"
    is_new: bool
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSuspended(AuditEvent):
    kind = "tenant.suspended"
    revoked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantResumed(AuditEvent):
    kind = "tenant.resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDeleted(AuditEvent):
    kind = "tenant.deleted"
    revoked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalOffboarded(AuditEvent):
    kind = "principal.offboarded"
    principal_id: str
    memberships_removed: int
    invitations_revoked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipStripped(AuditEvent):
    """The last owner keeps the row, so that the tenant has one, and nothing it is worth (ADR 0005)."""

    kind = "membership.stripped"
    principal_id: str
    role: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUserPut(AuditEvent):
    """A tenant's directory said something of one of its users. Nothing is granted by that."""

    kind = "directory.user_put"
    user_id: str
    is_new: bool
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUserDeactivated(AuditEvent):
    """What went with a user whom its directory has deactivated or removed (LIF-03)."""

    kind = "directory.user_deactivated"
    user_id: str
    memberships_ended: int
    invitations_revoked: int
    sessions_ended: int
    last_owner_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUserRemoved(AuditEvent):
    kind = "directory.user_removed"
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroupPut(AuditEvent):
    kind = "directory.group_put"
    group_id: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroupRemoved(AuditEvent):
    kind = "directory.group_removed"
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCreated(AuditEvent):
    kind = "account.created"
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated(AuditEvent):
    kind = "api_key.created"
    key_id: str
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked(AuditEvent):
    kind = "api_key.revoked"
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event as it is stored; ``at`` is the database's clock, added by the writing statement."""

    event_id: str
    kind: str
    tenant_id: str
    invitation_id: str | None
    actor_id: str
    correlation_id: str
    source: str
    body: str


_COMMON = frozenset({"tenant_id", "invitation_id"})


def record_event(event: AuditEvent, *, actor_id: str, context: RequestContext) -> EventRecord:
    """Stamp *event* with its actor and request."""
    body = {entry.name: getattr(event, entry.name) for entry in fields(event) if entry.name not in _COMMON}
    return EventRecord(
        event_id=mint_id(),
        kind=event.kind,
        tenant_id=event.tenant_id,
        invitation_id=event.invitation_id,
        actor_id=actor_id,
        correlation_id=context.correlation_id,
        source=context.source,
        body=json.dumps(body, sort_keys=True, separators=(",", ":")),
    )

# SPDX-License-Identifier: Apache-2.0
"""What support sees of one invitation: enough to say why it does not work, nothing that opens it (AUD-05)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vestibule.core.invitation import InvitationState
from vestibule.errors import RejectReason

MEANING: dict[RejectReason, str] = {
    RejectReason.MALFORMED: "the link was cut or mistyped: have it copied whole, or resend",
    RejectReason.UNKNOWN: "an older link: only the newest mail's link works",
    RejectReason.EXPIRED: "its time was over: resend",
    RejectReason.REVOKED: "it was revoked: invite again if that was a mistake",
    RejectReason.DECLINED: "it was declined: ask the person, then invite again",
    RejectReason.CONSUMED: "it was accepted already: have the person sign in",
    RejectReason.TENANT_SUSPENDED: "the tenant is suspended",
    RejectReason.TENANT_DELETED: "the tenant is deleted",
    RejectReason.INVITER_GONE: "the inviter is no longer a member: somebody else invites again",
    RejectReason.INVITER_NOT_ENTITLED: "the inviter may no longer grant this role: let somebody else invite",
    RejectReason.ROLE_GONE: "the policy no longer has this role",
    RejectReason.WRONG_RECIPIENT: "tried with another address: sign in with the invited one, or correct it",
    RejectReason.WRONG_CONNECTION: "tried by another way of signing in than the tenant requires",
    RejectReason.DOMAIN_NOT_ALLOWED: "the tenant's policy no longer allows the address's domain",
    RejectReason.PRINCIPAL_OFFBOARDED: "the person was offboarded",
    RejectReason.RECIPIENT_BARRED: "the tenant's directory has deactivated the person",
    RejectReason.OWNER_KEPT: "a removed owner comes back only once the tenant has another owner",
    RejectReason.NO_SEAT: "no seat was free: it still works once there is one",
    RejectReason.NOT_APPROVED: "it waits for approval",
    RejectReason.BOUND_TO_ANOTHER: "somebody else opened it first, and policy binds it to them: invite again",
    RejectReason.NOT_A_MEMBER: "it only adds to a membership, which has ended",
    RejectReason.TARGET_GONE: "a resource that it grants is gone",
    RejectReason.EVENT_OVER: "the event is over",
    RejectReason.STEP_UP_REQUIRED: "a fresh or stronger sign-in is needed",
    RejectReason.LOST_RACE: "it changed at that very moment: try again",
}
_STATES: dict[InvitationState, str] = {
    InvitationState.HELD: "it waits for approval; no link exists yet",
    InvitationState.PENDING: "it is open: the newest link works for the invited address",
    InvitationState.ACCEPTED: "it was accepted; the person signs in",
    InvitationState.DECLINED: "it was declined",
    InvitationState.REVOKED: "it was revoked",
    InvitationState.EXPIRED: "its time is over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One fact of the trail; *reason* where that fact has one."""

    kind: str
    occurred_at: datetime
    source: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportCase:
    """One invitation without its address, message and link. *events*: the newest first."""

    invitation_id: str
    tenant_id: str
    role: str
    state: InvitationState
    generation: int
    created_at: datetime
    expires_at: datetime
    last_sent_at: datetime | None
    revoked_reason: str | None
    is_tenant_open: bool
    events: Sequence[CaseEvent] = ()

    def explain(self) -> list[str]:
        """Why it does not work, or that it does: the state first, then what was tried, the newest first."""
        told = _STATES[self.state]
        told += f" ({self.revoked_reason})" if self.revoked_reason else ""
        lines = [told]
        if not self.is_tenant_open:
            lines.append("the tenant is suspended or deleted: nothing of it can be claimed")
        if self.state is InvitationState.PENDING and self.last_sent_at is None:
            lines.append("no mail has gone out yet")
        for event in self.events:
            if event.kind == "claim.rejected" and event.reason is not None:
                lines.append(MEANING[RejectReason(event.reason)])
            elif event.kind == "invitation.send_failed":
                lines.append("a mail could not be delivered")
        return list(dict.fromkeys(lines))

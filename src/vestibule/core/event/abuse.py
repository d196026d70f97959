# SPDX-License-Identifier: Apache-2.0
"""Events about unwanted mail. None of them holds the address."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientBlocked(AuditEvent):
    """Whoever holds the link wants no more mail from this tenant."""

    kind = "recipient.blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationReported(AuditEvent):
    """And calls it abuse."""

    kind = "invitation.reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReported(AuditEvent):
    """The link of this generation was found in public, on that host; it is dead."""

    kind = "token.leak_reported"
    generation: int
    host: str
    source: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionSet(AuditEvent):
    kind = "suppression.set"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionLifted(AuditEvent):
    kind = "suppression.lifted"

# SPDX-License-Identifier: Apache-2.0
"""What was done with personal data. Nobody is named: whom it was about is what was erased."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased(AuditEvent):
    """Everything held of one person is gone from the tables."""

    kind = "person.erased"
    invitations: int
    memberships: int
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonExported(AuditEvent):
    """Somebody was given everything held of one person."""

    kind = "person.exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAnonymised(AuditEvent):
    """Over for as long as it is kept: it no longer says whom it was for."""

    kind = "invitation.anonymised"

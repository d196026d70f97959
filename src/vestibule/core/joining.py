# SPDX-License-Identifier: Apache-2.0
"""Asking to join: the request, and what its decision needs (TEN-04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vestibule.core.email import EmailAddress
from vestibule.core.limits import Hit, Limits, hit, network_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinPolicy:
    """How long a removal or a rejection keeps the rule from admitting, and what is looked at for that."""

    removed_for: timedelta = timedelta(days=90)
    rejected_for: timedelta = timedelta(days=30)
    open_max: int = 1000


class JoinRequestState(StrEnum):
    """Open until an administrator decides."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """A principal with a verified address asks to be let in."""

    request_id: str
    tenant_id: str
    principal_id: str
    address: EmailAddress
    created_at: datetime
    approved_at: datetime | None = None
    rejected_at: datetime | None = None
    withdrawn_at: datetime | None = None
    decided_by_principal_id: str | None = None
    invitation_id: str | None = None

    @property
    def state(self) -> JoinRequestState:
        if self.approved_at is not None:
            return JoinRequestState.APPROVED
        if self.rejected_at is not None:
            return JoinRequestState.REJECTED
        return JoinRequestState.OPEN if self.withdrawn_at is None else JoinRequestState.WITHDRAWN


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinApproval:
    """What an administrator says when approving; everything else is the request's, or policy's."""

    role: str
    justification: str | None = None
    membership_expires_in: int | None = None


def join_hits(limits: Limits, principal_id: str, ip: str) -> list[Hit]:
    """What one try to join or to ask counts against; counted before any tenant is looked at."""
    return [
        hit("join_principal", principal_id, limits.join_per_principal),
        hit("join_ip", network_of(ip), limits.join_per_ip),
    ]

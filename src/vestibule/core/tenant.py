# SPDX-License-Identifier: Apache-2.0
"""Tenants and memberships as values; whether either is in force now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vestibule.core.email import EmailAddress
from vestibule.core.policy import Policy

TENANT_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The boundary in which membership is granted.

    ``policy`` is what counts; ``own_policy`` what the tenant's own document says of it.
    """

    tenant_id: str
    name: str
    policy: Policy
    policy_version: int
    policy_hash: str
    own_policy: str
    created_at: datetime
    suspended_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def state(self) -> str:
        if self.deleted_at is not None:
            return "deleted"
        return "suspended" if self.suspended_at is not None else "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A principal with a role in a tenant, perhaps with an end."""

    tenant_id: str
    principal_id: str
    role: str
    created_at: datetime
    email: str | None = None
    name: str | None = None
    expires_at: datetime | None = None
    suspended_at: datetime | None = None
    invitation_id: str | None = None
    starts_at: datetime | None = None

    @property
    def shown_email(self) -> str | None:
        """The address, where it is kept; ``email`` may be the name of one that is not."""
        return None if self.email is None else EmailAddress(self.email).shown

    def is_in_force(self, now: datetime) -> bool:
        """Begun, and neither ended by the clock nor kept only so that the tenant has an owner (LIF-05)."""
        has_begun = self.starts_at is None or self.starts_at <= now
        has_ended = self.expires_at is not None and now >= self.expires_at
        return self.suspended_at is None and has_begun and not has_ended

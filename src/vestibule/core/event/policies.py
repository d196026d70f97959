# SPDX-License-Identifier: Apache-2.0
"""The life of a policy: the tenant's, or the deployment's own with an empty ``tenant_id``."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProposed(AuditEvent):
    """``policy_hash`` is what would be in force, ``previous_hash`` what is."""

    kind = "policy.proposed"
    change_id: str
    policy_hash: str
    previous_hash: str
    is_loosening: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyApproved(AuditEvent):
    kind = "policy.approved"
    change_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWithdrawn(AuditEvent):
    """A proposal that nobody can put in force any more."""

    kind = "policy.withdrawn"
    change_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyActivated(AuditEvent):
    """From here on decisions are taken by this text."""

    kind = "policy.activated"
    change_id: str
    policy_version: int
    policy_hash: str
    previous_hash: str
    is_loosening: bool
    is_rollback: bool

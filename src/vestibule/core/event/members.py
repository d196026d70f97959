# SPDX-License-Identifier: Apache-2.0
"""Memberships, what they carry, and the people who hold them."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


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

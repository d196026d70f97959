# SPDX-License-Identifier: Apache-2.0
"""Tenants, their policy, domains and resources."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


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
    policy_hash: str


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
class DomainPut(AuditEvent):
    """A domain of the tenant was named, or its rung or role changed; what that ended is counted."""

    kind = "domain.put"
    domain: str
    rung: str
    role: str
    previous_rung: str | None
    revoked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRemoved(AuditEvent):
    kind = "domain.removed"
    domain: str
    revoked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainProved(AuditEvent):
    """The record was found when there was no live proof; looking again and finding it is no event."""

    kind = "domain.proved"
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainProofFailing(AuditEvent):
    """A live proof was not found again; it stands until its end."""

    kind = "domain.proof_failing"
    domain: str
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainProofLapsed(AuditEvent):
    kind = "domain.proof_lapsed"
    domain: str
    revoked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequested(AuditEvent):
    kind = "join.requested"
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinApproved(AuditEvent):
    kind = "join.approved"
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRejected(AuditEvent):
    kind = "join.rejected"
    request_id: str

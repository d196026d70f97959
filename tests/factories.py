# SPDX-License-Identifier: Apache-2.0
"""Valid values of core, one function each; a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from vestibule.core.binding import Grant, Snapshot
from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext, VerifiedAddress, VerifiedIdentity
from vestibule.core.invitation import Invitation
from vestibule.core.policy import DEFAULT_POLICY, NOTHING, load_hash
from vestibule.core.tenant import Membership, Tenant

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
INVITED = "vera@example.com"


def make_email(text: str = INVITED) -> EmailAddress:
    return EmailAddress.parse_input(text)


def make_identity(*addresses: str, **changes: Any) -> VerifiedIdentity:
    """A principal whose *addresses* (by default the invited one) are verified."""
    verified = tuple(VerifiedAddress(address=make_email(a), evidence="host") for a in addresses or (INVITED,))
    values: dict[str, Any] = {"principal_id": "principal-vera", "addresses": verified, "name": "Vera"}
    return VerifiedIdentity(**{**values, **changes})


def make_context(**changes: Any) -> RequestContext:
    values: dict[str, Any] = {"correlation_id": "request-1", "ip": "192.0.2.7", "source": "api"}
    return RequestContext(**{**values, **changes})


def make_tenant(**changes: Any) -> Tenant:
    values: dict[str, Any] = {
        "tenant_id": "acme",
        "name": "Acme",
        "policy": DEFAULT_POLICY,
        "policy_version": 1,
        "policy_hash": load_hash(NOTHING, NOTHING),
        "own_policy": NOTHING,
        "created_at": NOW - timedelta(days=30),
    }
    return Tenant(**{**values, **changes})


def make_membership(role: str = "admin", **changes: Any) -> Membership:
    values: dict[str, Any] = {
        "tenant_id": "acme",
        "principal_id": "principal-adam",
        "role": role,
        "created_at": NOW - timedelta(days=20),
    }
    return Membership(**{**values, **changes})


def make_invitation(**changes: Any) -> Invitation:
    values: dict[str, Any] = {
        "invitation_id": "invitation-1",
        "tenant_id": "acme",
        "role": "member",
        "invited_email": make_email(),
        "inviter_principal_id": "principal-adam",
        "generation": 1,
        "created_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=6),
        "policy_version": 1,
    }
    return Invitation(**{**values, **changes})


def make_grant(**changes: Any) -> Grant:
    values: dict[str, Any] = {
        "invitation_id": "invitation-1",
        "tenant_id": "acme",
        "role": "member",
        "invited_email": make_email(),
        "inviter_principal_id": "principal-adam",
        "generation": 1,
        "expires_at": NOW + timedelta(days=6),
        "consumed_at": None,
        "consumed_by_principal_id": None,
        "declined_at": None,
        "revoked_at": None,
        "membership_expires_in": None,
        "has_reservation": False,
        "tenant_name": "Acme",
        "policy": DEFAULT_POLICY,
        "policy_version": 1,
        "policy_hash": load_hash(NOTHING, NOTHING),
        "base_version": 0,
        "tenant_suspended": False,
        "tenant_deleted": False,
        "inviter_role": "admin",
        "inviter_name": "Adam",
        "recipient_barred": False,
    }
    return Grant(**{**values, **changes})


def make_snapshot(grant: Grant | None = None, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "now": NOW,
        "grant": grant or make_grant(),
        "existing_role": None,
        "holds_seat": False,
        "seat_shard": None,
        "principal_offboarded": False,
    }
    return Snapshot(**{**values, **changes})

# SPDX-License-Identifier: Apache-2.0
"""What actions need from the outside, as protocols, by subject. ``storage`` implements them; hosts may
replace members.

Every method runs inside the unit of work it belongs to and commits nothing.
"""

from __future__ import annotations

from vestibule.core.invitation import InvitationDraft
from vestibule.ports.accounts import Accounts, ApiKeys, AssertionVerifier, Passwords
from vestibule.ports.claims import ClaimKey, Claims, ClaimUnit, EventStamp, Settlement
from vestibule.ports.connections import Connections, RelyingParty, Sealer, Sessions
from vestibule.ports.delivery import ClaimedMessage, Outbox
from vestibule.ports.guards import Audit, Idempotency, RateLimits
from vestibule.ports.invitations import InvitationFilter, Invitations
from vestibule.ports.members import Members, PrincipalRecord, Principals
from vestibule.ports.tenants import Lock, Tenants
from vestibule.ports.unit_of_work import Runner, UnitOfWork

__all__ = [
    "Accounts",
    "ApiKeys",
    "AssertionVerifier",
    "Audit",
    "ClaimKey",
    "ClaimUnit",
    "ClaimedMessage",
    "Claims",
    "Connections",
    "EventStamp",
    "Idempotency",
    "InvitationDraft",
    "InvitationFilter",
    "Invitations",
    "Lock",
    "Members",
    "Outbox",
    "Passwords",
    "PrincipalRecord",
    "Principals",
    "RateLimits",
    "RelyingParty",
    "Runner",
    "Sealer",
    "Sessions",
    "Settlement",
    "Tenants",
    "UnitOfWork",
]

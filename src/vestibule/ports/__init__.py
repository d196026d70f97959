# SPDX-License-Identifier: Apache-2.0
"""What actions need from the outside, as protocols, by subject. ``storage`` implements them; hosts may
replace members.

Every method runs inside the unit of work it belongs to and commits nothing.
"""

from __future__ import annotations

from vestibule.core.invitation import InvitationDraft
from vestibule.ports.abuse import Abuse
from vestibule.ports.accounts import Accounts, ApiKeys, AssertionVerifier, Passwords
from vestibule.ports.anonymity import Anonymity
from vestibule.ports.claims import ClaimKey, Claims, ClaimUnit, EventStamp, Settlement
from vestibule.ports.connections import Connections, RelyingParty, Sealer, Sessions
from vestibule.ports.delivery import ClaimedMessage, Outbox
from vestibule.ports.directory import Directory
from vestibule.ports.domains import DomainNames, Domains, JoinRequests
from vestibule.ports.exports import Exports
from vestibule.ports.guards import Audit, Idempotency, RateLimits
from vestibule.ports.invitations import InvitationFilter, Invitations
from vestibule.ports.keys import KeyProvider, Keys, ProvidedKey, Signatures
from vestibule.ports.leaks import LeakReporters
from vestibule.ports.log import (
    Checkpoints,
    Log,
    LogEntry,
    QueuedEvent,
    SealedLeaf,
    StoredCheckpoint,
)
from vestibule.ports.members import Members, PrincipalRecord, Principals
from vestibule.ports.policies import Policies
from vestibule.ports.privacy import AddressSealer, People, Person, Subject
from vestibule.ports.promises import Approvals, Promises, Review, Reviews
from vestibule.ports.resources import Resources
from vestibule.ports.support import Support
from vestibule.ports.tenants import Lock, Tenants
from vestibule.ports.unit_of_work import Runner, UnitOfWork

__all__ = [
    "Abuse",
    "Accounts",
    "AddressSealer",
    "Anonymity",
    "ApiKeys",
    "Approvals",
    "AssertionVerifier",
    "Audit",
    "Checkpoints",
    "ClaimKey",
    "ClaimUnit",
    "ClaimedMessage",
    "Claims",
    "Connections",
    "Directory",
    "DomainNames",
    "Domains",
    "EventStamp",
    "Exports",
    "Idempotency",
    "InvitationDraft",
    "InvitationFilter",
    "Invitations",
    "JoinRequests",
    "KeyProvider",
    "Keys",
    "LeakReporters",
    "Lock",
    "Log",
    "LogEntry",
    "Members",
    "Outbox",
    "Passwords",
    "People",
    "Person",
    "Policies",
    "PrincipalRecord",
    "Principals",
    "Promises",
    "ProvidedKey",
    "QueuedEvent",
    "RateLimits",
    "RelyingParty",
    "Resources",
    "Review",
    "Reviews",
    "Runner",
    "SealedLeaf",
    "Sealer",
    "Sessions",
    "Settlement",
    "Signatures",
    "StoredCheckpoint",
    "Subject",
    "Support",
    "Tenants",
    "UnitOfWork",
]

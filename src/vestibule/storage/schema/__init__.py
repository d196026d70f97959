# SPDX-License-Identifier: Apache-2.0
"""Tables, constraints and indexes: the single source of truth for both engines, by subject.

Constraints carry the truth: unique token hash, one membership per principal and tenant, one pending grant
per target, at most one final timestamp. Triggers (``triggers.py``) keep what must never change.
Keys lead with ``tenant_id`` where that allows a distributed PostgreSQL to shard.
"""

from __future__ import annotations

from vestibule.storage.schema.anonymity import anonymous_events, anonymous_issuances, anonymous_redemptions
from vestibule.storage.schema.base import Instant, from_milliseconds, metadata, to_milliseconds
from vestibule.storage.schema.domains import (
    directory_bars,
    directory_groups,
    directory_users,
    domains,
    join_requests,
)
from vestibule.storage.schema.identity import accounts, api_keys, challenges, connections, sessions, sign_ins
from vestibule.storage.schema.invitations import (
    approvals,
    invitation_grants,
    invitations,
    reports,
    suppressions,
)
from vestibule.storage.schema.keys import keys
from vestibule.storage.schema.log import (
    checkpoints,
    cosignatures,
    log_entries,
    log_leaves,
    log_nodes,
    log_queue,
    log_trees,
)
from vestibule.storage.schema.members import grants, memberships, principal_addresses, principals, reviews
from vestibule.storage.schema.privacy import privacy, subjects
from vestibule.storage.schema.records import audit_events, idempotency_keys, outbox_messages, rate_limits
from vestibule.storage.schema.tenants import (
    deployment,
    policy_changes,
    policy_documents,
    resources,
    seat_shards,
    tenants,
)

__all__ = [
    "Instant",
    "accounts",
    "anonymous_events",
    "anonymous_issuances",
    "anonymous_redemptions",
    "api_keys",
    "approvals",
    "audit_events",
    "challenges",
    "checkpoints",
    "connections",
    "cosignatures",
    "deployment",
    "directory_bars",
    "directory_groups",
    "directory_users",
    "domains",
    "from_milliseconds",
    "grants",
    "idempotency_keys",
    "invitation_grants",
    "invitations",
    "join_requests",
    "keys",
    "log_entries",
    "log_leaves",
    "log_nodes",
    "log_queue",
    "log_trees",
    "memberships",
    "metadata",
    "outbox_messages",
    "policy_changes",
    "policy_documents",
    "principal_addresses",
    "principals",
    "privacy",
    "rate_limits",
    "reports",
    "resources",
    "reviews",
    "seat_shards",
    "sessions",
    "sign_ins",
    "subjects",
    "suppressions",
    "tenants",
    "to_milliseconds",
]

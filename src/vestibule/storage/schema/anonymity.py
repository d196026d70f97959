# SPDX-License-Identifier: Apache-2.0
"""Anonymous events. Issuances and redemptions have no time, no order, and nothing but the event in common."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

anonymous_events = sa.Table(
    "vestibule_anonymous_events",
    metadata,
    sa.Column("event_id", text(36), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("key_id", sa.ForeignKey("vestibule_keys.key_id"), nullable=False),
    sa.Column("min_set_size", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("opens_at", Instant),
    sa.Column("closes_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    sa.Column("issued_count", sa.Integer, nullable=False),
    sa.Column("redeemed_count", sa.Integer, nullable=False),
    sa.CheckConstraint("redeemed_count <= issued_count", name="no_more_redeemed_than_issued"),
    sa.Index("ix_vestibule_anonymous_events_list", "tenant_id", "created_at", "event_id"),
)

# ``blinded_hash``: the same message is signed again when an answer was lost. Blinding hides what it is.
anonymous_issuances = sa.Table(
    "vestibule_anonymous_issuances",
    metadata,
    sa.Column("event_id", sa.ForeignKey("vestibule_anonymous_events.event_id"), primary_key=True),
    sa.Column("principal_id", text(255), primary_key=True),
    sa.Column("blinded_hash", sa.LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

anonymous_redemptions = sa.Table(
    "vestibule_anonymous_redemptions",
    metadata,
    sa.Column("event_id", sa.ForeignKey("vestibule_anonymous_events.event_id"), primary_key=True),
    sa.Column("message_hash", sa.LargeBinary(32), primary_key=True),
    sqlite_with_rowid=False,
)

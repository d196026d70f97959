# SPDX-License-Identifier: Apache-2.0
"""The trail, the outbox, counters, and answers kept for repeats."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

audit_events = sa.Table(
    "vestibule_audit_events",
    metadata,
    sa.Column("event_id", text(36), primary_key=True),
    sa.Column("tenant_id", text(64), nullable=False),
    sa.Column("invitation_id", text(36)),
    sa.Column("kind", text(48), nullable=False),
    sa.Column("occurred_at", Instant, nullable=False),
    sa.Column("actor_id", text(255), nullable=False),
    sa.Column("correlation_id", text(64), nullable=False),
    sa.Column("source", text(16), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_vestibule_audit_events_list", "tenant_id", "occurred_at", "event_id"),
    sa.Index("ix_vestibule_audit_events_invitation_id", "invitation_id"),
)

outbox_messages = sa.Table(
    "vestibule_outbox_messages",
    metadata,
    sa.Column("message_id", text(36), primary_key=True),
    sa.Column("kind", text(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("claimed_by", text(64)),
    sa.Column("settled_at", Instant),
    sa.Column("outcome", text(32)),
    sa.Index(
        "ix_vestibule_outbox_messages_due",
        "due_at",
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    ),
)

rate_limits = sa.Table(
    "vestibule_rate_limits",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("arrives_at_ms", sa.Double, nullable=False),
)

idempotency_keys = sa.Table(
    "vestibule_idempotency_keys",
    metadata,
    sa.Column("scope_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("body_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_vestibule_idempotency_keys_created_at", "created_at"),
)

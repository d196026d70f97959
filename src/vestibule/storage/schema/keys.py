# SPDX-License-Identifier: Apache-2.0
"""Keys without their private halves."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

_ACTIVE = "active_at IS NOT NULL AND replaced_at IS NULL AND compromised_at IS NULL"
_PENDING = "active_at IS NULL AND compromised_at IS NULL"

keys = sa.Table(
    "vestibule_keys",
    metadata,
    sa.Column("key_id", text(64), primary_key=True),
    sa.Column("purpose", text(80), nullable=False),
    sa.Column("algorithm", text(32), nullable=False),
    sa.Column("provider", text(16), nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("public_key", sa.LargeBinary),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("active_at", Instant),
    sa.Column("replaced_at", Instant),
    sa.Column("verify_until", Instant),
    sa.Column("compromised_at", Instant),
    sa.Column("created_event_id", text(36)),
    sa.Column("activated_event_id", text(36)),
    sa.Column("compromised_event_id", text(36)),
    sa.CheckConstraint("(replaced_at IS NULL) = (verify_until IS NULL)", name="replaced_with_an_end"),
    sa.Index(
        "uq_vestibule_keys_active",
        "purpose",
        unique=True,
        sqlite_where=sa.text(_ACTIVE),
        postgresql_where=sa.text(_ACTIVE),
    ),
    sa.Index(
        "uq_vestibule_keys_pending",
        "purpose",
        unique=True,
        sqlite_where=sa.text(_PENDING),
        postgresql_where=sa.text(_PENDING),
    ),
)

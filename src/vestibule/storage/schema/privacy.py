# SPDX-License-Identifier: Apache-2.0
"""The addresses themselves, sealed: one row to an address and tenant. Other tables hold its index only."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

# ``scope`` is the tenant, or empty for what belongs to none.
subjects = sa.Table(
    "vestibule_subjects",
    metadata,
    sa.Column("scope", text(64), primary_key=True),
    sa.Column("subject", text(320), primary_key=True),
    sa.Column("kek_id", text(64), nullable=False),
    sa.Column("wrapped_key", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Index("ix_vestibule_subjects_kek_id", "kek_id"),
)

# Whether addresses are sealed here, and by which index key: decided once, with the first address.
privacy = sa.Table(
    "vestibule_privacy",
    metadata,
    sa.Column("privacy_id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("index_key_id", text(64), nullable=False),
    sa.Column("sealed_at", Instant, nullable=False),
)

# SPDX-License-Identifier: Apache-2.0
"""The sealed trail: what waits to be sealed, the trees, the log's own entries, signed checkpoints.

A trigger puts every new audit event in ``log_queue``, in the transaction of what it records; only the sealer
takes it out. Of a tree only what proofs need is stored: its leaves, and the roots of its complete subtrees of
256, 65,536, … leaves.
"""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

_PLACE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

log_queue = sa.Table(
    "vestibule_log_queue",
    metadata,
    sa.Column("place", _PLACE, primary_key=True, autoincrement=True),
    sa.Column("event_id", text(36), nullable=False),
)

# One tree to a tenant, by its pseudonym; the log itself is the one without a tenant.
log_trees = sa.Table(
    "vestibule_log_trees",
    metadata,
    sa.Column("tree_id", text(64), primary_key=True),
    sa.Column("tenant_id", text(64), unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
)

log_leaves = sa.Table(
    "vestibule_log_leaves",
    metadata,
    sa.Column("tenant_id", text(64), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_id", text(36), nullable=False, unique=True),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
)

log_nodes = sa.Table(
    "vestibule_log_nodes",
    metadata,
    sa.Column("tree_id", text(64), primary_key=True),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("node_hash", sa.LargeBinary(32), nullable=False),
)

# The log's own leaves, as exact bytes: heads of tenants' trees, and the manifest of each day.
log_entries = sa.Table(
    "vestibule_log_entries",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.LargeBinary, nullable=False),
    sa.Column("tenant_id", text(64)),
    sa.Column("size", sa.BigInteger),
    sa.Column("day", text(10), unique=True),
    sa.UniqueConstraint("tenant_id", "size"),
)

# Without a note: somebody is signing it, until ``claimed_until``.
checkpoints = sa.Table(
    "vestibule_checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("claimed_by", text(64), nullable=False),
    sa.Column("claimed_until", Instant, nullable=False),
    sa.Column("key_id", text(64)),
    sa.Column("note", sa.Text),
    sa.Column("signed_at", Instant),
    sa.CheckConstraint("(note IS NULL) = (signed_at IS NULL)", name="signed_at_a_time"),
)

cosignatures = sa.Table(
    "vestibule_cosignatures",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("witness", text(255), primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("cosigned_at", Instant, nullable=False),
)

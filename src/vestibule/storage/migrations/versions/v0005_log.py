# SPDX-License-Identifier: Apache-2.0
"""The sealed trail: queue, trees, entries, checkpoints. What was written before waits to be sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant
from vestibule.storage.triggers import POSTGRESQL_LOG_TRIGGERS, SQLITE_LOG_TRIGGERS

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_queue()
    _create_trees()
    _create_entries()
    _create_checkpoints()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_LOG_TRIGGERS if is_sqlite else POSTGRESQL_LOG_TRIGGERS:
        op.get_bind().exec_driver_sql(statement.replace("%", "%%") if not is_sqlite else statement)
    op.execute(
        "INSERT INTO vestibule_log_queue (event_id)"
        " SELECT event_id FROM vestibule_audit_events ORDER BY occurred_at, event_id"
    )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _create_queue() -> None:
    op.create_table(
        "vestibule_log_queue",
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", _text(36), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_vestibule_log_queue")),
    )


def _create_trees() -> None:
    op.create_table(
        "vestibule_log_trees",
        sa.Column("tree_id", _text(64), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tree_id", name=op.f("pk_vestibule_log_trees")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_vestibule_log_trees_tenant_id")),
    )
    op.create_table(
        "vestibule_log_leaves",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", _text(36), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name=op.f("pk_vestibule_log_leaves")),
        sa.UniqueConstraint("event_id", name=op.f("uq_vestibule_log_leaves_event_id")),
    )
    op.create_table(
        "vestibule_log_nodes",
        sa.Column("tree_id", _text(64), nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tree_id", "level", "place", name=op.f("pk_vestibule_log_nodes")),
    )


def _create_entries() -> None:
    op.create_table(
        "vestibule_log_entries",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("day", _text(10), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_vestibule_log_entries")),
        sa.UniqueConstraint("day", name=op.f("uq_vestibule_log_entries_day")),
        sa.UniqueConstraint("tenant_id", "size", name=op.f("uq_vestibule_log_entries_tenant_id_size")),
    )


def _create_checkpoints() -> None:
    op.create_table(
        "vestibule_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claimed_by", _text(64), nullable=False),
        sa.Column("claimed_until", Instant(), nullable=False),
        sa.Column("key_id", _text(64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("signed_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "(note IS NULL) = (signed_at IS NULL)", name=op.f("ck_vestibule_checkpoints_signed_at_a_time")
        ),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_vestibule_checkpoints")),
    )
    op.create_table(
        "vestibule_cosignatures",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", _text(255), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("cosigned_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_vestibule_cosignatures")),
    )

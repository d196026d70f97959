# SPDX-License-Identifier: Apache-2.0
"""Private data: sealed addresses, and what erasing may change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant
from vestibule.storage.triggers import POSTGRESQL_ERASURE, SQLITE_ERASURE

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEPT = (
    "erased_at IS NULL AND (consumed_at IS NOT NULL OR declined_at IS NOT NULL"
    " OR revoked_at IS NOT NULL OR expired_at IS NOT NULL)"
)


def upgrade() -> None:
    op.create_table(
        "vestibule_subjects",
        sa.Column("scope", _text(64), nullable=False),
        sa.Column("subject", _text(320), nullable=False),
        sa.Column("kek_id", _text(64), nullable=False),
        sa.Column("wrapped_key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", name=op.f("pk_vestibule_subjects")),
    )
    op.create_index("ix_vestibule_subjects_kek_id", "vestibule_subjects", ["kek_id"])
    op.create_table(
        "vestibule_privacy",
        sa.Column("privacy_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index_key_id", _text(64), nullable=False),
        sa.Column("sealed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("privacy_id", name=op.f("pk_vestibule_privacy")),
    )
    op.add_column("vestibule_invitations", sa.Column("personal", sa.LargeBinary(), nullable=True))
    op.add_column("vestibule_invitations", sa.Column("erased_at", Instant(), nullable=True))
    op.add_column("vestibule_domains", sa.Column("domain_index", _text(64), nullable=True))
    op.create_index(
        "ix_vestibule_invitations_kept",
        "vestibule_invitations",
        ["created_at"],
        sqlite_where=sa.text(_KEPT),
        postgresql_where=sa.text(_KEPT),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_ERASURE if is_sqlite else POSTGRESQL_ERASURE:
        op.get_bind().exec_driver_sql(statement)


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")

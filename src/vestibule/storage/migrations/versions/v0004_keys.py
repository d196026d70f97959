# SPDX-License-Identifier: Apache-2.0
"""The key ring: versions of keys by purpose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ACTIVE = "active_at IS NOT NULL AND replaced_at IS NULL AND compromised_at IS NULL"
_PENDING = "active_at IS NULL AND compromised_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "vestibule_keys",
        sa.Column("key_id", _text(64), nullable=False),
        sa.Column("purpose", _text(80), nullable=False),
        sa.Column("algorithm", _text(32), nullable=False),
        sa.Column("provider", _text(16), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("active_at", Instant(), nullable=True),
        sa.Column("replaced_at", Instant(), nullable=True),
        sa.Column("verify_until", Instant(), nullable=True),
        sa.Column("compromised_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "(replaced_at IS NULL) = (verify_until IS NULL)",
            name=op.f("ck_vestibule_keys_replaced_with_an_end"),
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_vestibule_keys")),
    )
    for name, where in (("active", _ACTIVE), ("pending", _PENDING)):
        op.create_index(
            f"uq_vestibule_keys_{name}",
            "vestibule_keys",
            ["purpose"],
            unique=True,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")

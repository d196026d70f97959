# SPDX-License-Identifier: Apache-2.0
"""Anonymous events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_EVENTS = "vestibule_anonymous_events"


def upgrade() -> None:
    op.create_table(
        _EVENTS,
        sa.Column("event_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key_id", _text(64), nullable=False),
        sa.Column("min_set_size", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("opens_at", Instant(), nullable=True),
        sa.Column("closes_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("issued_count", sa.Integer(), nullable=False),
        sa.Column("redeemed_count", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "redeemed_count <= issued_count", name=op.f(f"ck_{_EVENTS}_no_more_redeemed_than_issued")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f(f"fk_{_EVENTS}_tenant_id_vestibule_tenants"),
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["vestibule_keys.key_id"], name=op.f(f"fk_{_EVENTS}_key_id_vestibule_keys")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f(f"pk_{_EVENTS}")),
    )
    op.create_index(f"ix_{_EVENTS}_list", _EVENTS, ["tenant_id", "created_at", "event_id"], unique=False)
    _create_record(
        "vestibule_anonymous_issuances", sa.Column("principal_id", _text(255), nullable=False), True
    )
    _create_record(
        "vestibule_anonymous_redemptions",
        sa.Column("message_hash", sa.LargeBinary(length=32), nullable=False),
        False,
    )


def _create_record(table: str, second: sa.Column[object], has_hash: bool) -> None:  # noqa: FBT001 - two tables
    extra = [sa.Column("blinded_hash", sa.LargeBinary(length=32), nullable=False)] if has_hash else []
    op.create_table(
        table,
        sa.Column("event_id", _text(36), nullable=False),
        second,
        *extra,
        sa.ForeignKeyConstraint(
            ["event_id"], [f"{_EVENTS}.event_id"], name=op.f(f"fk_{table}_event_id_{_EVENTS}")
        ),
        sa.PrimaryKeyConstraint("event_id", second.name, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")

# SPDX-License-Identifier: Apache-2.0
"""Connections, directories, suppressions; sessions of any kind of sign-in.

Sessions are made anew: whoever was signed in signs in again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _remake_sessions()
    _create_connections()
    _create_sign_ins()
    _create_suppressions()
    _create_directory_groups()
    _create_directory_users()
    _create_directory_bars()
    _create_reports()


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _remake_sessions() -> None:
    op.drop_table("vestibule_sessions")
    op.create_table(
        "vestibule_sessions",
        sa.Column("session_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("connection_id", _text(64), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("amr", sa.String(length=255), nullable=False),
        sa.Column("authenticated_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_vestibule_sessions")),
    )
    op.create_index(
        "ix_vestibule_sessions_principal_id", "vestibule_sessions", ["principal_id"], unique=False
    )
    op.create_index("ix_vestibule_sessions_expires_at", "vestibule_sessions", ["expires_at"], unique=False)


def _create_connections() -> None:
    op.create_table(
        "vestibule_connections",
        sa.Column("connection_id", _text(64), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("provider", _text(16), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.Column("amr_map", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_vestibule_connections")),
    )
    op.create_index(
        "ix_vestibule_connections_list",
        "vestibule_connections",
        ["tenant_id", "created_at", "connection_id"],
        unique=False,
    )


def _create_sign_ins() -> None:
    op.create_table(
        "vestibule_sign_ins",
        sa.Column("sign_in_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("connection_id", _text(64), nullable=False),
        sa.Column("next_path", sa.String(length=500), nullable=False),
        sa.Column("max_age", sa.Integer(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sign_in_hash", name=op.f("pk_vestibule_sign_ins")),
    )
    op.create_index("ix_vestibule_sign_ins_expires_at", "vestibule_sign_ins", ["expires_at"], unique=False)


def _create_suppressions() -> None:
    op.create_table(
        "vestibule_suppressions",
        sa.Column("address", _text(320), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("reason", _text(16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("address", "tenant_id", name=op.f("pk_vestibule_suppressions")),
    )
    op.create_index(
        "ix_vestibule_suppressions_tenant_id",
        "vestibule_suppressions",
        ["tenant_id", "created_at"],
        unique=False,
    )


def _create_directory_groups() -> None:
    op.create_table(
        "vestibule_directory_groups",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("group_id", _text(36), nullable=False),
        sa.Column("group_name", _text(255), nullable=False),
        sa.Column("external_id", _text(255), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_directory_groups_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "group_id", name=op.f("pk_vestibule_directory_groups")),
    )


def _create_directory_users() -> None:
    op.create_table(
        "vestibule_directory_users",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("user_id", _text(36), nullable=False),
        sa.Column("user_name", _text(320), nullable=False),
        sa.Column("external_id", _text(255), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_directory_users_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_vestibule_directory_users")),
    )
    op.create_index(
        "uq_vestibule_directory_users_name",
        "vestibule_directory_users",
        ["tenant_id", "user_name"],
        unique=True,
    )
    op.create_index(
        "ix_vestibule_directory_users_external_id",
        "vestibule_directory_users",
        ["tenant_id", "external_id"],
        unique=False,
    )


def _create_directory_bars() -> None:
    op.create_table(
        "vestibule_directory_bars",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("subject", _text(320), nullable=False),
        sa.Column("user_id", _text(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_directory_bars_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "subject", "user_id", name=op.f("pk_vestibule_directory_bars")),
    )


def _create_reports() -> None:
    op.create_table(
        "vestibule_reports",
        sa.Column("report_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("invitation_id", _text(36), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_reports_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_vestibule_reports")),
    )
    op.create_index(
        "ix_vestibule_reports_list",
        "vestibule_reports",
        ["tenant_id", "created_at", "report_id"],
        unique=False,
    )

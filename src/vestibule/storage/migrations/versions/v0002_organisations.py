# SPDX-License-Identifier: Apache-2.0
"""Policy as code, approvals, bundles, time-bound memberships, domains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_columns()
    _create_deployment()
    _create_policy_changes()
    _create_policy_documents()
    _create_domains()
    _create_grants()
    _create_join_requests()
    _create_resources()
    _create_reviews()
    _create_approvals()
    _create_invitation_grants()


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _add_columns() -> None:
    op.add_column("vestibule_api_keys", sa.Column("tenant_id", _text(64), nullable=True))
    op.add_column("vestibule_invitations", sa.Column("held_at", Instant(), nullable=True))
    op.add_column("vestibule_invitations", sa.Column("approved_at", Instant(), nullable=True))
    op.add_column("vestibule_invitations", sa.Column("release_at", Instant(), nullable=True))
    _create_release_index()
    op.add_column("vestibule_invitations", sa.Column("justification", sa.String(length=1000), nullable=True))
    op.add_column(
        "vestibule_invitations",
        sa.Column("grants_only", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("vestibule_invitations", sa.Column("bound_principal_id", _text(255), nullable=True))
    op.add_column("vestibule_invitations", sa.Column("membership_starts_at", Instant(), nullable=True))
    op.add_column("vestibule_invitations", sa.Column("corrects_id", _text(36), nullable=True))
    op.add_column(
        "vestibule_invitations", sa.Column("deliver", _text(8), server_default="email", nullable=False)
    )
    op.add_column("vestibule_memberships", sa.Column("starts_at", Instant(), nullable=True))
    op.add_column("vestibule_memberships", sa.Column("end_announced_at", Instant(), nullable=True))


def _create_deployment() -> None:
    op.create_table(
        "vestibule_deployment",
        sa.Column("deployment_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_vestibule_deployment")),
    )


def _create_policy_changes() -> None:
    op.create_table(
        "vestibule_policy_changes",
        sa.Column("change_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("policy_hash", _text(71), nullable=False),
        sa.Column("base_hash", _text(71), nullable=False),
        sa.Column("is_loosening", sa.Boolean(), nullable=False),
        sa.Column("author_id", _text(255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("approver_id", _text(255), nullable=True),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.Column("activated_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_vestibule_policy_changes")),
    )
    op.create_index(
        "ix_vestibule_policy_changes_list",
        "vestibule_policy_changes",
        ["tenant_id", "created_at", "change_id"],
        unique=False,
    )


def _create_policy_documents() -> None:
    op.create_table(
        "vestibule_policy_documents",
        sa.Column("policy_hash", _text(71), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("policy_hash", name=op.f("pk_vestibule_policy_documents")),
    )


def _create_domains() -> None:
    op.create_table(
        "vestibule_domains",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("domain", _text(255), nullable=False),
        sa.Column("rung", _text(16), nullable=False),
        sa.Column("role", _text(32), nullable=False),
        sa.Column("challenge", _text(64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("proved_at", Instant(), nullable=True),
        sa.Column("proof_expires_at", Instant(), nullable=True),
        sa.Column("checked_at", Instant(), nullable=True),
        sa.Column("finding", _text(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_domains_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "domain", name=op.f("pk_vestibule_domains")),
    )
    op.create_index("ix_vestibule_domains_domain", "vestibule_domains", ["domain"], unique=False)


def _create_grants() -> None:
    op.create_table(
        "vestibule_grants",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("resource_id", _text(128), nullable=False),
        sa.Column("role", _text(32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("invitation_id", _text(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_grants_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "principal_id", "resource_id", name=op.f("pk_vestibule_grants")),
    )
    op.create_index(
        "ix_vestibule_grants_expires_at",
        "vestibule_grants",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_vestibule_grants_resource", "vestibule_grants", ["tenant_id", "resource_id"], unique=False
    )


def _create_join_requests() -> None:
    op.create_table(
        "vestibule_join_requests",
        sa.Column("request_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("address", _text(320), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.Column("rejected_at", Instant(), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column("decided_by_principal_id", _text(255), nullable=True),
        sa.Column("invitation_id", _text(36), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_join_requests_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_vestibule_join_requests")),
    )
    op.create_index(
        "ix_vestibule_join_requests_list",
        "vestibule_join_requests",
        ["tenant_id", "created_at", "request_id"],
        unique=False,
    )
    op.create_index(
        "uq_vestibule_join_requests_open",
        "vestibule_join_requests",
        ["tenant_id", "principal_id"],
        unique=True,
        sqlite_where=sa.text("approved_at IS NULL AND rejected_at IS NULL AND withdrawn_at IS NULL"),
        postgresql_where=sa.text("approved_at IS NULL AND rejected_at IS NULL AND withdrawn_at IS NULL"),
    )


def _create_resources() -> None:
    op.create_table(
        "vestibule_resources",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("resource_id", _text(128), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_resources_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "resource_id", name=op.f("pk_vestibule_resources")),
    )


def _create_reviews() -> None:
    op.create_table(
        "vestibule_reviews",
        sa.Column("invitation_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("role", _text(32), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("reviewed_at", Instant(), nullable=True),
        sa.Column("reviewer_principal_id", _text(255), nullable=True),
        sa.Column("note", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_reviews_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_vestibule_reviews")),
    )
    op.create_index(
        "ix_vestibule_reviews_list",
        "vestibule_reviews",
        ["tenant_id", "opened_at", "invitation_id"],
        unique=False,
    )


def _create_release_index() -> None:
    op.create_index(
        "ix_vestibule_invitations_release_at",
        "vestibule_invitations",
        ["release_at"],
        unique=False,
        sqlite_where=sa.text("release_at IS NOT NULL"),
        postgresql_where=sa.text("release_at IS NOT NULL"),
    )


def _create_approvals() -> None:
    op.create_table(
        "vestibule_approvals",
        sa.Column("invitation_id", _text(36), nullable=False),
        sa.Column("approver_principal_id", _text(255), nullable=False),
        sa.Column("digest", _text(71), nullable=False),
        sa.Column("connection", _text(255), nullable=True),
        sa.Column("amr", sa.String(length=255), nullable=False),
        sa.Column("authenticated_at", Instant(), nullable=True),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["vestibule_invitations.invitation_id"],
            name=op.f("fk_vestibule_approvals_invitation_id_vestibule_invitations"),
        ),
        sa.PrimaryKeyConstraint(
            "invitation_id", "approver_principal_id", name=op.f("pk_vestibule_approvals")
        ),
    )


def _create_invitation_grants() -> None:
    op.create_table(
        "vestibule_invitation_grants",
        sa.Column("invitation_id", _text(36), nullable=False),
        sa.Column("resource_id", _text(128), nullable=False),
        sa.Column("role", _text(32), nullable=False),
        sa.Column("expires_in", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["vestibule_invitations.invitation_id"],
            name=op.f("fk_vestibule_invitation_grants_invitation_id_vestibule_invitations"),
        ),
        sa.PrimaryKeyConstraint("invitation_id", "resource_id", name=op.f("pk_vestibule_invitation_grants")),
    )
    op.create_index(
        "ix_vestibule_invitation_grants_resource_id",
        "vestibule_invitation_grants",
        ["resource_id"],
        unique=False,
    )

# SPDX-License-Identifier: Apache-2.0
"""Pending grants, what they bundle, their approvals, and who wants none."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

_OPEN = "consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL"
_FINAL_COUNT = " + ".join(
    f"CAST({column} IS NOT NULL AS INTEGER)"
    for column in ("consumed_at", "declined_at", "revoked_at", "expired_at")
)

_KEPT = (
    "erased_at IS NULL AND (consumed_at IS NOT NULL OR declined_at IS NOT NULL"
    " OR revoked_at IS NOT NULL OR expired_at IS NOT NULL)"
)

invitations = sa.Table(
    "vestibule_invitations",
    metadata,
    sa.Column("invitation_id", text(36), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), nullable=False),
    sa.Column("role", text(32), nullable=False),
    sa.Column("invited_email", text(320), nullable=False),
    sa.Column("inviter_principal_id", text(255), nullable=False),
    sa.Column("target", text(32), nullable=False),
    sa.Column("claim_token_hash", sa.LargeBinary(32)),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_in", sa.Integer),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("has_reservation", sa.Boolean, nullable=False),
    sa.Column("locale", text(16), nullable=False),
    sa.Column("message", sa.String(1000)),
    sa.Column("scope", sa.String(255)),
    sa.Column("metadata_json", sa.Text),
    sa.Column("membership_expires_in", sa.Integer),
    sa.Column("send_count", sa.Integer, nullable=False),
    sa.Column("last_sent_at", Instant),
    sa.Column("resent_at", Instant),
    sa.Column("consumed_at", Instant),
    sa.Column("consumed_by_principal_id", text(255)),
    sa.Column("declined_at", Instant),
    sa.Column("declined_by_principal_id", text(255)),
    sa.Column("revoked_at", Instant),
    sa.Column("revoked_reason", text(32)),
    sa.Column("expired_at", Instant),
    sa.Column("issued_ip", text(64), nullable=False),
    sa.Column("issued_ua", sa.String(300), nullable=False),
    sa.Column("source", text(16), nullable=False),
    sa.Column("correlation_id", text(64), nullable=False),
    sa.Column("held_at", Instant),
    sa.Column("approved_at", Instant),
    sa.Column("release_at", Instant),
    sa.Column("justification", sa.String(1000)),
    sa.Column("grants_only", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("bound_principal_id", text(255)),
    sa.Column("membership_starts_at", Instant),
    sa.Column("corrects_id", text(36)),
    sa.Column("deliver", text(8), nullable=False, server_default="email"),
    # Message, justification and metadata, sealed; then their own columns are empty.
    sa.Column("personal", sa.LargeBinary),
    sa.Column("erased_at", Instant),
    # Where the tenant keeps no addresses: this one, sealed, as long as an approval or a mail is awaited.
    sa.Column("due_address", sa.LargeBinary),
    sa.CheckConstraint(f"{_FINAL_COUNT} <= 1", name="one_final_state"),
    sa.CheckConstraint(
        "(consumed_at IS NULL) = (consumed_by_principal_id IS NULL)", name="consumed_by_somebody"
    ),
    sa.CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_for_a_reason"),
    sa.Index("uq_vestibule_invitations_claim_token_hash", "claim_token_hash", unique=True),
    sa.Index(
        "uq_vestibule_invitations_open_target",
        "tenant_id",
        "invited_email",
        "target",
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index(
        "ix_vestibule_invitations_release_at",
        "release_at",
        sqlite_where=sa.text("release_at IS NOT NULL"),
        postgresql_where=sa.text("release_at IS NOT NULL"),
    ),
    sa.Index("ix_vestibule_invitations_list", "tenant_id", "created_at", "invitation_id"),
    sa.Index("ix_vestibule_invitations_email", "invited_email"),
    sa.Index(
        "ix_vestibule_invitations_kept",
        "created_at",
        sqlite_where=sa.text(_KEPT),
        postgresql_where=sa.text(_KEPT),
    ),
    sa.Index(
        "ix_vestibule_invitations_open_list",
        "tenant_id",
        "created_at",
        "invitation_id",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index(
        "ix_vestibule_invitations_open_inviter",
        "inviter_principal_id",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index(
        "ix_vestibule_invitations_open_expiry",
        "expires_at",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
)

invitation_grants = sa.Table(
    "vestibule_invitation_grants",
    metadata,
    sa.Column("invitation_id", sa.ForeignKey("vestibule_invitations.invitation_id"), primary_key=True),
    sa.Column("resource_id", text(128), primary_key=True),
    sa.Column("role", text(32), nullable=False),
    sa.Column("expires_in", sa.Integer),
    sa.Index("ix_vestibule_invitation_grants_resource_id", "resource_id"),
)

approvals = sa.Table(
    "vestibule_approvals",
    metadata,
    sa.Column("invitation_id", sa.ForeignKey("vestibule_invitations.invitation_id"), primary_key=True),
    sa.Column("approver_principal_id", text(255), primary_key=True),
    sa.Column("digest", text(71), nullable=False),
    sa.Column("connection", text(255)),
    sa.Column("amr", sa.String(255), nullable=False),
    sa.Column("authenticated_at", Instant),
    sa.Column("approved_at", Instant, nullable=False),
)

# ``tenant_id`` is empty when the address wants no invitation from anybody.
suppressions = sa.Table(
    "vestibule_suppressions",
    metadata,
    sa.Column("address", text(320), primary_key=True),
    sa.Column("tenant_id", text(64), primary_key=True),
    sa.Column("reason", text(16), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_vestibule_suppressions_tenant_id", "tenant_id", "created_at"),
)

reports = sa.Table(
    "vestibule_reports",
    metadata,
    sa.Column("report_id", text(36), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), nullable=False),
    sa.Column("invitation_id", text(36), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_vestibule_reports_list", "tenant_id", "created_at", "report_id"),
)

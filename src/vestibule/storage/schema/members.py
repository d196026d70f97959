# SPDX-License-Identifier: Apache-2.0
"""Principals as last asserted, memberships, and what their members hold beside them."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

principals = sa.Table(
    "vestibule_principals",
    metadata,
    sa.Column("principal_id", text(255), primary_key=True),
    sa.Column("name", sa.String(200)),
    sa.Column("asserted_at", Instant, nullable=False),
    sa.Column("offboarded_at", Instant),
)

principal_addresses = sa.Table(
    "vestibule_principal_addresses",
    metadata,
    sa.Column("principal_id", text(255), primary_key=True),
    sa.Column("address", text(320), primary_key=True),
    sa.Index("ix_vestibule_principal_addresses_address", "address"),
)

memberships = sa.Table(
    "vestibule_memberships",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("principal_id", text(255), primary_key=True),
    sa.Column("role", text(32), nullable=False),
    sa.Column("email", text(320)),
    sa.Column("name", sa.String(200)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("suspended_at", Instant),
    sa.Column("invitation_id", text(36)),
    sa.Column("starts_at", Instant),
    sa.Column("end_announced_at", Instant),
    sa.Index("ix_vestibule_memberships_list", "tenant_id", "created_at", "principal_id"),
    sa.Index("ix_vestibule_memberships_principal_id", "principal_id"),
    sa.Index("ix_vestibule_memberships_email", "tenant_id", "email"),
    sa.Index(
        "ix_vestibule_memberships_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    ),
)

grants = sa.Table(
    "vestibule_grants",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("principal_id", text(255), primary_key=True),
    sa.Column("resource_id", text(128), primary_key=True),
    sa.Column("role", text(32), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("invitation_id", text(36), nullable=False),
    sa.Index("ix_vestibule_grants_resource", "tenant_id", "resource_id"),
    sa.Index(
        "ix_vestibule_grants_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    ),
)

# Break-glass grants that somebody else must look at afterwards.
reviews = sa.Table(
    "vestibule_reviews",
    metadata,
    sa.Column("invitation_id", text(36), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), nullable=False),
    sa.Column("principal_id", text(255), nullable=False),
    sa.Column("role", text(32), nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("reviewed_at", Instant),
    sa.Column("reviewer_principal_id", text(255)),
    sa.Column("note", sa.String(1000)),
    sa.Index("ix_vestibule_reviews_list", "tenant_id", "opened_at", "invitation_id"),
)

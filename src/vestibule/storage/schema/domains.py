# SPDX-License-Identifier: Apache-2.0
"""Domains that a tenant proved, requests to join, and what a directory said."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

domains = sa.Table(
    "vestibule_domains",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("domain", text(255), primary_key=True),
    sa.Column("rung", text(16), nullable=False),
    sa.Column("role", text(32), nullable=False),
    sa.Column("challenge", text(64), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("proved_at", Instant),
    sa.Column("proof_expires_at", Instant),
    sa.Column("checked_at", Instant),
    sa.Column("finding", text(64)),
    # Where addresses are sealed: what the stored form of each address at this domain ends in.
    sa.Column("domain_index", text(64)),
    sa.Index("ix_vestibule_domains_domain", "domain"),
)

join_requests = sa.Table(
    "vestibule_join_requests",
    metadata,
    sa.Column("request_id", text(36), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), nullable=False),
    sa.Column("principal_id", text(255), nullable=False),
    sa.Column("address", text(320), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("approved_at", Instant),
    sa.Column("rejected_at", Instant),
    sa.Column("withdrawn_at", Instant),
    sa.Column("decided_by_principal_id", text(255)),
    sa.Column("invitation_id", text(36)),
    sa.Index("ix_vestibule_join_requests_list", "tenant_id", "created_at", "request_id"),
    sa.Index(
        "uq_vestibule_join_requests_open",
        "tenant_id",
        "principal_id",
        unique=True,
        sqlite_where=sa.text("approved_at IS NULL AND rejected_at IS NULL AND withdrawn_at IS NULL"),
        postgresql_where=sa.text("approved_at IS NULL AND rejected_at IS NULL AND withdrawn_at IS NULL"),
    ),
)

directory_users = sa.Table(
    "vestibule_directory_users",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("user_id", text(36), primary_key=True),
    sa.Column("user_name", text(320), nullable=False),
    sa.Column("external_id", text(255)),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index("uq_vestibule_directory_users_name", "tenant_id", "user_name", unique=True),
    sa.Index("ix_vestibule_directory_users_external_id", "tenant_id", "external_id"),
)

# Every address and principal id of users whom a directory has deactivated: none of them gets in.
directory_bars = sa.Table(
    "vestibule_directory_bars",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("subject", text(320), primary_key=True),
    sa.Column("user_id", text(36), primary_key=True),
)

directory_groups = sa.Table(
    "vestibule_directory_groups",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("group_id", text(36), primary_key=True),
    sa.Column("group_name", text(255), nullable=False),
    sa.Column("external_id", text(255)),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

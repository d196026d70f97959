# SPDX-License-Identifier: Apache-2.0
"""Tenants, their seats, their policy, and what beside the tenant a role can be held on."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

tenants = sa.Table(
    "vestibule_tenants",
    metadata,
    sa.Column("tenant_id", text(64), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("suspended_at", Instant),
    sa.Column("deleted_at", Instant),
)

# The sum over a tenant's shards is what counts: the shard that gives a seat back may dip below zero, and the
# last is over its part after the limit was lowered below what is used. Then no other is below its own.
seat_shards = sa.Table(
    "vestibule_seat_shards",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    sa.Column("allowance", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
)

# The policy that tenants' own policies lie over; no row means the built-in one.
deployment = sa.Table(
    "vestibule_deployment",
    metadata,
    sa.Column("deployment_id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
)

policy_documents = sa.Table(
    "vestibule_policy_documents",
    metadata,
    sa.Column("policy_hash", text(71), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

# ``tenant_id`` is empty for the deployment's own.
policy_changes = sa.Table(
    "vestibule_policy_changes",
    metadata,
    sa.Column("change_id", text(36), primary_key=True),
    sa.Column("tenant_id", text(64), nullable=False),
    sa.Column("policy_hash", text(71), nullable=False),
    sa.Column("base_hash", text(71), nullable=False),
    sa.Column("is_loosening", sa.Boolean, nullable=False),
    sa.Column("author_id", text(255), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("approver_id", text(255)),
    sa.Column("approved_at", Instant),
    sa.Column("activated_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Index("ix_vestibule_policy_changes_list", "tenant_id", "created_at", "change_id"),
)

# What else than the tenant a role can be held on: teams, projects, environments. The host names them.
resources = sa.Table(
    "vestibule_resources",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("vestibule_tenants.tenant_id"), primary_key=True),
    sa.Column("resource_id", text(128), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("deleted_at", Instant),
)

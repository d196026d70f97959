# SPDX-License-Identifier: Apache-2.0
"""Connections to identity providers, local accounts, sessions and keys."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema.base import Instant, metadata, text

# ``tenant_id`` is empty for connections that every tenant may use. The secret is sealed, never plain.
# A deleted row stays: its id may come back for the same issuer only, for principals are ``issuer|subject``.
connections = sa.Table(
    "vestibule_connections",
    metadata,
    sa.Column("connection_id", text(64), primary_key=True),
    sa.Column("tenant_id", text(64), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("provider", text(16), nullable=False),
    sa.Column("issuer", sa.String(500), nullable=False),
    sa.Column("client_id", sa.String(255), nullable=False),
    sa.Column("sealed_secret", sa.LargeBinary),
    sa.Column("amr_map", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("disabled_at", Instant),
    sa.Column("deleted_at", Instant),
    sa.Index("ix_vestibule_connections_list", "tenant_id", "created_at", "connection_id"),
)

# A sign-in that has left for its identity provider. What proves the browser is in its cookie only.
sign_ins = sa.Table(
    "vestibule_sign_ins",
    metadata,
    sa.Column("sign_in_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("connection_id", text(64), nullable=False),
    sa.Column("next_path", sa.String(500), nullable=False),
    sa.Column("max_age", sa.Integer),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_vestibule_sign_ins_expires_at", "expires_at"),
)

accounts = sa.Table(
    "vestibule_accounts",
    metadata,
    sa.Column("account_id", text(64), primary_key=True),
    sa.Column("address", text(320), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

challenges = sa.Table(
    "vestibule_challenges",
    metadata,
    sa.Column("challenge_id", text(36), primary_key=True),
    sa.Column("challenge_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("address", text(320), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("code_hash", sa.String(255)),
    sa.Column("tries_left", sa.SmallInteger, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
    sa.Index("ix_vestibule_challenges_expires_at", "expires_at"),
)

# ``authenticated_at`` is empty when the identity provider did not say.
sessions = sa.Table(
    "vestibule_sessions",
    metadata,
    sa.Column("session_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("principal_id", text(255), nullable=False),
    sa.Column("connection_id", text(64)),
    sa.Column("name", sa.String(200)),
    sa.Column("addresses", sa.Text, nullable=False),
    sa.Column("amr", sa.String(255), nullable=False),
    sa.Column("authenticated_at", Instant),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_vestibule_sessions_principal_id", "principal_id"),
    sa.Index("ix_vestibule_sessions_expires_at", "expires_at"),
)

api_keys = sa.Table(
    "vestibule_api_keys",
    metadata,
    sa.Column("key_id", text(36), primary_key=True),
    sa.Column("key_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("scopes", sa.String(255), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
    sa.Column("tenant_id", text(64)),
)

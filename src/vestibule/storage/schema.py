# SPDX-License-Identifier: Apache-2.0
"""Tables, constraints and indexes: the single source of truth for both engines.

Constraints carry the truth: unique token hash, one membership per principal and tenant, one pending grant
per target, at most one final timestamp. Triggers (``triggers.py``) keep what must never change.
Keys lead with ``tenant_id`` where that allows a distributed PostgreSQL to shard.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time, to the millisecond: ``timestamptz`` on PostgreSQL, whole milliseconds on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return to_milliseconds(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_milliseconds(value) if dialect.name == "sqlite" else value.astimezone(UTC)


def to_milliseconds(value: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (value - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(length: int) -> sa.String:
    # Byte order on PostgreSQL whatever the database's locale (CRYPTO.md 8, rule 8), as SQLite's BINARY.
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("tenant_id", _text(64), primary_key=True),
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
    "seat_shards",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    sa.Column("allowance", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
)

principals = sa.Table(
    "principals",
    metadata,
    sa.Column("principal_id", _text(255), primary_key=True),
    sa.Column("name", sa.String(200)),
    sa.Column("asserted_at", Instant, nullable=False),
    sa.Column("offboarded_at", Instant),
)

principal_addresses = sa.Table(
    "principal_addresses",
    metadata,
    sa.Column("principal_id", _text(255), primary_key=True),
    sa.Column("address", _text(320), primary_key=True),
    sa.Index("ix_principal_addresses_address", "address"),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True),
    sa.Column("principal_id", _text(255), primary_key=True),
    sa.Column("role", _text(32), nullable=False),
    sa.Column("email", _text(320)),
    sa.Column("name", sa.String(200)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("suspended_at", Instant),
    sa.Column("invitation_id", _text(36)),
    sa.Index("ix_memberships_list", "tenant_id", "created_at", "principal_id"),
    sa.Index("ix_memberships_principal_id", "principal_id"),
    sa.Index("ix_memberships_email", "tenant_id", "email"),
    sa.Index(
        "ix_memberships_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    ),
)

_OPEN = "consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL"
_FINAL_COUNT = " + ".join(
    f"CAST({column} IS NOT NULL AS INTEGER)"
    for column in ("consumed_at", "declined_at", "revoked_at", "expired_at")
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("invitation_id", _text(36), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False),
    sa.Column("role", _text(32), nullable=False),
    sa.Column("invited_email", _text(320), nullable=False),
    sa.Column("inviter_principal_id", _text(255), nullable=False),
    sa.Column("target", _text(32), nullable=False),
    sa.Column("claim_token_hash", sa.LargeBinary(32)),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_in", sa.Integer),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("has_reservation", sa.Boolean, nullable=False),
    sa.Column("locale", _text(16), nullable=False),
    sa.Column("message", sa.String(1000)),
    sa.Column("scope", sa.String(255)),
    sa.Column("metadata_json", sa.Text),
    sa.Column("membership_expires_in", sa.Integer),
    sa.Column("send_count", sa.Integer, nullable=False),
    sa.Column("last_sent_at", Instant),
    sa.Column("resent_at", Instant),
    sa.Column("consumed_at", Instant),
    sa.Column("consumed_by_principal_id", _text(255)),
    sa.Column("declined_at", Instant),
    sa.Column("declined_by_principal_id", _text(255)),
    sa.Column("revoked_at", Instant),
    sa.Column("revoked_reason", _text(32)),
    sa.Column("expired_at", Instant),
    sa.Column("issued_ip", _text(64), nullable=False),
    sa.Column("issued_ua", sa.String(300), nullable=False),
    sa.Column("source", _text(16), nullable=False),
    sa.Column("correlation_id", _text(64), nullable=False),
    sa.CheckConstraint(f"{_FINAL_COUNT} <= 1", name="one_final_state"),
    sa.CheckConstraint(
        "(consumed_at IS NULL) = (consumed_by_principal_id IS NULL)", name="consumed_by_somebody"
    ),
    sa.CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_for_a_reason"),
    sa.Index("uq_invitations_claim_token_hash", "claim_token_hash", unique=True),
    sa.Index(
        "uq_invitations_open_target",
        "tenant_id",
        "invited_email",
        "target",
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index("ix_invitations_list", "tenant_id", "created_at", "invitation_id"),
    sa.Index("ix_invitations_email", "invited_email"),
    sa.Index(
        "ix_invitations_open_list",
        "tenant_id",
        "created_at",
        "invitation_id",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index(
        "ix_invitations_open_inviter",
        "inviter_principal_id",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index(
        "ix_invitations_open_expiry",
        "expires_at",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
)

audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("event_id", _text(36), primary_key=True),
    sa.Column("tenant_id", _text(64), nullable=False),
    sa.Column("invitation_id", _text(36)),
    sa.Column("kind", _text(48), nullable=False),
    sa.Column("occurred_at", Instant, nullable=False),
    sa.Column("actor_id", _text(255), nullable=False),
    sa.Column("correlation_id", _text(64), nullable=False),
    sa.Column("source", _text(16), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_audit_events_list", "tenant_id", "occurred_at", "event_id"),
    sa.Index("ix_audit_events_invitation_id", "invitation_id"),
)

outbox_messages = sa.Table(
    "outbox_messages",
    metadata,
    sa.Column("message_id", _text(36), primary_key=True),
    sa.Column("kind", _text(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("claimed_by", _text(64)),
    sa.Column("settled_at", Instant),
    sa.Column("outcome", _text(32)),
    sa.Index(
        "ix_outbox_messages_due",
        "due_at",
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    ),
)

rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("arrives_at_ms", sa.Double, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("scope_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("body_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_idempotency_keys_created_at", "created_at"),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("account_id", _text(64), primary_key=True),
    sa.Column("address", _text(320), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

challenges = sa.Table(
    "challenges",
    metadata,
    sa.Column("challenge_id", _text(36), primary_key=True),
    sa.Column("challenge_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("address", _text(320), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("code_hash", sa.String(255)),
    sa.Column("tries_left", sa.SmallInteger, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
    sa.Index("ix_challenges_expires_at", "expires_at"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.account_id"), nullable=False),
    sa.Column("authenticated_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_sessions_account_id", "account_id"),
    sa.Index("ix_sessions_expires_at", "expires_at"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", _text(36), primary_key=True),
    sa.Column("key_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("scopes", sa.String(255), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)

# SPDX-License-Identifier: Apache-2.0
"""The first schema: tenants, memberships, invitations, audit, outbox, accounts and their triggers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vestibule.storage.schema import Instant
from vestibule.storage.triggers import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
_OPEN = "consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL"


def upgrade() -> None:
    _create_accounts()
    _create_api_keys()
    _create_audit_events()
    _create_challenges()
    _create_idempotency_keys()
    _create_outbox_messages()
    _create_principal_addresses()
    _create_principals()
    _create_rate_limits()
    _create_tenants()
    _create_invitations()
    _create_memberships()
    _create_seat_shards()
    _create_sessions()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS:
        op.get_bind().exec_driver_sql(statement.replace("%", "%%") if not is_sqlite else statement)


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _create_accounts() -> None:
    op.create_table(
        "vestibule_accounts",
        sa.Column("account_id", _text(64), nullable=False),
        sa.Column("address", _text(320), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_vestibule_accounts")),
        sa.UniqueConstraint("address", name=op.f("uq_vestibule_accounts_address")),
    )


def _create_api_keys() -> None:
    op.create_table(
        "vestibule_api_keys",
        sa.Column("key_id", _text(36), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", sa.String(length=255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_vestibule_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_vestibule_api_keys_key_hash")),
    )


def _create_audit_events() -> None:
    op.create_table(
        "vestibule_audit_events",
        sa.Column("event_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("invitation_id", _text(36), nullable=True),
        sa.Column("kind", _text(48), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("actor_id", _text(255), nullable=False),
        sa.Column("correlation_id", _text(64), nullable=False),
        sa.Column("source", _text(16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_vestibule_audit_events")),
    )
    op.create_index(
        "ix_vestibule_audit_events_invitation_id", "vestibule_audit_events", ["invitation_id"], unique=False
    )
    op.create_index(
        "ix_vestibule_audit_events_list",
        "vestibule_audit_events",
        ["tenant_id", "occurred_at", "event_id"],
        unique=False,
    )


def _create_challenges() -> None:
    op.create_table(
        "vestibule_challenges",
        sa.Column("challenge_id", _text(36), nullable=False),
        sa.Column("challenge_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("address", _text(320), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("code_hash", sa.String(length=255), nullable=True),
        sa.Column("tries_left", sa.SmallInteger(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("challenge_id", name=op.f("pk_vestibule_challenges")),
        sa.UniqueConstraint("challenge_hash", name=op.f("uq_vestibule_challenges_challenge_hash")),
    )
    op.create_index(
        "ix_vestibule_challenges_expires_at", "vestibule_challenges", ["expires_at"], unique=False
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "vestibule_idempotency_keys",
        sa.Column("scope_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("scope_hash", name=op.f("pk_vestibule_idempotency_keys")),
    )
    op.create_index(
        "ix_vestibule_idempotency_keys_created_at", "vestibule_idempotency_keys", ["created_at"], unique=False
    )


def _create_outbox_messages() -> None:
    op.create_table(
        "vestibule_outbox_messages",
        sa.Column("message_id", _text(36), nullable=False),
        sa.Column("kind", _text(32), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("claimed_by", _text(64), nullable=True),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("outcome", _text(32), nullable=True),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_vestibule_outbox_messages")),
    )
    op.create_index(
        "ix_vestibule_outbox_messages_due",
        "vestibule_outbox_messages",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )


def _create_principal_addresses() -> None:
    op.create_table(
        "vestibule_principal_addresses",
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("address", _text(320), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", "address", name=op.f("pk_vestibule_principal_addresses")),
    )
    op.create_index(
        "ix_vestibule_principal_addresses_address", "vestibule_principal_addresses", ["address"], unique=False
    )


def _create_principals() -> None:
    op.create_table(
        "vestibule_principals",
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("asserted_at", Instant(), nullable=False),
        sa.Column("offboarded_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_vestibule_principals")),
    )


def _create_rate_limits() -> None:
    op.create_table(
        "vestibule_rate_limits",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("arrives_at_ms", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_vestibule_rate_limits")),
    )


def _create_tenants() -> None:
    op.create_table(
        "vestibule_tenants",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("suspended_at", Instant(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_vestibule_tenants")),
    )


def _create_invitations() -> None:  # allow: function-length because one frozen table is read whole
    op.create_table(
        "vestibule_invitations",
        sa.Column("invitation_id", _text(36), nullable=False),
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("role", _text(32), nullable=False),
        sa.Column("invited_email", _text(320), nullable=False),
        sa.Column("inviter_principal_id", _text(255), nullable=False),
        sa.Column("target", _text(32), nullable=False),
        sa.Column("claim_token_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_in", sa.Integer(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("has_reservation", sa.Boolean(), nullable=False),
        sa.Column("locale", _text(16), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=True),
        sa.Column("scope", sa.String(length=255), nullable=True),
        sa.Column("metadata_json", sa.Text(), nullable=True),
        sa.Column("membership_expires_in", sa.Integer(), nullable=True),
        sa.Column("send_count", sa.Integer(), nullable=False),
        sa.Column("last_sent_at", Instant(), nullable=True),
        sa.Column("resent_at", Instant(), nullable=True),
        sa.Column("consumed_at", Instant(), nullable=True),
        sa.Column("consumed_by_principal_id", _text(255), nullable=True),
        sa.Column("declined_at", Instant(), nullable=True),
        sa.Column("declined_by_principal_id", _text(255), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("revoked_reason", _text(32), nullable=True),
        sa.Column("expired_at", Instant(), nullable=True),
        sa.Column("issued_ip", _text(64), nullable=False),
        sa.Column("issued_ua", sa.String(length=300), nullable=False),
        sa.Column("source", _text(16), nullable=False),
        sa.Column("correlation_id", _text(64), nullable=False),
        sa.CheckConstraint(
            "(consumed_at IS NULL) = (consumed_by_principal_id IS NULL)",
            name=op.f("ck_vestibule_invitations_consumed_by_somebody"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)",
            name=op.f("ck_vestibule_invitations_revoked_for_a_reason"),
        ),
        sa.CheckConstraint(
            "CAST(consumed_at IS NOT NULL AS INTEGER) + CAST(declined_at IS NOT NULL AS INTEGER) + CAST(revoked_at IS NOT NULL AS INTEGER) + CAST(expired_at IS NOT NULL AS INTEGER) <= 1",
            name=op.f("ck_vestibule_invitations_one_final_state"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_invitations_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_vestibule_invitations")),
    )
    _create_invitation_indexes()


def _create_invitation_indexes() -> None:
    op.create_index(
        "ix_vestibule_invitations_email", "vestibule_invitations", ["invited_email"], unique=False
    )
    op.create_index(
        "ix_vestibule_invitations_list",
        "vestibule_invitations",
        ["tenant_id", "created_at", "invitation_id"],
        unique=False,
    )
    op.create_index(
        "ix_vestibule_invitations_open_expiry",
        "vestibule_invitations",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    op.create_index(
        "ix_vestibule_invitations_open_inviter",
        "vestibule_invitations",
        ["inviter_principal_id"],
        unique=False,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    op.create_index(
        "ix_vestibule_invitations_open_list",
        "vestibule_invitations",
        ["tenant_id", "created_at", "invitation_id"],
        unique=False,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    _create_invitation_rules()


def _create_invitation_rules() -> None:
    op.create_index(
        "uq_vestibule_invitations_claim_token_hash",
        "vestibule_invitations",
        ["claim_token_hash"],
        unique=True,
    )
    op.create_index(
        "uq_vestibule_invitations_open_target",
        "vestibule_invitations",
        ["tenant_id", "invited_email", "target"],
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )


def _create_memberships() -> None:
    op.create_table(
        "vestibule_memberships",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("principal_id", _text(255), nullable=False),
        sa.Column("role", _text(32), nullable=False),
        sa.Column("email", _text(320), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("suspended_at", Instant(), nullable=True),
        sa.Column("invitation_id", _text(36), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_memberships_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "principal_id", name=op.f("pk_vestibule_memberships")),
    )
    op.create_index(
        "ix_vestibule_memberships_email", "vestibule_memberships", ["tenant_id", "email"], unique=False
    )
    op.create_index(
        "ix_vestibule_memberships_expires_at",
        "vestibule_memberships",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_vestibule_memberships_list",
        "vestibule_memberships",
        ["tenant_id", "created_at", "principal_id"],
        unique=False,
    )
    op.create_index(
        "ix_vestibule_memberships_principal_id", "vestibule_memberships", ["principal_id"], unique=False
    )


def _create_seat_shards() -> None:
    op.create_table(
        "vestibule_seat_shards",
        sa.Column("tenant_id", _text(64), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("allowance", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["vestibule_tenants.tenant_id"],
            name=op.f("fk_vestibule_seat_shards_tenant_id_vestibule_tenants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "shard", name=op.f("pk_vestibule_seat_shards")),
    )


def _create_sessions() -> None:
    op.create_table(
        "vestibule_sessions",
        sa.Column("session_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", _text(64), nullable=False),
        sa.Column("authenticated_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["vestibule_accounts.account_id"],
            name=op.f("fk_vestibule_sessions_account_id_vestibule_accounts"),
        ),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_vestibule_sessions")),
    )
    op.create_index("ix_vestibule_sessions_account_id", "vestibule_sessions", ["account_id"], unique=False)
    op.create_index("ix_vestibule_sessions_expires_at", "vestibule_sessions", ["expires_at"], unique=False)

# SPDX-License-Identifier: Apache-2.0
"""The few conditions that every query on memberships and invitations shares."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from vestibule.storage.schema import invitations, memberships


def is_open() -> sa.ColumnElement[bool]:
    """No final timestamp is set; the clock may still have ended it."""
    return sa.and_(
        invitations.c.consumed_at.is_(None),
        invitations.c.declined_at.is_(None),
        invitations.c.revoked_at.is_(None),
        invitations.c.expired_at.is_(None),
    )


def is_held() -> sa.ColumnElement[bool]:
    """It waits for approval; whether it is still open is another question."""
    return sa.and_(invitations.c.held_at.is_not(None), invitations.c.approved_at.is_(None))


def is_in_force(now: datetime) -> sa.ColumnElement[bool]:
    """The membership has begun, and neither ended nor been stripped of its force."""
    has_begun = sa.or_(memberships.c.starts_at.is_(None), memberships.c.starts_at <= now)
    return sa.and_(has_begun, is_not_over(now))


def is_not_over(now: datetime) -> sa.ColumnElement[bool]:
    """The membership is in force, or is yet to begin."""
    return sa.and_(
        memberships.c.suspended_at.is_(None),
        sa.or_(memberships.c.expires_at.is_(None), memberships.c.expires_at > now),
    )


def database_clock(connection: sa.Connection, now: datetime) -> sa.ColumnElement[datetime]:
    """The moment for a consuming condition: re-read by PostgreSQL after a lock wait (CRYPTO.md 6.1)."""
    if connection.dialect.name == "postgresql":
        return sa.func.clock_timestamp()
    return sa.literal(now, invitations.c.expires_at.type)

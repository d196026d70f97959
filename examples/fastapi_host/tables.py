# SPDX-License-Identifier: Apache-2.0
"""The host's own tables, and the few methods through which Vestibule sees its members."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from vestibule import EmailAddress, Membership


class Base(DeclarativeBase):
    """Every table of the host."""


class User(Base):
    """Somebody with an account here."""

    __tablename__ = "users"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)


class TeamMember(Base):
    """Who is in which team. Vestibule writes a row at accept; the nickname is the host's own business."""

    __tablename__ = "team_members"
    __table_args__ = (sa.UniqueConstraint("team_id", "nickname"),)
    team_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.user_id"), primary_key=True)
    role: Mapped[str]
    nickname: Mapped[str | None]
    invitation_id: Mapped[str | None]
    joined_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))


class Activity(Base):
    """The host's own audit line."""

    __tablename__ = "activity"
    activity_id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[str]
    text: Mapped[str]


class TeamMembers:
    """Implements ``vestibule.HostMembers``, and what is needed to remove and to notify."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        # FOR SHARE: whoever invites can't be removed between this look and the accept .
        query = _SELECT.where(TeamMember.team_id == tenant_id, TeamMember.user_id == principal_id)
        row = self._connection.execute(query.with_for_update(read=True, of=TeamMember)).first()
        return None if row is None else _read(row)

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:  # noqa: ARG002 - memberships here don't end
        query = _SELECT.where(TeamMember.team_id == tenant_id, User.email == address.key)
        row = self._connection.execute(query).first()
        return None if row is None else _read(row)

    def put(self, membership: Membership) -> None:
        values = {"role": membership.role, "invitation_id": membership.invitation_id}
        ours = (TeamMember.team_id == membership.tenant_id) & (TeamMember.user_id == membership.principal_id)
        if not self._connection.execute(sa.update(TeamMember).where(ours).values(values)).rowcount:
            who = {"team_id": membership.tenant_id, "user_id": membership.principal_id}
            joined_at = membership.created_at
            self._connection.execute(sa.insert(TeamMember).values(**who, **values, joined_at=joined_at))

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        ours = (TeamMember.team_id == tenant_id) & (TeamMember.user_id == principal_id)
        return self._connection.execute(sa.delete(TeamMember).where(ours)).rowcount == 1

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]:
        return [_read(row) for row in self._connection.execute(_SELECT.where(User.user_id == principal_id))]

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        query = sa.select(TeamMember.user_id).where(TeamMember.team_id == tenant_id)
        return list(
            self._connection.execute(query.where(TeamMember.role.in_(list(roles))).limit(50)).scalars()
        )

    def count(self, tenant_id: str) -> int:
        query = sa.select(sa.func.count()).select_from(TeamMember).where(TeamMember.team_id == tenant_id)
        return int(self._connection.execute(query).scalar_one())


_SELECT = sa.select(
    TeamMember.team_id,
    TeamMember.user_id,
    TeamMember.role,
    TeamMember.joined_at,
    TeamMember.invitation_id,
    User.email,
    User.name,
).join(User, User.user_id == TeamMember.user_id)


def _read(row: Any) -> Membership:
    team_id, user_id, role, joined_at, invitation_id, email, name = row
    return Membership(
        tenant_id=team_id,
        principal_id=user_id,
        role=role,
        created_at=joined_at.replace(tzinfo=UTC),
        email=email,
        name=name,
        invitation_id=invitation_id,
    )

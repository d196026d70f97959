# SPDX-License-Identifier: Apache-2.0
"""A small host: a table of notes, a table of people, and who plays which part in the stories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from vestibule import (
    EmailAddress,
    InvitationDraft,
    IssuedInvitation,
    MemberDraft,
    Membership,
    Vestibule,
)
from vestibule.testing import make_identity

metadata = sa.MetaData()
notes = sa.Table("notes", metadata, sa.Column("text", sa.String(100), primary_key=True))
people = sa.Table(
    "people",
    metadata,
    sa.Column("team", sa.String(64), primary_key=True),
    sa.Column("person", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("email", sa.String(320)),
    sa.Column("invitation_id", sa.String(36)),
)
OLGA = make_identity("olga", name="Olga")
VERA = make_identity("vera", name="Vera")
MALLORY = make_identity("mallory", name="Mallory")
VERAS = EmailAddress.parse_input("vera@example.com")


def open_host(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        metadata.create_all(connection)
        Vestibule(public_url="https://app.example").create_schema(connection)


class Notes:
    """What the host wrote, and what was committed of it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def write(self, connection: sa.Connection, text: str) -> None:
        connection.execute(sa.insert(notes).values(text=text))

    def kept(self) -> list[str]:
        with self._engine.connect() as connection:
            return sorted(connection.execute(sa.select(notes.c.text)).scalars())


class Minimal:
    """The three methods that a host has to have."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def find(self, tenant_id: str, principal_id: str) -> Membership | None:
        query = sa.select(people).where(people.c.team == tenant_id, people.c.person == principal_id)
        row = self.connection.execute(query.with_for_update(read=True)).first()
        return None if row is None else _read(row)

    def find_by_address(self, tenant_id: str, address: EmailAddress, now: datetime) -> Membership | None:
        del now  # nothing ends here
        query = sa.select(people).where(people.c.team == tenant_id, people.c.email == address.key)
        row = self.connection.execute(query).first()
        return None if row is None else _read(row)

    def put(self, membership: Membership) -> None:
        self._delete(membership.tenant_id, membership.principal_id)
        self.connection.execute(
            sa.insert(people).values(
                team=membership.tenant_id,
                person=membership.principal_id,
                role=membership.role,
                email=membership.email,
                invitation_id=membership.invitation_id,
            )
        )

    def _delete(self, tenant_id: str, principal_id: str) -> bool:
        ours = (people.c.team == tenant_id) & (people.c.person == principal_id)
        return self.connection.execute(sa.delete(people).where(ours)).rowcount == 1


class Complete(Minimal):
    """And those for removal, seats and notices."""

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        return self._delete(tenant_id, principal_id)

    def list_of_principal(self, principal_id: str) -> Sequence[Membership]:
        query = sa.select(people).where(people.c.person == principal_id)
        return [_read(row) for row in self.connection.execute(query)]

    def count(self, tenant_id: str) -> int:
        query = sa.select(sa.func.count()).select_from(people).where(people.c.team == tenant_id)
        return int(self.connection.execute(query).scalar_one())

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        query = sa.select(people.c.person).where(people.c.team == tenant_id, people.c.role.in_(list(roles)))
        return list(self.connection.execute(query).scalars())


def found_acme(engine: sa.Engine, vestibule: Vestibule, policy: dict[str, Any] | None = None) -> None:
    """The tenant and its owner Olga."""
    with engine.begin() as connection:
        vestibule.put_tenant(connection, "acme", name="Acme", policy=policy)
        draft = MemberDraft(role="owner", email=OLGA.addresses[0].address)
        vestibule.put_member(connection, "acme", "olga", draft)


def invite(
    engine: sa.Engine, vestibule: Vestibule, who: EmailAddress = VERAS
) -> tuple[IssuedInvitation, str]:
    """An invitation whose link was handed over: it and the token."""
    with engine.begin() as connection:
        draft = InvitationDraft(email=who, role="member", deliver="link")
        issued = vestibule.issue(connection, OLGA, "acme", draft)
    return issued, vestibule.link(issued).rpartition("/")[2]


def count_rows(engine: sa.Engine, table: str, **columns: str) -> int:
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(
            sa.table(table, *(sa.column(name) for name in columns))
        )
        for name, value in columns.items():
            query = query.where(sa.column(name) == value)
        return int(connection.execute(query).scalar_one())


def _read(row: sa.Row[Any]) -> Membership:
    return Membership(
        tenant_id=row.team,
        principal_id=row.person,
        role=row.role,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        email=row.email,
        invitation_id=row.invitation_id,
    )

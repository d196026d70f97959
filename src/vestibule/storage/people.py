# SPDX-License-Identifier: Apache-2.0
"""What is held of one person, found in every table, shown and erased (LIF-06, TOK-08)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.privacy import EVERYWHERE, mint_tombstone
from vestibule.ports.privacy import AddressSealer, Person
from vestibule.storage.describing import describe_person
from vestibule.storage.schema import (
    accounts,
    challenges,
    directory_bars,
    directory_users,
    invitations,
    join_requests,
    memberships,
    principal_addresses,
    principals,
    privacy,
    sessions,
    subjects,
    suppressions,
    tenants,
)
from vestibule.storage.vault import Vault, read_subject

_MARK_ID = 1
_CHUNK = 500
# What stands in plain in any of them would not be found any more by its index: a bar would let somebody in.
_HOLDING = (
    invitations,
    memberships,
    principal_addresses,
    accounts,
    challenges,
    sessions,
    suppressions,
    join_requests,
    directory_users,
    directory_bars,
)
_GONE = {
    "message": None,
    "justification": None,
    "metadata_json": None,
    "personal": None,
    "due_address": None,
    "claim_token_hash": None,
    "issued_ip": "",
    "issued_ua": "",
}


class SqlPeople:
    """Implements ``ports.People``."""

    def __init__(
        self,
        connection: sa.Connection,
        now: Callable[[], datetime],
        vault: Vault,
        sealer: AddressSealer | None,
    ) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault
        self._sealer = sealer

    def find_person(self, *, address: str | None, principal_id: str | None) -> Person:
        ids, known = set[str](), set[str]()
        if principal_id is not None:
            ids.add(principal_id)
        if address is not None:
            known.add(address)
            stored = self._vault.form(EVERYWHERE, address)
            asserting = sa.select(principal_addresses.c.principal_id).where(
                principal_addresses.c.address == stored
            )
            local = sa.select(accounts.c.account_id).where(accounts.c.address == stored)
            ids |= set(self._connection.execute(sa.union(asserting, local)).scalars())
        known |= self._list_addresses(ids)
        return Person(principal_ids=tuple(sorted(ids)), addresses=tuple(sorted(known)))

    def describe(self, person: Person) -> dict[str, Any]:
        return describe_person(self._connection, self._vault, person, self._find_forms(person.addresses))

    def erase(self, person: Person) -> Mapping[str, int]:
        forms, ids = self._find_forms(person.addresses), list(person.principal_ids)
        ours = sa.select(invitations.c.invitation_id).where(invitations.c.invited_email.in_(forms))
        counts = {
            "invitations": self._erase_invitations(list(self._connection.execute(ours).scalars())),
            "memberships": self._blank_memberships(ids, forms),
            "join_requests": self._erase_requests(ids, forms),
        }
        issued = sa.update(invitations).where(invitations.c.inviter_principal_id.in_(ids))
        self._connection.execute(issued.values(issued_ip="", issued_ua=""))
        names = sa.update(principals).where(principals.c.principal_id.in_(ids))
        counts["principals"] = self._connection.execute(names.values(name=None)).rowcount
        gone = {
            "addresses": (principal_addresses, self._are(principal_addresses, "principal_id", ids, forms)),
            "accounts": (accounts, self._are(accounts, "account_id", ids, forms)),
            "challenges": (challenges, challenges.c.address.in_(forms)),
            "sessions": (sessions, sessions.c.principal_id.in_(ids)),
            "directory_users": (directory_users, directory_users.c.user_name.in_(forms)),
            "subjects": (subjects, subjects.c.subject.in_(forms)),
        }
        if not self._vault.is_sealed:
            # Sealed, the index alone stays and keeps saying no; in plain there is no such thing.
            gone["suppressions"] = (suppressions, suppressions.c.address.in_(forms))
            gone["bars"] = (directory_bars, directory_bars.c.subject.in_(forms))
        for name, (table, which) in gone.items():
            counts[name] = self._connection.execute(sa.delete(table).where(which)).rowcount
        return counts

    def erase_final(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        ended = (
            invitations.c.consumed_at,
            invitations.c.declined_at,
            invitations.c.revoked_at,
            invitations.c.expired_at,
        )
        query = (
            sa.select(invitations.c.tenant_id, invitations.c.invitation_id, invitations.c.invited_email)
            .where(invitations.c.created_at < before, invitations.c.erased_at.is_(None))
            .where(sa.or_(*(column.is_not(None) for column in ended)), sa.func.coalesce(*ended) < before)
            .order_by(invitations.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = self._connection.execute(query).all()
        self._erase_invitations([row.invitation_id for row in rows])
        for row in rows:
            self._drop_unused(row.tenant_id, row.invited_email)
        return [(row.tenant_id, row.invitation_id) for row in rows]

    def find_index_key_id(self) -> str | None:
        return self._connection.execute(sa.select(privacy.c.index_key_id)).scalar()

    def holds_addresses(self) -> bool:
        found = (sa.select(sa.literal(1)).select_from(table).limit(1) for table in _HOLDING)
        return any(self._connection.execute(query).first() is not None for query in found)

    def is_sealed(self) -> bool:
        return self._vault.is_sealed

    def mark_sealed(self, index_key_id: str) -> None:
        values = {"privacy_id": _MARK_ID, "index_key_id": index_key_id, "sealed_at": self._now()}
        self._connection.execute(sa.insert(privacy).values(values))

    def rewrap(self, limit: int) -> int:
        if self._sealer is None:
            return 0
        present = self._sealer.kek_id()
        stale = (
            sa.select(subjects)
            # Not ``!=``, for which no index would serve.
            .where(sa.or_(subjects.c.kek_id < present, subjects.c.kek_id > present))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = self._connection.execute(stale).all()
        for row in rows:
            old = read_subject(row)
            new = self._sealer.rewrap(old)
            change = sa.update(subjects).where(
                subjects.c.scope == old.scope,
                subjects.c.subject == old.subject,
                subjects.c.kek_id == old.kek_id,
            )
            self._connection.execute(change.values(kek_id=new.kek_id, wrapped_key=new.wrapped_key))
        return len(rows)

    def count_wrapped(self) -> Mapping[str, int]:
        query = sa.select(subjects.c.kek_id, sa.func.count()).group_by(subjects.c.kek_id)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def _list_addresses(self, ids: Iterable[str]) -> set[str]:
        found = set[str]()
        for one in ids:
            asserted = sa.select(sa.literal(EVERYWHERE), principal_addresses.c.address).where(
                principal_addresses.c.principal_id == one
            )
            local = sa.select(sa.literal(EVERYWHERE), accounts.c.address).where(accounts.c.account_id == one)
            member = sa.select(memberships.c.tenant_id, memberships.c.email).where(
                memberships.c.principal_id == one, memberships.c.email.is_not(None)
            )
            for scope, stored in self._connection.execute(sa.union(asserted, local, member)):
                found.add(self._vault.address(scope, stored))
        return found

    def _find_forms(self, addresses: Sequence[str]) -> list[str]:
        """Every form under which these addresses stand anywhere; without a sealer, themselves."""
        if not self._vault.is_sealed:
            return list(addresses)
        scopes = [EVERYWHERE, *self._connection.execute(sa.select(tenants.c.tenant_id)).scalars()]
        pairs = [(scope, self._vault.form(scope, one)) for scope in scopes for one in addresses]
        place = sa.tuple_(subjects.c.scope, subjects.c.subject)
        found: list[str] = []
        for start in range(0, len(pairs), _CHUNK):
            query = sa.select(subjects.c.subject).where(place.in_(pairs[start : start + _CHUNK]))
            found += self._connection.execute(query).scalars()
        return found

    def _erase_invitations(self, ids: Sequence[str]) -> int:
        change = (
            sa.update(invitations)
            .where(invitations.c.invitation_id == sa.bindparam("one"), invitations.c.erased_at.is_(None))
            .values(invited_email=sa.bindparam("tombstone"), erased_at=self._now(), **_GONE)
        )
        rows = [{"one": one, "tombstone": mint_tombstone()} for one in ids]
        if rows:
            self._connection.execute(change, rows)
        return len(rows)

    def _blank_memberships(self, ids: Sequence[str], forms: Sequence[str]) -> int:
        theirs = sa.or_(memberships.c.principal_id.in_(ids), memberships.c.email.in_(forms))
        return self._connection.execute(
            sa.update(memberships).where(theirs).values(email=None, name=None)
        ).rowcount

    def _erase_requests(self, ids: Sequence[str], forms: Sequence[str]) -> int:
        which = self._are(join_requests, "principal_id", ids, forms)
        found = list(self._connection.execute(sa.select(join_requests.c.request_id).where(which)).scalars())
        for one in found:
            change = sa.update(join_requests).where(join_requests.c.request_id == one)
            self._connection.execute(change.values(address=mint_tombstone()))
        return len(found)

    def _drop_unused(self, tenant_id: str, stored: str) -> None:
        """The address of an anonymised invitation goes too, unless something else here is of that person."""
        # Not ``SELECT *``: whoever sweeps may not read every column.
        one = sa.exists(sa.literal(1))
        used = (
            one.where(invitations.c.tenant_id == tenant_id, invitations.c.invited_email == stored),
            one.where(memberships.c.tenant_id == tenant_id, memberships.c.email == stored),
            one.where(join_requests.c.tenant_id == tenant_id, join_requests.c.address == stored),
            one.where(suppressions.c.tenant_id == tenant_id, suppressions.c.address == stored),
            one.where(directory_users.c.tenant_id == tenant_id, directory_users.c.user_name == stored),
        )
        which = sa.and_(subjects.c.scope == tenant_id, subjects.c.subject == stored)
        self._connection.execute(sa.delete(subjects).where(which, ~sa.or_(*used)))

    @staticmethod
    def _are(
        table: sa.Table, principal: str, ids: Sequence[str], forms: Sequence[str]
    ) -> sa.ColumnElement[bool]:
        return sa.or_(table.c[principal].in_(ids), table.c.address.in_(forms))

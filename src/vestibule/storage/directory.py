# SPDX-License-Identifier: Apache-2.0
"""Users and groups of directories, and the bars of those deactivated."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.directory import (
    GROUP_NAME_MAX,
    DirectoryDraft,
    DirectoryGroup,
    DirectoryPage,
    DirectoryUser,
    GroupDraft,
    GroupField,
    UserField,
    fold_user_name,
)
from vestibule.core.identity import PRINCIPAL_ID_MAX
from vestibule.core.privacy import EVERYWHERE, SEALED_MARK, is_sealed
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.schema import (
    connections,
    directory_bars,
    directory_groups,
    directory_users,
    memberships,
    principal_addresses,
    sessions,
)
from vestibule.storage.vault import Vault

_USER_COLUMNS: dict[UserField, sa.Column[Any]] = {
    "id": directory_users.c.user_id,
    "user_name": directory_users.c.user_name,
    "external_id": directory_users.c.external_id,
}


_GROUP_COLUMNS: dict[GroupField, sa.Column[Any]] = {
    "id": directory_groups.c.group_id,
    "group_name": directory_groups.c.group_name,
    "external_id": directory_groups.c.external_id,
}


def read_user(row: sa.Row[Any], vault: Vault) -> DirectoryUser:
    return DirectoryUser(
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        user_name=vault.address(row.tenant_id, row.user_name),
        external_id=row.external_id,
        is_active=row.is_active,
        document=_open_document(row, vault),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _open_document(row: sa.Row[Any], vault: Vault) -> str:
    if not is_sealed(row.document):
        return str(row.document)
    sealed = base64.b64decode(row.document[1:])
    said = vault.open(row.tenant_id, row.user_name, _document_place(row.user_id), sealed)
    return str(said.get("document", "{}"))


def _document_place(user_id: str) -> str:
    return f"{user_id}\0document"


def _read_group(row: sa.Row[Any]) -> DirectoryGroup:
    return DirectoryGroup(
        tenant_id=row.tenant_id,
        group_id=row.group_id,
        document=row.document,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _draft_values(vault: Vault, tenant_id: str, user_id: str, draft: DirectoryDraft) -> dict[str, Any]:
    name = vault.keep(tenant_id, fold_user_name(draft.user_name))
    sealed = vault.seal(tenant_id, name, _document_place(user_id), {"document": draft.document})
    return {
        "user_name": name,
        "external_id": draft.external_id,
        "is_active": draft.is_active,
        "document": draft.document if sealed is None else SEALED_MARK + base64.b64encode(sealed).decode(),
    }


def _is_user(tenant_id: str, user_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(directory_users.c.tenant_id == tenant_id, directory_users.c.user_id == user_id)


def _is_group(tenant_id: str, group_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(directory_groups.c.tenant_id == tenant_id, directory_groups.c.group_id == group_id)


class SqlDirectory:
    """Implements ``ports.Directory``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find_user(self, tenant_id: str, user_id: str) -> DirectoryUser | None:
        query = sa.select(directory_users).where(_is_user(tenant_id, user_id))
        row = self._connection.execute(query).first()
        return None if row is None else read_user(row, self._vault)

    def list_users(
        self, tenant_id: str, wanted: tuple[UserField, str] | None, *, start: int, count: int
    ) -> DirectoryPage[DirectoryUser]:
        these = directory_users.c.tenant_id == tenant_id
        if wanted is not None:
            value = wanted[1]
            if wanted[0] == "user_name":
                value = self._vault.form(tenant_id, fold_user_name(value))
            these = sa.and_(these, _USER_COLUMNS[wanted[0]] == value)
        total, rows = self._list(directory_users, these, directory_users.c.user_id, start, count)
        self._vault.prefetch((tenant_id, row.user_name) for row in rows)
        return DirectoryPage(total=total, items=tuple(read_user(row, self._vault) for row in rows))

    def add_user(self, tenant_id: str, user_id: str, draft: DirectoryDraft) -> bool:
        now = self._now()
        values = {"tenant_id": tenant_id, "user_id": user_id, "created_at": now, "changed_at": now}
        return insert_unless_there(
            self._connection, directory_users, values | _draft_values(self._vault, tenant_id, user_id, draft)
        )

    def change_user(self, tenant_id: str, user_id: str, draft: DirectoryDraft) -> bool:
        # The caller is alone on the tenant, so nobody takes the name in between.
        said = _draft_values(self._vault, tenant_id, user_id, draft)
        other = sa.select(directory_users.c.user_id).where(
            directory_users.c.tenant_id == tenant_id,
            directory_users.c.user_name == said["user_name"],
            directory_users.c.user_id != user_id,
        )
        if self._connection.execute(other).first() is not None:
            return False
        change = sa.update(directory_users).where(_is_user(tenant_id, user_id))
        self._connection.execute(change.values(changed_at=self._now(), **said))
        return True

    def remove_user(self, tenant_id: str, user_id: str) -> bool:
        return (
            self._connection.execute(sa.delete(directory_users).where(_is_user(tenant_id, user_id))).rowcount
            == 1
        )

    def find_group(self, tenant_id: str, group_id: str) -> DirectoryGroup | None:
        row = self._connection.execute(
            sa.select(directory_groups).where(_is_group(tenant_id, group_id))
        ).first()
        return None if row is None else _read_group(row)

    def list_groups(
        self, tenant_id: str, wanted: tuple[GroupField, str] | None, *, start: int, count: int
    ) -> DirectoryPage[DirectoryGroup]:
        these = directory_groups.c.tenant_id == tenant_id
        if wanted is not None:
            value = wanted[1].casefold() if wanted[0] == "group_name" else wanted[1]
            these = sa.and_(these, _GROUP_COLUMNS[wanted[0]] == value)
        total, rows = self._list(directory_groups, these, directory_groups.c.group_id, start, count)
        return DirectoryPage(total=total, items=tuple(_read_group(row) for row in rows))

    def put_group(self, tenant_id: str, group_id: str, draft: GroupDraft) -> None:
        now = self._now()
        said = {
            "group_name": draft.group_name.casefold()[:GROUP_NAME_MAX],
            "external_id": draft.external_id,
            "document": draft.document,
        }
        change = sa.update(directory_groups).where(_is_group(tenant_id, group_id))
        if self._connection.execute(change.values(changed_at=now, **said)).rowcount:
            return
        values = {"tenant_id": tenant_id, "group_id": group_id, "created_at": now, "changed_at": now}
        self._connection.execute(sa.insert(directory_groups).values(**said, **values))

    def remove_group(self, tenant_id: str, group_id: str) -> bool:
        gone = sa.delete(directory_groups).where(_is_group(tenant_id, group_id))
        return self._connection.execute(gone).rowcount == 1

    def set_bars(
        self, tenant_id: str, user_id: str, addresses: Iterable[str], principal_ids: Iterable[str] = ()
    ) -> None:
        ours = sa.and_(directory_bars.c.tenant_id == tenant_id, directory_bars.c.user_id == user_id)
        self._connection.execute(sa.delete(directory_bars).where(ours))
        barred = {*principal_ids, *(self._vault.form(tenant_id, one) for one in addresses)}
        rows = [{"tenant_id": tenant_id, "user_id": user_id, "subject": one} for one in sorted(barred)]
        if rows:
            self._connection.execute(sa.insert(directory_bars), rows)

    def is_barred(self, tenant_id: str, address: str) -> bool:
        query = sa.select(directory_bars.c.user_id).where(
            directory_bars.c.tenant_id == tenant_id,
            directory_bars.c.subject == self._vault.form(tenant_id, address),
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def list_principals(
        self, tenant_id: str, addresses: Iterable[str], external_id: str | None
    ) -> Sequence[str]:
        wanted = sorted(addresses)
        here = sa.select(memberships.c.principal_id).where(
            memberships.c.tenant_id == tenant_id,
            memberships.c.email.in_([self._vault.form(tenant_id, one) for one in wanted]),
        )
        remembered = sa.select(principal_addresses.c.principal_id).where(
            principal_addresses.c.address.in_([self._vault.form(EVERYWHERE, one) for one in wanted])
        )
        found = set(self._connection.execute(sa.union(here, remembered)).scalars())
        if external_id is not None:
            issuers = sa.select(connections.c.issuer).where(connections.c.tenant_id == tenant_id)
            found |= {f"{issuer}|{external_id}" for issuer in self._connection.execute(issuers).scalars()}
            found.add(external_id)
        return sorted(one for one in found if len(one) <= PRINCIPAL_ID_MAX)

    def end_sessions(self, tenant_id: str, principal_ids: Iterable[str]) -> int:
        through = sa.select(connections.c.connection_id).where(connections.c.tenant_id == tenant_id)
        gone = sa.delete(sessions).where(
            sessions.c.principal_id.in_(list(principal_ids)), sessions.c.connection_id.in_(through)
        )
        return self._connection.execute(gone).rowcount

    def _list(
        self,
        table: sa.Table,
        these: sa.ColumnElement[bool],
        key: sa.Column[Any],
        start: int,
        count: int,
    ) -> tuple[int, Sequence[sa.Row[Any]]]:
        total = self._connection.execute(
            sa.select(sa.func.count()).select_from(table).where(these)
        ).scalar_one()
        if not count:
            return total, []
        page = sa.select(table).where(these).order_by(table.c.created_at, key)
        return total, self._connection.execute(page.offset(start - 1).limit(count)).all()

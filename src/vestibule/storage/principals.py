# SPDX-License-Identifier: Apache-2.0
"""What was last asserted of principals: for notices and ``already_member``, never to let anybody in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from vestibule.core.identity import VerifiedIdentity
from vestibule.core.privacy import EVERYWHERE
from vestibule.ports import PrincipalRecord
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.schema import principal_addresses, principals
from vestibule.storage.vault import Vault


class SqlPrincipals:
    """Implements ``ports.Principals``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find(self, principal_id: str) -> PrincipalRecord | None:
        row = self._connection.execute(
            sa.select(principals).where(principals.c.principal_id == principal_id)
        ).first()
        if row is None:
            return None
        return PrincipalRecord(
            principal_id=principal_id,
            name=row.name,
            addresses=tuple(self._addresses(principal_id)),
            offboarded_at=row.offboarded_at,
        )

    def remember(self, identity: VerifiedIdentity) -> None:
        known = self.find(identity.principal_id)
        if known is not None and identity.name is None and not identity.addresses:
            # An operator acting in a principal's name (``--as``) asserts nothing of it: nothing is forgotten.
            return
        asserted = [address.key for address in identity.lasting_addresses]
        name = identity.name if identity.name is not None or known is None else known.name
        if known is not None and known.name == name and sorted(known.addresses) == sorted(asserted):
            return
        self._write(identity.principal_id, name=name)
        mine = principal_addresses.c.principal_id == identity.principal_id
        gone = set(known.addresses if known else ()) - set(asserted)
        if gone:
            self._connection.execute(
                sa.delete(principal_addresses).where(
                    mine,
                    principal_addresses.c.address.in_([self._vault.form(EVERYWHERE, one) for one in gone]),
                )
            )
        for address in sorted(set(asserted) - set(known.addresses if known else ())):
            self._insert_ignoring(
                principal_addresses,
                principal_id=identity.principal_id,
                address=self._vault.keep(EVERYWHERE, address),
            )

    def set_offboarded(self, principal_id: str, *, offboarded: bool) -> None:
        self._insert_ignoring(principals, principal_id=principal_id, asserted_at=self._now())
        change = sa.update(principals).where(principals.c.principal_id == principal_id)
        self._connection.execute(change.values(offboarded_at=self._now() if offboarded else None))

    def _write(self, principal_id: str, *, name: str | None) -> None:
        now = self._now()
        self._insert_ignoring(principals, principal_id=principal_id, name=name, asserted_at=now)
        change = sa.update(principals).where(principals.c.principal_id == principal_id)
        self._connection.execute(change.values(name=name, asserted_at=now))

    def _addresses(self, principal_id: str) -> list[str]:
        query = sa.select(principal_addresses.c.address).where(
            principal_addresses.c.principal_id == principal_id
        )
        stored = self._connection.execute(query).scalars().all()
        self._vault.prefetch((EVERYWHERE, one) for one in stored)
        return sorted(self._vault.address(EVERYWHERE, one) for one in stored)

    def _insert_ignoring(self, table: sa.Table, **values: object) -> None:
        insert_unless_there(self._connection, table, values)

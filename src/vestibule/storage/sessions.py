# SPDX-License-Identifier: Apache-2.0
"""Server-side sessions of any kind of sign-in. What is verified of somebody is judged at each use."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.account import LOCAL_CONNECTION
from vestibule.core.connection import narrow_addresses
from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedAddress, VerifiedIdentity
from vestibule.core.privacy import EVERYWHERE
from vestibule.storage.accounts import PUBLIC_ACCOUNT, read_account
from vestibule.storage.connections import is_usable
from vestibule.storage.schema import accounts, connections, domains, principals, sessions, tenants
from vestibule.storage.vault import Vault


class SqlSessions:
    """Implements ``ports.Sessions``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def add(
        self, session_hash: bytes, identity: VerifiedIdentity, connection_id: str, *, lifetime: timedelta
    ) -> None:
        self._connection.execute(
            sa.insert(sessions).values(
                session_hash=session_hash,
                principal_id=identity.principal_id,
                connection_id=connection_id,
                name=identity.name,
                addresses=json.dumps(
                    [
                        {
                            "address": self._vault.keep(EVERYWHERE, one.address.key),
                            "evidence": one.evidence,
                        }
                        for one in identity.addresses
                    ]
                ),
                amr=" ".join(identity.amr),
                authenticated_at=identity.authenticated_at,
                expires_at=self._now() + lifetime,
            )
        )

    def find(self, session_hash: bytes) -> VerifiedIdentity | None:
        row = self._connection.execute(
            sa.select(sessions, connections.c.tenant_id)
            .outerjoin(connections, connections.c.connection_id == sessions.c.connection_id)
            .outerjoin(tenants, tenants.c.tenant_id == connections.c.tenant_id)
            .outerjoin(principals, principals.c.principal_id == sessions.c.principal_id)
            .where(sessions.c.session_hash == session_hash, sessions.c.expires_at > self._now())
            # Again: a session can have been opened while its principal was being offboarded (ATTACKS E10).
            .where(principals.c.offboarded_at.is_(None))
            .where(
                sa.or_(
                    sessions.c.connection_id == LOCAL_CONNECTION,
                    sa.and_(connections.c.connection_id.is_not(None), is_usable()),
                )
            )
        ).first()
        if row is None:
            return None
        if row.connection_id == LOCAL_CONNECTION:
            return self._find_local(row)
        return VerifiedIdentity(
            principal_id=row.principal_id,
            addresses=self._read_addresses(row),
            name=row.name,
            connection=row.connection_id,
            authenticated_at=row.authenticated_at,
            amr=tuple(row.amr.split()),
            is_session=True,
            connection_tenant_id=row.tenant_id or None,
        )

    def end(self, session_hash: bytes) -> None:
        self._connection.execute(sa.delete(sessions).where(sessions.c.session_hash == session_hash))

    def _find_local(self, row: sa.Row[Any]) -> VerifiedIdentity | None:
        # Name and address are the account's of now; without the account there is nobody.
        found = self._connection.execute(
            sa.select(*PUBLIC_ACCOUNT).where(accounts.c.account_id == row.principal_id)
        ).first()
        return None if found is None else read_account(found, self._vault).identify(row.authenticated_at)

    def _read_addresses(self, row: sa.Row[Any]) -> tuple[VerifiedAddress, ...]:
        scope = row.tenant_id or None
        stored = json.loads(row.addresses)
        self._vault.prefetch((EVERYWHERE, one["address"]) for one in stored)
        known = tuple(
            VerifiedAddress(
                address=EmailAddress(self._vault.address(EVERYWHERE, one["address"])),
                evidence=one["evidence"],
                tenant_id=scope,
            )
            for one in stored
        )
        if scope is None or not known:
            return known
        return narrow_addresses(known, self._proven(scope, {one.address.domain for one in known}))

    def _proven(self, tenant_id: str, asked: Collection[str]) -> frozenset[str]:
        query = sa.select(domains.c.domain).where(
            domains.c.tenant_id == tenant_id,
            domains.c.domain.in_(asked),
            domains.c.proved_at.is_not(None),
            domains.c.proof_expires_at > self._now(),
        )
        return frozenset(self._connection.execute(query).scalars())

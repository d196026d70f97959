# SPDX-License-Identifier: Apache-2.0
"""Local accounts and the challenges they begin as. Secrets only as hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.account import Account, Challenge
from vestibule.core.email import EmailAddress
from vestibule.core.privacy import EVERYWHERE
from vestibule.errors import NotFoundError
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.schema import accounts, challenges, sessions
from vestibule.storage.vault import Vault

# For those who let nobody in by a password: they need no right to read one.
_UNREAD: sa.ColumnElement[Any] = sa.literal("")
PUBLIC_ACCOUNT = (
    *(column for column in accounts.c if column.name != "password_hash"),
    _UNREAD.label("password_hash"),
)
_SECRETS: Mapping[str, sa.ColumnElement[Any]] = {
    "challenge_hash": sa.literal(b""),
    "password_hash": _UNREAD,
    "code_hash": _UNREAD,
}
_PUBLIC_CHALLENGE = tuple(
    _SECRETS[column.name].label(column.name) if column.name in _SECRETS else column for column in challenges.c
)


def read_account(row: sa.Row[Any], vault: Vault) -> Account:
    return Account(
        account_id=row.account_id,
        address=EmailAddress(vault.address(EVERYWHERE, row.address)),
        name=row.name,
        password_hash=row.password_hash,
        created_at=row.created_at,
    )


def _read_challenge(row: sa.Row[Any], vault: Vault) -> Challenge:
    return Challenge(
        challenge_id=row.challenge_id,
        challenge_hash=row.challenge_hash,
        address=EmailAddress(vault.address(EVERYWHERE, row.address)),
        name=row.name,
        password_hash=row.password_hash,
        code_hash=row.code_hash,
        expires_at=row.expires_at,
    )


class SqlAccounts:
    """Implements ``ports.Accounts``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault

    def find_by_address(self, address: EmailAddress) -> Account | None:
        stored = self._vault.form(EVERYWHERE, address.key)
        row = self._connection.execute(sa.select(accounts).where(accounts.c.address == stored)).first()
        return None if row is None else read_account(row, self._vault)

    def find(self, account_id: str) -> Account | None:
        row = self._connection.execute(sa.select(accounts).where(accounts.c.account_id == account_id)).first()
        return None if row is None else read_account(row, self._vault)

    def add(self, account: Account) -> bool:
        values = {
            "account_id": account.account_id,
            "address": self._vault.keep(EVERYWHERE, account.address.key),
            "name": account.name,
            "password_hash": account.password_hash,
            "created_at": self._now(),
        }
        return insert_unless_there(self._connection, accounts, values)

    def add_challenge(self, challenge: Challenge, *, tries: int, lifetime: timedelta) -> None:
        self._connection.execute(
            sa.insert(challenges).values(
                challenge_id=challenge.challenge_id,
                challenge_hash=challenge.challenge_hash,
                address=self._vault.keep(EVERYWHERE, challenge.address.key),
                name=challenge.name,
                password_hash=challenge.password_hash,
                tries_left=tries,
                expires_at=self._now() + lifetime,
            )
        )

    def find_challenge(self, challenge_hash: bytes) -> Challenge | None:
        query = sa.select(challenges).where(challenges.c.challenge_hash == challenge_hash, *self._is_live())
        row = self._connection.execute(query).first()
        return None if row is None else _read_challenge(row, self._vault)

    def get_challenge(self, challenge_id: str) -> Challenge:
        query = sa.select(*_PUBLIC_CHALLENGE).where(
            challenges.c.challenge_id == challenge_id, *self._is_live()
        )
        row = self._connection.execute(query).first()
        if row is None:
            raise NotFoundError
        return _read_challenge(row, self._vault)

    def set_code(self, challenge_id: str, code_hash: str) -> bool:
        change = sa.update(challenges).where(challenges.c.challenge_id == challenge_id, *self._is_live())
        return self._connection.execute(change.values(code_hash=code_hash)).rowcount == 1

    def count_try(self, challenge_id: str) -> bool:
        change = sa.update(challenges).where(challenges.c.challenge_id == challenge_id, *self._is_live())
        return self._connection.execute(change.values(tries_left=challenges.c.tries_left - 1)).rowcount == 1

    def use_challenge(self, challenge_id: str) -> bool:
        change = sa.update(challenges).where(
            challenges.c.challenge_id == challenge_id,
            challenges.c.used_at.is_(None),
            challenges.c.expires_at > self._now(),
        )
        return self._connection.execute(change.values(used_at=self._now())).rowcount == 1

    def end_sessions_of(self, principal_id: str) -> int:
        return self._connection.execute(
            sa.delete(sessions).where(sessions.c.principal_id == principal_id)
        ).rowcount

    def purge(self) -> int:
        """Forget dead sessions and challenges."""
        now = self._now()
        gone = self._connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= now)).rowcount
        return (
            gone
            + self._connection.execute(sa.delete(challenges).where(challenges.c.expires_at <= now)).rowcount
        )

    def _is_live(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            challenges.c.used_at.is_(None),
            challenges.c.tries_left > 0,
            challenges.c.expires_at > self._now(),
        )

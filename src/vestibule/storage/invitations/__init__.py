# SPDX-License-Identifier: Apache-2.0
"""Pending grants in the database: reading, changing, ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from vestibule.storage.invitations.changing import ChangingInvitations
from vestibule.storage.invitations.ending import EndingInvitations
from vestibule.storage.invitations.reading import ReadingInvitations
from vestibule.storage.vault import Vault


class SqlInvitations(ReadingInvitations, ChangingInvitations, EndingInvitations):
    """Implements ``ports.Invitations``."""


class Seats(Protocol):
    """Seats that are counted elsewhere than in our ledger."""

    def has_free(self, tenant_id: str, *, locked: bool) -> bool:
        """Is there a seat? *locked*: and nobody else takes one before this transaction ends."""


class HostedInvitations(SqlInvitations):
    """Invitations of a host with its own membership table: the seats are counted there."""

    def __init__(
        self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault, seats: Seats
    ) -> None:
        super().__init__(connection, now, vault)
        self._seats = seats

    def reserve_seat(self, tenant_id: str) -> bool:
        return self._seats.has_free(tenant_id, locked=True)


__all__ = ["HostedInvitations", "SqlInvitations"]

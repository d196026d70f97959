# SPDX-License-Identifier: Apache-2.0
"""One transaction and its stores, over a SQLAlchemy connection: ours, or a host's.

A unit of work of our own rolls back unless its action committed. One that joins a host's transaction
never commits that: it works in a savepoint, releases it where the action commits (a refusal's event
included) and undoes it otherwise, so that the host's own work before it stands either way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from vestibule.errors import MisuseError
from vestibule.ports import (
    Abuse,
    Accounts,
    Anonymity,
    ApiKeys,
    Approvals,
    Audit,
    Checkpoints,
    Claims,
    Connections,
    Directory,
    Domains,
    Exports,
    Idempotency,
    Invitations,
    JoinRequests,
    Keys,
    Log,
    Members,
    Outbox,
    People,
    Policies,
    Principals,
    Promises,
    RateLimits,
    Resources,
    Reviews,
    Sessions,
    Support,
    Tenants,
)
from vestibule.ports.privacy import AddressSealer
from vestibule.storage.abuse import SqlAbuse
from vestibule.storage.accounts import SqlAccounts
from vestibule.storage.anonymity import SqlAnonymity
from vestibule.storage.api_keys import SqlApiKeys
from vestibule.storage.approvals import SqlApprovals, SqlReviews
from vestibule.storage.audit import SqlAudit
from vestibule.storage.checkpoints import SqlCheckpoints
from vestibule.storage.claims.host import HostClaims, HostSeats, HostTable
from vestibule.storage.claims.postgresql import PostgresqlClaims
from vestibule.storage.claims.savepoint import SavepointLane
from vestibule.storage.claims.sqlite import SqliteClaims
from vestibule.storage.connections import SqlConnections
from vestibule.storage.dialect import begin_joined
from vestibule.storage.directory import SqlDirectory
from vestibule.storage.domains import SqlDomains
from vestibule.storage.exports import SqlExports
from vestibule.storage.idempotency import SqlIdempotency
from vestibule.storage.invitations import HostedInvitations, SqlInvitations
from vestibule.storage.join_requests import SqlJoinRequests
from vestibule.storage.keys import SqlKeys
from vestibule.storage.log import SqlLog
from vestibule.storage.members import SqlMembers
from vestibule.storage.outbox import SqlOutbox
from vestibule.storage.people import SqlPeople
from vestibule.storage.policies import SqlPolicies
from vestibule.storage.principals import SqlPrincipals
from vestibule.storage.promises import SqlPromises
from vestibule.storage.rate_limits import SqlRateLimits
from vestibule.storage.resources import SqlResources
from vestibule.storage.schema import from_milliseconds, to_milliseconds
from vestibule.storage.sessions import SqlSessions
from vestibule.storage.support import SqlSupport
from vestibule.storage.tenants import SqlTenants
from vestibule.storage.vault import Vault

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's clock: SQLite has no other."""
    return datetime.now(UTC)  # allow: clock because SQLite's database clock is the machine's


class SqlUnitOfWork:
    """Implements ``ports.UnitOfWork``."""

    def __init__(
        self,
        connection: sa.Connection,
        *,
        joined: bool = False,
        clock: Clock = system_clock,
        host_members: Callable[[sa.Connection], HostTable] | None = None,
        sealer: AddressSealer | None = None,
    ) -> None:
        self._connection = connection
        self._is_joined = joined
        self._clock = clock
        self._read_at: datetime | None = None
        self._is_done = False
        self._savepoint: sa.NestedTransaction | None = None
        self._sealer = sealer
        self._vault = vault = Vault(connection, sealer)
        own = host_members is None
        self.claims: Claims = (
            SqliteClaims(connection, self._now_ms, vault, own_members=own, sealer=sealer)
            if connection.dialect.name == "sqlite"
            else PostgresqlClaims(SavepointLane(connection), own_members=own, sealer=sealer)
        )
        self.members: Members = SqlMembers(connection, self.now, vault)
        self.tenants: Tenants = SqlTenants(connection, self.now)
        self.principals: Principals = SqlPrincipals(connection, self.now, vault)
        self.invitations: Invitations = SqlInvitations(connection, self.now, vault)
        if host_members is not None:
            self.members = table = host_members(connection)
            seats = HostSeats(connection, table, self.now)
            self.claims = HostClaims(self.claims, table, seats)
            self.invitations = HostedInvitations(connection, self.now, vault, seats)
        self._open_stores()

    def _open_stores(self) -> None:
        connection, vault = self._connection, self._vault
        self.audit: Audit = SqlAudit(connection, self.now)
        self.outbox: Outbox = SqlOutbox(connection, self.now)
        self.directory: Directory = SqlDirectory(connection, self.now, vault)
        self.domains: Domains = SqlDomains(connection, self.now, vault)
        self.promises: Promises = self._open_promises()
        self.approvals: Approvals = SqlApprovals(connection, self.now, vault, self.members)
        self.reviews: Reviews = SqlReviews(connection, self.now)
        self.resources: Resources = SqlResources(connection, self.now)
        self.limits: RateLimits = SqlRateLimits(connection, self._now_ms, vault)
        self.idempotency: Idempotency = SqlIdempotency(connection, self.now, vault)
        self.accounts: Accounts = SqlAccounts(connection, self.now, vault)
        self.abuse: Abuse = SqlAbuse(connection, self.now, vault)
        self.connections: Connections = SqlConnections(connection, self.now)
        self.sessions: Sessions = SqlSessions(connection, self.now, vault)
        self.api_keys: ApiKeys = SqlApiKeys(connection, self.now)
        self.join_requests: JoinRequests = SqlJoinRequests(connection, self.now, vault)
        self.policies: Policies = SqlPolicies(connection, self.now, vault)
        self.keys: Keys = SqlKeys(connection, self.now)
        self.log: Log = SqlLog(connection, self.now)
        self.checkpoints: Checkpoints = SqlCheckpoints(connection, self.now)
        self.support: Support = SqlSupport(connection, self.now, vault)
        self.people: People = SqlPeople(connection, self.now, vault, self._sealer)
        self.exports: Exports = SqlExports(connection)
        self.anonymity: Anonymity = SqlAnonymity(connection, self.now)

    def _open_promises(self) -> Promises:
        return SqlPromises(
            self._connection,
            self.now,
            members=self.members,
            invitations=self.invitations,
            claims=self.claims,
            audit=self.audit,
            outbox=self.outbox,
            directory=self.directory,
            domains=self.domains,
            vault=self._vault,
        )

    def now(self) -> datetime:
        """The database's clock, to the millisecond, read once."""
        if self._read_at is None:
            if self._connection.dialect.name == "sqlite":
                # The write lock must be held before the clock is read (CRYPTO.md 6.2).
                if not self._connection.in_transaction():
                    self._connection.begin()
                moment = self._clock()
            else:
                moment = self._connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            self._read_at = from_milliseconds(to_milliseconds(moment))
        return self._read_at

    def purge(self) -> None:
        self.accounts.purge()
        self.connections.purge()
        self.limits.purge()
        self.idempotency.purge()

    def commit(self) -> None:
        if self._is_done:
            raise MisuseError("a unit of work commits once")
        self._is_done = True
        if not self._is_joined:
            self._connection.commit()
        elif self._savepoint is not None:
            self._savepoint.commit()

    def __enter__(self) -> Self:
        if self._is_joined:
            begin_joined(self._connection)
            self._savepoint = self._connection.begin_nested()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._savepoint is not None:
            if not self._is_done:
                self._savepoint.rollback()
        elif not self._is_joined and self._connection.in_transaction():
            self._connection.rollback()

    def _now_ms(self) -> int:
        return to_milliseconds(self.now())

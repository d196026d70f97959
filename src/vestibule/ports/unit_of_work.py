# SPDX-License-Identifier: Apache-2.0
"""One transaction with its stores, and how actions are run in one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Concatenate, ParamSpec, Protocol, Self, TypeVar

from vestibule.ports.abuse import Abuse
from vestibule.ports.accounts import Accounts, ApiKeys
from vestibule.ports.anonymity import Anonymity
from vestibule.ports.claims import Claims, ClaimUnit
from vestibule.ports.connections import Connections, Sessions
from vestibule.ports.delivery import Outbox
from vestibule.ports.directory import Directory
from vestibule.ports.domains import Domains, JoinRequests
from vestibule.ports.exports import Exports
from vestibule.ports.guards import Audit, Idempotency, RateLimits
from vestibule.ports.invitations import Invitations
from vestibule.ports.keys import Keys
from vestibule.ports.log import Checkpoints, Log
from vestibule.ports.members import Members, Principals
from vestibule.ports.policies import Policies
from vestibule.ports.privacy import People
from vestibule.ports.promises import Approvals, Promises, Reviews
from vestibule.ports.resources import Resources
from vestibule.ports.support import Support
from vestibule.ports.tenants import Tenants


class UnitOfWork(Protocol):
    """One transaction and its stores. Entering opens it, leaving rolls back what was not committed."""

    tenants: Tenants
    principals: Principals
    members: Members
    invitations: Invitations
    promises: Promises
    approvals: Approvals
    reviews: Reviews
    resources: Resources
    claims: Claims
    audit: Audit
    outbox: Outbox
    limits: RateLimits
    idempotency: Idempotency
    accounts: Accounts
    connections: Connections
    sessions: Sessions
    api_keys: ApiKeys
    domains: Domains
    join_requests: JoinRequests
    directory: Directory
    abuse: Abuse
    policies: Policies
    keys: Keys
    log: Log
    checkpoints: Checkpoints
    support: Support
    people: People
    exports: Exports
    anonymity: Anonymity

    def purge(self) -> None:
        """Forget dead sessions, codes, counters and kept answers."""

    def now(self) -> datetime:
        """The database's clock, read once per unit of work (call it after the locks are held)."""

    def commit(self) -> None:
        """Make it so; at most once. A unit of work that joins a host's transaction only flushes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Runner(Protocol):
    """Runs actions from the event loop; ``bootstrap`` decides how, nothing else knows."""

    async def run(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """One action in one unit of work; deadlocks and serialization failures are tried again."""

    async def read(
        self,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """The same for an action that only reads."""

    async def claim(
        self,
        action: Callable[Concatenate[ClaimUnit, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """The same for an action that needs nothing but claims: the shortest road there is."""

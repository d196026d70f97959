# SPDX-License-Identifier: Apache-2.0
"""How the facade's methods reach the actions: a unit of work that joins the host's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from vestibule.core.identity import HostKey, RequestContext
from vestibule.core.limits import Limits
from vestibule.core.token import mint_id
from vestibule.embedding.host import Host, check_public_url, connection_of
from vestibule.embedding.members import AdaptedMembers, AdaptedTenants, HostMembersFactory
from vestibule.ports import KeyProvider, Signatures, UnitOfWork
from vestibule.storage.dialect import begin_joined
from vestibule.storage.unit_of_work import SqlUnitOfWork, system_clock

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")
HOST_KEY = HostKey(key_id="library")


class Joining:
    """What every part of the facade stands on.

    Args:
        public_url: what links begin with: ``<public_url>/i/<token>``.
        members: makes the host's own membership table from a connection; without it Vestibule keeps one.
        limits: what counts as too many.
        provider: who signs links, where a policy asks for that (``vestibule.keys.file.FileProvider``).
        signatures: what checks them (the module ``vestibule.keys.signatures``).
        clock: the clock on SQLite, for tests. PostgreSQL's own clock can't be replaced.
    """

    def __init__(
        self,
        *,
        public_url: str,
        members: HostMembersFactory | None = None,
        limits: Limits | None = None,
        provider: KeyProvider | None = None,
        signatures: Signatures | None = None,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._public_url = check_public_url(public_url)
        self._members = members
        self._limits = limits or Limits()
        self._provider = provider
        self._signatures = signatures
        self._clock = clock

    def _run(
        self,
        host: Host,
        action: Callable[Concatenate[UnitOfWork, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        with self._make_unit(connection_of(host), joined=True) as uow:
            return action(uow, *args, **kwargs)

    @contextmanager
    def _open_unit(self, engine: sa.Engine) -> Iterator[UnitOfWork]:
        """A transaction of its own, for what no request of the host is behind."""
        with engine.connect() as connection:
            begin_joined(connection)  # so that two processes never claim the same message on SQLite
            with self._make_unit(connection, joined=False) as uow:
                yield uow

    def _make_unit(self, connection: sa.Connection, *, joined: bool) -> SqlUnitOfWork:
        factory = self._members
        if factory is None:
            return SqlUnitOfWork(connection, joined=joined, clock=self._clock)
        members = AdaptedMembers(factory(connection))
        uow = SqlUnitOfWork(connection, joined=joined, clock=self._clock, host_members=lambda _: members)
        uow.tenants = AdaptedTenants(uow.tenants, members)
        return uow


def context_or_new(context: RequestContext | None) -> RequestContext:
    """The host's word on the request, or at least an id that ties its events together."""
    return context or RequestContext(correlation_id=mint_id())

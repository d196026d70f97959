# SPDX-License-Identifier: Apache-2.0
"""``Vestibule``: the actions, run in the host's own transaction.

Every method takes the host's ``Connection`` or ``Session`` first and commits nothing: the host does. An
action that fails is undone to a savepoint and leaves the host's own work as it was. A refused claim leaves
its audit event and its count in the host's transaction; ``keep_refusals`` commits that. Only ``deliver``,
``tidy`` and ``migrate`` take an engine, for they work outside of any request.
"""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from functools import partial

import sqlalchemy as sa

from vestibule.actions.delivery.sweep import purge, sweep
from vestibule.actions.invitations.decide import list_waited, release_waited
from vestibule.core.identity import RequestContext
from vestibule.core.message import Letter
from vestibule.core.token import mint_id
from vestibule.delivery.retry import RetryPolicy
from vestibule.embedding.claiming import ClaimingCalls
from vestibule.embedding.deciding import DecidingCalls
from vestibule.embedding.delivery import Deliveries, Postman, Send
from vestibule.embedding.host import Host, connection_of
from vestibule.embedding.inviting import InvitingCalls
from vestibule.embedding.tenancy import TenancyCalls
from vestibule.errors import ConfigurationError
from vestibule.storage import create
from vestibule.storage.dialect import begin_joined

_SWEEP_LIMIT = 500


class Vestibule(TenancyCalls, InvitingCalls, DecidingCalls, ClaimingCalls):
    """Invitations inside a host application. One object for the process; it holds no connection."""

    def deliver(
        self,
        engine: sa.Engine,
        send: Send,
        *,
        batch: int = 20,
        lease: timedelta = timedelta(minutes=2),
        retry: RetryPolicy | None = None,
    ) -> Deliveries:
        """Give *send* a letter for everything that is due, and record what became of it.

        *send* is the host's mailer: it returns when the mail is handed over, raises PermanentDeliveryError to
        give up, and anything else to be asked again later with a fresh link. Call this from a timer, a cron
        job or a thread; any number of processes may.
        """
        open_unit = partial(self._open_unit, engine)
        return Postman(
            open_unit=open_unit,
            send=send,
            public_url=self._public_url,
            batch=batch,
            lease=lease,
            retry=retry or RetryPolicy(),
            limits=self._limits,
            provider=self._provider,
        ).deliver()

    def render_mail(self, letter: Letter, *, from_address: str, from_name: str = "Vestibule") -> EmailMessage:
        """The letter as Vestibule's own mail, text and HTML, for hosts without templates of their own.

        Raises:
            ConfigurationError: Jinja2 is not installed.
            PermanentDeliveryError: no mail can be built from it.
        """
        try:
            from vestibule.delivery.render import Sender, render  # noqa: PLC0415 - the extra may be absent
        except ModuleNotFoundError as error:
            raise _missing(error) from None
        sender = Sender(address_key=from_address, name=from_name)
        return render(letter, sender=sender, public_url=self._public_url, now=self._clock())

    def tidy(self, engine: sa.Engine) -> int:
        """Record what the clock has ended and forget what is dead; how many. No decision waits for this."""
        context = RequestContext(correlation_id=mint_id())
        with self._open_unit(engine) as uow:
            swept = sweep(uow, limit=_SWEEP_LIMIT, context=context)
        with self._open_unit(engine) as uow:
            waited = list_waited(uow, limit=_SWEEP_LIMIT)
        for tenant_id, invitation_id in waited:
            with self._open_unit(engine) as uow:
                swept += release_waited(uow, tenant_id, invitation_id, context=context)
        with self._open_unit(engine) as uow:
            purge(uow)
        return swept

    def create_schema(self, host: Host) -> str:
        """Every table of this release, in the host's transaction and without Alembic; its revision."""
        connection = connection_of(host)
        begin_joined(connection)
        return create.create_schema(connection)

    def migrate(self, engine: sa.Engine) -> str:
        """The database is at this release's revision afterwards, which is returned.

        Raises:
            ConfigurationError: Alembic is not installed.
        """
        try:
            from vestibule.storage.migrations import migrate  # noqa: PLC0415 - the extra may be absent
        except ModuleNotFoundError as error:
            raise _missing(error) from None
        return migrate(engine)


def _missing(error: ModuleNotFoundError) -> ConfigurationError:
    remedy = "Install vestibule[server], or use create_schema and your own templates"
    return ConfigurationError(error.name or "a package", "is not installed", remedy)

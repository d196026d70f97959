# SPDX-License-Identifier: Apache-2.0
"""A mailbox for development and tests: a real SMTP server on the loopback that keeps what it is sent.

It relays nothing and stores nothing on disk. What it holds in memory are working links and codes, which is
why it refuses to listen beyond the loopback.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP, Envelope, Session

from vestibule.errors import MisuseError

KEPT = 500
MAX_BYTES = 1024 * 1024
# Its lines at level INFO hold addresses; ours never do.
logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """One mail as it came over the wire; ``index`` counts all that ever came, from 1."""

    index: int
    received_at: datetime
    envelope_from: str = field(repr=False)
    envelope_to: tuple[str, ...] = field(repr=False)
    message: EmailMessage = field(repr=False)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    def part(self, subtype: str = "plain") -> str:
        """The text of the body in *subtype* (``plain`` or ``html``), or an empty text."""
        body = self.message.get_body(preferencelist=(subtype,))
        return "" if body is None else str(body.get_content())


class DevelopmentMailbox:
    """A server to ``start`` and ``stop`` on the running event loop."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: deque[ReceivedMail] = deque(maxlen=KEPT)
        self._count = 0
        self._server: asyncio.Server | None = None
        self._sessions: set[SMTP] = set()
        self._arrival = asyncio.Condition()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on *host*, an address of the loopback, and on *port* (0: any free one).

        Raises:
            MisuseError: *host* is not on the loopback, or the mailbox already listens.
            OSError: the port is taken.
        """
        if self._server is not None:
            raise MisuseError("the mailbox already listens")
        if not _is_loopback(host):
            raise MisuseError("the development mailbox listens on the loopback only")
        self._server = await asyncio.get_running_loop().create_server(self._open_session, host, port)

    async def stop(self) -> None:
        """Listen no more and hang up; what was received stays readable."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for session in tuple(self._sessions):
            if session.transport is not None:
                session.transport.close()
        self._sessions.clear()
        await server.wait_closed()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            MisuseError: it does not listen.
        """
        if self._server is None:
            raise MisuseError("the mailbox does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def messages(self) -> tuple[ReceivedMail, ...]:
        """What came last, oldest first, at most 500."""
        return tuple(self._kept)

    def find(self, *, to: str | None = None, subject: str = "", after: int = 0) -> ReceivedMail | None:
        """The newest mail to the envelope address *to* with *subject* in its subject and a later index."""
        for mail in reversed(self._kept):
            if mail.index > after and subject in mail.subject and (to is None or to in mail.envelope_to):
                return mail
        return None

    async def wait_for(
        self, *, to: str | None = None, subject: str = "", after: int = 0, seconds: float = 10
    ) -> ReceivedMail:
        """Like ``find``, as soon as there is one.

        Raises:
            TimeoutError: none came in time.
        """
        async with asyncio.timeout(seconds), self._arrival:
            while (mail := self.find(to=to, subject=subject, after=after)) is None:
                await self._arrival.wait()
            return mail

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one mail; the name is aiosmtpd's."""
        content = envelope.content
        data = content if isinstance(content, bytes) else (content or "").encode()
        self._count += 1
        self._kept.append(
            ReceivedMail(
                index=self._count,
                received_at=self._clock(),
                envelope_from=envelope.mail_from or "",
                envelope_to=tuple(envelope.rcpt_tos),
                message=BytesParser(policy=policy.default).parsebytes(data),
            )
        )
        async with self._arrival:
            self._arrival.notify_all()
        return "250 2.0.0 Kept"

    def _open_session(self) -> SMTP:
        self._sessions = {session for session in self._sessions if session.transport is not None}
        session = SMTP(
            self,
            data_size_limit=MAX_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Vestibule development mailbox",
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

# SPDX-License-Identifier: Apache-2.0
"""Mail servers that behave badly, on the loopback, over real SMTP; and certificates, good and wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Server:
    """A server that takes mail, and answers each step as it is told."""

    def __init__(self) -> None:
        self.replies: dict[str, str] = {}
        self.drops: set[str] = set()
        self.stalls: set[str] = set()
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.connections = 0
        self.logins = 0
        self.sessions: list[SMTP] = []
        self.released = asyncio.Event()
        self.port = 0

    async def _step(self, step: str, server: SMTP) -> str | None:
        if step in self.stalls:
            await self.released.wait()
        if step in self.drops and server.transport is not None:
            server.transport.close()
        return self.replies.get(step)

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = await self._step("MAIL", server)
        if reply is None:
            envelope.mail_from = address
        return reply or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = await self._step("RCPT", server)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        reply = await self._step("DATA", server)
        if reply is None and "DATA" not in self.drops:
            assert isinstance(envelope.content, bytes)
            self.taken.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content))
        return reply or "250 OK"

    def hang_up(self) -> None:
        for session in self.sessions:
            if session.transport is not None:
                session.transport.close()


def accept_secret(
    server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
) -> AuthResult:
    server.event_handler.logins += 1
    # "not handled" leaves the 535 to the server.
    return AuthResult(success=(data.login, data.password) == (b"us er", "p@ss/wörd".encode()), handled=False)


@asynccontextmanager
async def serving(implicit_tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Server]:
    state = Server()
    loop = asyncio.get_running_loop()

    def open_session() -> SMTP:
        state.connections += 1
        session = SMTP(state, hostname="localhost", loop=loop, **options)
        state.sessions.append(session)
        return session

    server = await loop.create_server(open_session, "127.0.0.1", 0, ssl=implicit_tls)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        state.released.set()
        server.close()
        state.hang_up()
        await server.wait_closed()
        # Let the sessions see that their connection is gone before the loop ends.
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def raw_serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[int]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def make_certificate(folder: Path, host: str, *, expired: bool = False) -> tuple[ssl.SSLContext, Path]:
    """A server context with a certificate for *host*, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    until = datetime.now(UTC) + timedelta(days=-1 if expired else 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file

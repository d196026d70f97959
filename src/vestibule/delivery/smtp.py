# SPDX-License-Identifier: Apache-2.0
"""Hand a mail to the operator's mail server.

Guarantees:

* the envelope has one recipient, the email key, given by the caller and equal to the mail's ``To``;
* beyond the loopback, mail and password travel under TLS with a verified certificate, or not at all (G16);
  only the scheme ``smtp+unsafe`` gives that up;
* an exception tells the reply code and the step, never the server's words, which may repeat an address.

What is wrong with the recipient or the mail is permanent (a 5xx answer in the transaction). What is wrong
with the road there is transient, its certificate and our password included: an operator can mend those.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import aiosmtplib

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.delivery.wire import list_addresses, wire_policy
from vestibule.errors import ConfigurationError, PermanentDeliveryError, TransientDeliveryError

SETTING = "VESTIBULE_SMTP_URL"
_REMEDY = (
    "Give smtps://user:password@host (TLS), smtp+starttls://… (upgraded to TLS), smtp://… for a server on "
    "the loopback, or smtp+unsafe://… for a server without TLS"
)
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587, "smtp+unsafe": 25}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Our credentials or their absence, not the recipient (RFC 4954 section 6).
_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpAddress:
    """A parsed ``VESTIBULE_SMTP_URL``."""

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> SmtpAddress:
    """The mail server that *url* names.

    Raises:
        ConfigurationError: it names none, or a server beyond the loopback without TLS.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _fault("it is not a URL") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _fault("its scheme is not smtp, smtps, smtp+starttls or smtp+unsafe")
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _fault("it needs a host, and nothing after the port")
    if (parts.username is None) != (parts.password is None):
        raise _fault("it has a user without a password, or the reverse")
    if parts.scheme == "smtp" and host not in _LOOPBACK:
        raise _fault("mail beyond this machine would travel unencrypted")
    return SmtpAddress(
        scheme=parts.scheme,
        host=host,
        port=port or _DEFAULT_PORTS[parts.scheme],
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


class SmtpTransport:
    """One mail server and at most one connection to it, kept while it is alive. For one event loop."""

    def __init__(self, url: str, *, timeout: float = 30, tls_context: ssl.SSLContext | None = None) -> None:
        server = parse_smtp_url(url)
        self._deadline = timeout
        # _lock owns _client: a transaction is never interleaved with another.
        self._lock = asyncio.Lock()
        self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            timeout=timeout,
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp+starttls",
            validate_certs=True,
            tls_context=tls_context,
            # Otherwise the library asks DNS for this machine's name, which can take long for nothing.
            local_hostname="localhost" if server.host in _LOOPBACK else None,
        )

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """The mail server has taken *message* for *recipient*, an email key.

        Raises:
            TransientDeliveryError: not now.
            PermanentDeliveryError: never.
        """
        sender = _check_envelope(message, recipient)
        data = message.as_bytes(policy=wire_policy(recipient))
        options = [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        async with self._lock:
            try:
                async with asyncio.timeout(self._deadline):
                    await self._connect()
                    await self._client.sendmail(sender, [recipient], data, mail_options=options)
            except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
                self._drop_if_unsure(problem)
                _raise_delivery_error(problem)
            except BaseException:
                # Cut off in the middle: what the server makes of the next command is unknown.
                self._client.close()
                raise

    async def check(self) -> None:
        """The mail server was reached, its certificate and our credentials are good.

        Raises:
            TransientDeliveryError: something on the way is not; says which step.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(self._deadline):
                    await self._connect()
                    await self._client.noop()
            except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
                self._client.close()
                raise TransientDeliveryError(_describe(problem)) from None

    async def close(self) -> None:
        """The connection is closed, politely if the server still listens."""
        async with self._lock:
            if self._client.is_connected:
                try:
                    async with asyncio.timeout(min(self._deadline, 5)):
                        await self._client.quit()
                except (aiosmtplib.SMTPException, OSError):
                    pass
            self._client.close()

    async def _connect(self) -> None:
        if self._client.is_connected:
            try:
                await self._client.noop()
            except (aiosmtplib.SMTPException, OSError):
                self._client.close()
            else:
                return
        try:
            await self._client.connect()
        except aiosmtplib.SMTPResponseException as problem:
            # Greeting, STARTTLS or AUTH: no recipient was named yet, so even a 5xx is about the road.
            raise _RoadError(_describe(problem)) from None

    def _drop_if_unsure(self, problem: Exception) -> None:
        # A clean refusal leaves the session usable (sendmail has sent RSET); anything else does not.
        if not isinstance(problem, (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused)):
            self._client.close()


class _RoadError(OSError):
    """Setting the session up failed; the text is ours."""


def _check_envelope(message: EmailMessage, recipient: str) -> str:
    try:
        is_key = EmailAddress.parse_input(recipient, smtputf8=True).key == recipient
    except AddressFaultError:
        is_key = False
    if not is_key or list_addresses(message, "To") != [recipient] or message["Cc"] or message["Bcc"]:
        raise PermanentDeliveryError("the envelope and the mail do not name one and the same email key")
    senders = list_addresses(message, "From")
    if len(senders) != 1:
        raise PermanentDeliveryError("the mail does not have one sender")
    return senders[0]


def _raise_delivery_error(problem: Exception) -> NoReturn:
    code = _reply(problem)[0]
    permanent = 500 <= code <= 599 and code not in _AUTHENTICATION_CODES
    # An SMTPUTF8 address at a server without it, or an address that the wire can't carry.
    never = isinstance(problem, ValueError | aiosmtplib.SMTPNotSupported)
    kind = PermanentDeliveryError if permanent or never else TransientDeliveryError
    raise kind(_describe(problem)) from None


def _reply(problem: Exception) -> tuple[int, str]:
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused) and problem.recipients:
        return problem.recipients[0].code, problem.recipients[0].message
    if isinstance(problem, aiosmtplib.SMTPResponseException):
        return problem.code, problem.message
    return 0, ""


def _describe(problem: Exception) -> str:
    if isinstance(problem, _RoadError):
        return str(problem)
    code, words = _reply(problem)
    step = type(problem).__name__.removeprefix("SMTP").removesuffix("Error")
    if code:
        enhanced = _ENHANCED.match(words)
        return f"the mail server answered {code}{' ' + enhanced.group() if enhanced else ''} ({step})"
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "the mail server's certificate or TLS was not accepted"
        cause = cause.__cause__ or cause.__context__
    return f"the mail server could not be used ({step})"


def _fault(problem: str) -> ConfigurationError:
    return ConfigurationError(SETTING, problem, _REMEDY)

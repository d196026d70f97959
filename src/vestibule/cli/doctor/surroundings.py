# SPDX-License-Identifier: Apache-2.0
"""Checks of what surrounds the database: public address, mail, host keys, this machine's Unicode."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator

import idna.idnadata

from vestibule.bootstrap import load_host_keys, make_sender, make_transport
from vestibule.cli.doctor.finding import Finding, failure, fine, misconfigured, warning
from vestibule.core.process import ProcessRole
from vestibule.errors import ConfigurationError, TransientDeliveryError
from vestibule.settings import Settings

MAIL_TIMEOUT_SECONDS = 10


_MAILS = frozenset({ProcessRole.ALL, ProcessRole.WORKER})
_SERVES = frozenset({ProcessRole.ALL, ProcessRole.ISSUE, ProcessRole.CLAIM, ProcessRole.ADMIN})


def check_surroundings(settings: Settings, role: ProcessRole) -> Iterator[Finding]:
    """Everything outside of the database that a process of that role needs."""
    yield _check_public_url(settings)
    if role in _MAILS:
        yield _check_mail(settings)
        yield _check_sender(settings)
    if role in _SERVES:
        yield _check_host_keys(settings)
    domains, text = idna.idnadata.__version__, unicodedata.unidata_version
    yield fine("unicode", f"domains by Unicode {domains} (idna), text by {text} (Python)")


def _check_public_url(settings: Settings) -> Finding:
    if settings.public_url.startswith("https://"):
        return fine("public address", settings.public_url)
    remedy = "Set VESTIBULE_PUBLIC_URL to the https address that people use"
    return warning("public address", f"{settings.public_url} is for development on this machine", remedy)


def _check_mail(settings: Settings) -> Finding:
    if not settings.smtp_url:
        remedy = "Set VESTIBULE_SMTP_URL, or hand out links yourself (`deliver: link`)"
        return warning("mail", "VESTIBULE_SMTP_URL is not set: nothing can be mailed", remedy)
    try:
        asyncio.run(_reach_mail_server(settings))
    except ConfigurationError as error:
        return misconfigured("mail", error)
    except TransientDeliveryError as error:
        return failure("mail", str(error), "Check VESTIBULE_SMTP_URL, the way there, and the credentials")
    return fine("mail", "the mail server was reached, and took the credentials")


async def _reach_mail_server(settings: Settings) -> None:
    transport = make_transport(settings, timeout=MAIL_TIMEOUT_SECONDS)
    try:
        await transport.check()
    finally:
        await transport.close()


def _check_sender(settings: Settings) -> Finding:
    if not settings.mail_from and not settings.smtp_url:
        return fine("sender", "not needed without mail")
    try:
        sender = make_sender(settings)
    except ConfigurationError as error:
        return misconfigured("sender", error)
    return fine("sender", f"{sender.name} <{sender.address_key}>")


def _check_host_keys(settings: Settings) -> Finding:
    try:
        load_host_keys(settings)
    except ConfigurationError as error:
        return misconfigured("host keys", error)
    if not settings.assertion_jwks:
        return fine("host keys", "none: people sign in with local accounts")
    return fine("host keys", "the key set was read")

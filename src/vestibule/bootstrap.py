# SPDX-License-Identifier: Apache-2.0
"""The composition root: from settings to a running service, or from a host's connection to the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.core.process import ProcessRole
from vestibule.core.token import digest
from vestibule.errors import ConfigurationError
from vestibule.identity import passwords
from vestibule.identity.assertion import AssertionVerifier
from vestibule.identity.domains import WorldNames
from vestibule.identity.jwks import KeySource, StaticKeys
from vestibule.identity.leak_reporters import SignedReports
from vestibule.identity.oidc import OpenIdParty, SecretSealer
from vestibule.keyring import (
    check_keys,
    check_secrets,
    make_leak_keys,
    make_provider,
    make_receipt_desk,
    make_sealer,
)
from vestibule.keys import signatures
from vestibule.sealing import make_address_sealer
from vestibule.settings import Settings
from vestibule.storage.engine import make_async_engine, make_engine, parse_database_url
from vestibule.storage.revision import check_migrated
from vestibule.storage.runners import LoopRunner, PlainRunner, ThreadRunner
from vestibule.storage.unit_of_work import system_clock
from vestibule.web.app import Service, make_app
from vestibule.web.mailbox import MailStore, make_mailbox_app
from vestibule.web.services import Services

# What only some processes need is imported where it is made: one that only serves carries no mail.
if TYPE_CHECKING:
    from vestibule.delivery.keys import KeyKeeper
    from vestibule.delivery.render import Sender
    from vestibule.delivery.sealing import LogSealer
    from vestibule.delivery.smtp import SmtpTransport
    from vestibule.delivery.witnessing import Publisher
    from vestibule.delivery.worker import Transport, Worker
    from vestibule.identity.fetched_keys import FetchedKeys
    from vestibule.ports import AddressSealer, KeyProvider

Clock = Callable[[], datetime]
# Which processes open the client secrets of connections: to sign somebody in, or to set one up.
_OPENS_SECRETS = frozenset({ProcessRole.ALL, ProcessRole.CLAIM, ProcessRole.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One process's parts. ``close`` gives back what they hold."""

    settings: Settings
    runner: LoopRunner | ThreadRunner
    verifier: AssertionVerifier | None
    keys: FetchedKeys | None
    names: WorldNames
    clock: Clock
    sealer: SecretSealer
    openid: OpenIdParty
    provider: KeyProvider | None
    leak_keys: KeySource | None = None
    role: ProcessRole = ProcessRole.ALL

    @property
    def is_clock_ours(self) -> bool:
        """Whether ``clock`` decides (SQLite has no other), or the database's own does."""
        return isinstance(self.runner, ThreadRunner)

    def make_app(self) -> Service:
        """The service over HTTP, as far as this process's role serves it."""
        return make_app(self.make_services())

    def make_services(self) -> Services:
        """What the HTTP edge works with."""
        settings = self.settings
        return Services(
            runner=self.runner,
            passwords=passwords,
            verifier=self.verifier,
            names=self.names,
            public_url=settings.public_url,
            openid=self.openid,
            sealer=self.sealer,
            signatures=signatures,
            provider=self.provider,
            leak_reporters=None if self.leak_keys is None else SignedReports(self.leak_keys),
            origins=frozenset(f"https://{host}" for host in settings.link_hosts),
            limits=settings.limits,
            platform_key_hash=digest(settings.platform_key) if settings.platform_key else None,
            trusted_proxies=settings.trusted_proxies,
            refusal_floor_seconds=settings.refusal_floor_ms / 1000,
            receipts=make_receipt_desk(settings, self.runner),
            role=self.role,
        )

    def make_worker(self, transport: Transport | None = None) -> Worker:
        """The delivery worker; without *transport*, by the mail settings.

        Raises:
            ConfigurationError: the mail settings are missing or wrong.
        """
        from vestibule.delivery.worker import Worker, WorkerPolicy  # noqa: PLC0415

        settings = self.settings
        return Worker(
            runner=self.runner,
            transport=transport or make_transport(settings),
            sender=make_sender(settings),
            public_url=settings.public_url,
            passwords=passwords,
            names=self.names,
            clock=self.clock,
            keeper=self._make_keeper(),
            provider=self.provider,
            policy=WorkerPolicy(
                batch=settings.worker_batch,
                poll=settings.worker_poll_ms / 1000,
                limits=settings.limits,
                keep_final=timedelta(days=settings.retention_days) if settings.retention_days else None,
            ),
        )

    def _make_keeper(self) -> KeyKeeper | None:
        from vestibule.delivery.keys import KeyKeeper  # noqa: PLC0415
        from vestibule.keys.proving import prove_key  # noqa: PLC0415

        return None if self.provider is None else KeyKeeper(self.runner, self.provider, prove_key)

    def make_log_sealer(self) -> LogSealer:
        """What seals the trail, and signs its heads where there is a key ring."""
        from vestibule.delivery.sealing import LogSealer  # noqa: PLC0415

        return LogSealer(runner=self.runner, provider=self.provider, public_url=self.settings.public_url)

    def make_publisher(self) -> Publisher | None:
        """What brings the log's heads to its witnesses; None where none is set."""
        from vestibule.auditing.signatures import verify_signature  # noqa: PLC0415
        from vestibule.delivery.witnessing import Publisher, read_witnesses  # noqa: PLC0415

        trust = read_witnesses(self.settings.witnesses)
        is_asked = any(witness.url for witness in trust.witnesses.values())
        return Publisher(runner=self.runner, trust=trust, verify=verify_signature) if is_asked else None

    async def close(self) -> None:
        if self.keys is not None:
            self.keys.close()
        if (close := getattr(self.leak_keys, "close", None)) is not None:
            close()
        await self.runner.close()


def build_deployment(
    settings: Settings, *, clock: Clock = system_clock, role: ProcessRole = ProcessRole.ALL
) -> Deployment:
    """Everything a serving or working process of that role needs, checked before it begins.

    Raises:
        ConfigurationError: a setting can't work; names it and says what to do.
    """
    check_database(settings)
    provider = make_provider(settings)
    sealer = make_sealer(settings, provider)
    if role is not ProcessRole.MIGRATE:
        check_keys(settings, provider, sealer)
    if role in _OPENS_SECRETS:
        check_secrets(settings, provider, sealer)
    verifier, fetched = (None, None) if role is ProcessRole.WORKER else _make_verifier(settings, clock)
    return Deployment(
        settings=settings,
        runner=_make_runner(settings, clock, _make_address_sealer(settings, provider, role)),
        verifier=verifier,
        keys=fetched,
        clock=clock,
        sealer=sealer,
        openid=make_relying_party(settings, sealer, clock=clock),
        provider=provider,
        names=make_names(settings),
        role=role,
        leak_keys=make_leak_keys(settings),
    )


def build_plain_runner(settings: Settings, *, opens_addresses: bool = True) -> PlainRunner:
    """For commands: actions in the calling thread. Keys are turned and examined without opening addresses.

    Raises:
        ConfigurationError: the database is missing, unreachable or not migrated.
    """
    check_database(settings)
    sealer = make_address_sealer(settings, lambda: make_provider(settings)) if opens_addresses else None
    return PlainRunner(make_engine(settings.database_url), sealer=sealer)


@contextmanager
def open_engine(settings: Settings, *, create: bool = False) -> Iterator[Engine]:
    """An engine for a look or a migration; whatever fails on the way is about reaching the database.

    Raises:
        ConfigurationError: the database can't be reached.
    """
    engine = make_engine(settings.database_url, create=create)
    try:
        yield engine
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the operator hears one thing
        raise ConfigurationError(
            "VESTIBULE_DATABASE_URL",
            f"the database can't be reached ({type(error).__name__})",
            "Check that it runs and that the URL's host, name and credentials are right",
        ) from None
    finally:
        engine.dispose()


def check_database(settings: Settings) -> None:
    """The database is there and at this release's schema.

    Raises:
        ConfigurationError: it is not.
    """
    with open_engine(settings) as engine:
        check_migrated(engine)


def make_relying_party(
    settings: Settings, sealer: SecretSealer, *, clock: Clock = system_clock
) -> OpenIdParty:
    """Our side of OpenID Connect."""
    return OpenIdParty(sealer, public_url=settings.public_url, clock=clock)


def make_names(settings: Settings) -> WorldNames:
    """What the world says of domains, by the settings' name servers or this machine's."""
    return WorldNames(settings.dns_resolvers)


def make_mailbox_view(mailbox: MailStore) -> Service:
    """The development mailbox as pages; for the loopback only."""
    return make_mailbox_app(mailbox)


def load_host_keys(settings: Settings) -> None:
    """The host's public keys can be read, and its issuer is known; or there are none.

    Raises:
        ConfigurationError: they can't, or it is not.
    """
    _, fetched = _make_verifier(settings, system_clock)
    if fetched is not None:
        fetched.close()


def make_transport(settings: Settings, *, timeout: float = 30) -> SmtpTransport:
    """The road out for mail.

    Raises:
        ConfigurationError: SMTP_URL is missing or wrong.
    """
    from vestibule.delivery.smtp import SmtpTransport  # noqa: PLC0415

    if not settings.smtp_url:
        raise ConfigurationError(
            "VESTIBULE_SMTP_URL", "is not set", "Give smtp+starttls://user:password@host:587"
        )
    return SmtpTransport(settings.smtp_url, timeout=timeout)


def make_sender(settings: Settings) -> Sender:
    """Whom mails are from: ``Name <address>`` or a plain address.

    Raises:
        ConfigurationError: MAIL_FROM is missing or no address.
    """
    from vestibule.delivery.render import Sender  # noqa: PLC0415

    name, angle, rest = settings.mail_from.rpartition("<")
    text = rest.rstrip("> ") if angle else settings.mail_from
    try:
        address = EmailAddress.parse_input(text)
    except AddressFaultError:
        raise ConfigurationError(
            "VESTIBULE_MAIL_FROM", "is not an address", "Give Name <invitations@your.domain>"
        ) from None
    shown = name.strip().strip('"').strip()
    return Sender(address_key=address.key, name=shown) if shown else Sender(address_key=address.key)


def _make_address_sealer(
    settings: Settings, provider: KeyProvider | None, role: ProcessRole
) -> AddressSealer | None:
    decides = role in (ProcessRole.ALL, ProcessRole.ADMIN)
    return make_address_sealer(settings, lambda: provider, decides=decides)


def _make_runner(settings: Settings, clock: Clock, sealer: AddressSealer | None) -> LoopRunner | ThreadRunner:
    if parse_database_url(settings.database_url).get_backend_name() == "sqlite":
        return ThreadRunner(make_engine(settings.database_url), clock=clock, sealer=sealer)
    engine = make_async_engine(settings.database_url, pool_size=settings.pool_size)
    return LoopRunner(engine, wire_size=settings.wire_size, sealer=sealer)


def _make_verifier(settings: Settings, clock: Clock) -> tuple[AssertionVerifier | None, FetchedKeys | None]:
    if not settings.assertion_jwks:
        return None, None
    if not settings.assertion_issuer:
        raise ConfigurationError(
            "VESTIBULE_ASSERTION_ISSUER",
            "is not set although ASSERTION_JWKS is",
            "Give the `iss` of your assertions",
        )
    fetched: FetchedKeys | None = None
    source: KeySource
    if "://" in settings.assertion_jwks:
        from vestibule.identity.fetched_keys import FetchedKeys  # noqa: PLC0415

        source = fetched = FetchedKeys(settings.assertion_jwks).start()
    else:
        source = StaticKeys.from_file(settings.assertion_jwks)
    return AssertionVerifier(source, settings.assertion_issuer, settings.public_url, clock), fetched

# SPDX-License-Identifier: Apache-2.0
"""The hosted pages as a browser meets them: a real server, its worker, real mail into a mailbox."""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvicorn
import uvloop

from tests.nameserver import DnsServer
from tests.rings import fill_ring, make_store, name_store
from vestibule.actions.accounts.sign_in import create_account
from vestibule.actions.connections.put_connection import put_connection
from vestibule.actions.domains.check_domain import finish_check
from vestibule.actions.domains.put_domain import put_domain
from vestibule.actions.invitations.issue import issue
from vestibule.actions.members.put_member import MemberDraft, put_member
from vestibule.actions.members.review_members import list_members
from vestibule.actions.tenants.put_tenant import put_tenant
from vestibule.bootstrap import build_deployment, build_plain_runner
from vestibule.core.connection import ConnectionDraft
from vestibule.core.domain import DomainAnswer, DomainDraft, Rung
from vestibule.core.email import EmailAddress
from vestibule.core.identity import HostKey, RequestContext, VerifiedIdentity
from vestibule.core.invitation import InvitationDraft
from vestibule.core.paging import PageRequest
from vestibule.delivery.mailbox import DevelopmentMailbox, ReceivedMail
from vestibule.identity import passwords
from vestibule.identity.domains import WorldNames
from vestibule.keyring import make_sealer
from vestibule.settings import load_settings
from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import migrate
from vestibule.storage.schema import domains, sessions

PASSWORD = "a quite long password"
_KEY = HostKey(key_id="tests")
_CONTEXT = RequestContext(correlation_id="tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccount:
    """Somebody who can sign in on the pages with ``PASSWORD``."""

    principal_id: str
    address: str
    name: str


class Site:
    """One running site. Tests make tenants and people of their own."""

    def __init__(self, database_url: str) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.dns = DnsServer()
        self.mailbox = DevelopmentMailbox(clock=lambda: datetime.now(UTC))
        engine = make_engine(database_url, create=True)
        migrate(engine)
        self._stores = tempfile.TemporaryDirectory()
        self._store = Path(self._stores.name) / "ring"
        self._provider = make_store(self._store)
        fill_ring(engine, self._provider)
        engine.dispose()
        self._ready = threading.Event()
        self._numbers = iter(range(1, 10**6))

    def start(self) -> Site:
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(30):
            raise TimeoutError
        self.runner = build_plain_runner(self.settings)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self.runner.close()
        self.dns.stop()
        self._stores.cleanup()

    def add_account(self, name: str, at: str = "people.example") -> LocalAccount:
        """A fresh person with a verified account."""
        address = f"{name.lower()}{next(self._numbers)}@{at}"
        principal_id = self.runner.run(
            create_account,
            _KEY,
            EmailAddress.parse_input(address),
            name=name,
            password_hash=passwords.hash_password(PASSWORD),
            context=_CONTEXT,
        )
        return LocalAccount(principal_id=principal_id, address=address, name=name)

    def add_tenant(self, owner: LocalAccount, name: str = "Acme") -> str:
        """A fresh tenant with its owner; its id."""
        tenant_id = f"tenant-{next(self._numbers)}"
        self.runner.run(put_tenant, _KEY, tenant_id, name=name, policy=None, context=_CONTEXT)
        self.add_member(tenant_id, owner, "owner")
        return tenant_id

    def add_member(self, tenant_id: str, who: LocalAccount, role: str) -> None:
        draft = MemberDraft(role=role, email=EmailAddress(who.address), name=who.name)
        self.runner.run(put_member, _KEY, tenant_id, who.principal_id, draft, context=_CONTEXT)

    def open_domain(self, tenant_id: str, domain: str, rung: Rung) -> None:
        """The tenant has proved the domain, and it stands on that rung."""
        about: dict[str, Any] = {"names": WorldNames(), "context": _CONTEXT}
        named, _ = self.runner.run(put_domain, _KEY, tenant_id, domain, DomainDraft(), **about)
        answer = DomainAnswer(texts=[named.domain.record_value])
        self.runner.run(finish_check, _KEY, named.domain, answer, context=_CONTEXT)
        self.runner.run(put_domain, _KEY, tenant_id, domain, DomainDraft(rung=rung), **about)

    def add_principal(self, tenant_id: str, principal_id: str, role: str) -> None:
        """A member that the host names."""
        draft = MemberDraft(role=role)
        self.runner.run(put_member, _KEY, tenant_id, principal_id, draft, context=_CONTEXT)

    def members(self, tenant_id: str) -> dict[str, str]:
        """Role by principal."""
        page = self.runner.read(list_members, _KEY, tenant_id, PageRequest(scope="tests"))
        return {one.principal_id: one.role for one in page.items}

    def put_policy(self, tenant_id: str, **policy: Any) -> None:
        self.runner.run(put_tenant, _KEY, tenant_id, name="Acme", policy=policy, context=_CONTEXT)

    def put_connection(self, tenant_id: str, connection_id: str, draft: ConnectionDraft) -> None:
        sealer = make_sealer(self.settings, self._provider)
        self.runner.run(
            put_connection, _KEY, tenant_id, connection_id, draft, sealer=sealer, context=_CONTEXT
        )

    def prove(self, tenant_id: str, domain: str, *, is_live: bool = True) -> None:
        """The tenant has proved the domain; or its proof has run out."""
        now = datetime.now(UTC)
        moments = {"proved_at": now, "proof_expires_at": now + timedelta(hours=1 if is_live else -1)}
        values = {
            "tenant_id": tenant_id,
            "domain": domain,
            "rung": "invite_only",
            "role": "member",
            "challenge": "c",
            "created_at": now,
        }
        engine = make_engine(self.database_url)
        with engine.begin() as connection:
            gone = sa.delete(domains).where(domains.c.tenant_id == tenant_id, domains.c.domain == domain)
            connection.execute(gone)
            connection.execute(sa.insert(domains).values(**values, **moments))
        engine.dispose()

    def age_sessions(self, principal_id: str, *, seconds: int) -> None:
        """Whoever that is signed in so much earlier."""
        then = datetime.now(UTC) - timedelta(seconds=seconds)
        engine = make_engine(self.database_url)
        with engine.begin() as connection:
            mine = sa.update(sessions).where(sessions.c.principal_id == principal_id)
            connection.execute(mine.values(authenticated_at=then))
        engine.dispose()

    def forget_providers(self) -> None:
        """What a quarter of an hour would make this site forget."""
        self._openid.forget()

    def invite(self, tenant_id: str, by: LocalAccount, address: str) -> str:
        """An invitation; its link."""
        draft = InvitationDraft(email=EmailAddress.parse_input(address), role="member", deliver="link")
        inviter = VerifiedIdentity(principal_id=by.principal_id)
        limits = self.settings.limits
        issued = self.runner.run(issue, inviter, tenant_id, draft, context=_CONTEXT, limits=limits)
        assert issued.token is not None
        return f"{self.url}/i/{issued.token.reveal()}"

    def new_address(self) -> str:
        return f"new{next(self._numbers)}@people.example"

    def wait_for_mail(self, to: str, subject: str) -> ReceivedMail:
        """The newest mail to *to* whose subject holds *subject*."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            found = self.mailbox.find(to=to, subject=subject)
            if found is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no mail about {subject!r}")

    def find_link(self, to: str) -> str:
        """The link of the newest invitation mail to *to*."""
        return find_url(self.wait_for_mail(to, "invite").part("plain"))

    def find_code(self, to: str) -> str:
        text = self.wait_for_mail(to, "code").part("plain")
        found = re.search(r"\b(\d{4}) (\d{4})\b", text)
        assert found is not None
        return found[0]

    async def _serve(self) -> None:
        await self.mailbox.start()
        self.settings = load_settings(
            {
                "VESTIBULE_DATABASE_URL": self.database_url,
                "VESTIBULE_PUBLIC_URL": self.url,
                "VESTIBULE_SMTP_URL": f"smtp://127.0.0.1:{self.mailbox.port}",
                "VESTIBULE_MAIL_FROM": "Acme <invitations@acme.example>",
                "VESTIBULE_WORKER_POLL_MS": "20",
                "VESTIBULE_REFUSAL_FLOOR_MS": "0",
                "VESTIBULE_LOG_LEVEL": "ERROR",
                **{f"VESTIBULE_{name}": value for name, value in name_store(self._store).items()},
                "VESTIBULE_DNS_RESOLVERS": self.dns.address,
            }
        )
        deployment = build_deployment(self.settings)
        self._openid = deployment.openid
        worker = deployment.make_worker()
        config = uvicorn.Config(
            deployment.make_app(), port=self.port, access_log=False, log_level="error", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined,method-assign,unused-ignore]
        working = asyncio.create_task(worker.run())
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn sets a flag, no event
            await asyncio.sleep(0.01)
        self._ready.set()
        await serving
        worker.stop()
        await working
        await self.mailbox.stop()
        await deployment.close()


@dataclass(slots=True)
class Sightings:
    """What a page asked for or complained about."""

    foreign: list[str] = field(default_factory=list)
    referrers: list[str] = field(default_factory=list)


def find_url(text: str) -> str:
    found = re.search(r"http://\S+/i/\S+", text)
    assert found is not None
    return found[0]


def make_site(database: str | Path) -> Site:
    url = database if isinstance(database, str) else f"sqlite:///{database / 'pages.db'}"
    return Site(url).start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

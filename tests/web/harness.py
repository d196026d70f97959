# SPDX-License-Identifier: Apache-2.0
"""A whole service under test: a real server on the loopback, a real database, a host that signs, a mailbox.

Time moves only when a test moves it: ``expire`` shifts the stored end, never a clock.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import sqlalchemy as sa
import uvicorn
import uvloop
from starlette.types import ASGIApp

from tests.identity.signing import EdSigner, b64, dump, jwks
from tests.nameserver import DnsServer
from tests.rings import open_store
from tests.sealing import IS_SEALED, make_ring
from tests.web.written import make_database
from vestibule.bootstrap import Deployment, build_deployment
from vestibule.core.limits import LIMIT_NAMES
from vestibule.core.process import ProcessRole
from vestibule.delivery.mailbox import DevelopmentMailbox, ReceivedMail
from vestibule.settings import Settings, load_settings
from vestibule.storage.engine import make_engine
from vestibule.storage.schema import invitations, join_requests, metadata
from vestibule.storage.unit_of_work import system_clock

PUBLIC_URL = "https://invite.example.com"
ISSUER = "https://host.example.com"
PLATFORM_KEY = "vsk_" + "platform-key-of-tests-" * 2
ENGINES = ("sqlite", "postgresql")
UNTOUCHED_BY_READING = tuple(
    table for table in metadata.sorted_tables if table.name != "vestibule_rate_limits"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A principal of the host. *emails* are verified; *unverified* ones are asserted as not."""

    principal_id: str
    emails: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Key:
    """A host backend's API key."""

    secret: str = field(repr=False)


Who = Person | Key | None
PLATFORM = Key(PLATFORM_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation and its link's token."""

    tenant_id: str
    invitation_id: str
    token: str
    email: str

    @property
    def road(self) -> str:
        return f"/v1/invitations/{self.token}"

    @property
    def path(self) -> str:
        return f"/v1/tenants/{self.tenant_id}/invitations/{self.invitation_id}"


def person(principal_id: str, /, *emails: str, **extra: Any) -> Person:
    """A principal whose one verified address is its name at example.com, unless told otherwise."""
    return Person(principal_id=principal_id, emails=emails or (f"{principal_id}@example.com",), extra=extra)


class World:
    """One running service. Every tenant and person of a test has a fresh name, so tests share it."""

    def __init__(
        self,
        database_url: str,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        *,
        delivers: bool = False,
        role: ProcessRole = ProcessRole.ALL,
        is_new: bool = True,
    ) -> None:
        self.database_url = database_url
        self.role = role
        self.signer = EdSigner()
        keys = directory / "jwks.json"
        keys.write_bytes(jwks(self.signer))
        if is_new:
            make_database(database_url, UNTOUCHED_BY_READING)
        self.engine = make_engine(database_url)
        self.dns = DnsServer()
        sealing = {"ADDRESSES": "sealed"} if IS_SEALED else {}
        self.settings = self._read_settings(keys, {**sealing, **(settings or {})})
        if self.settings.addresses == "sealed":
            self.settings = make_ring(self.settings, directory / "ring")
        self._numbers = itertools.count(1)
        self._mailbox = DevelopmentMailbox(clock=system_clock) if delivers else None

    def start(self) -> World:
        """Serve, in a thread with an event loop of its own."""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(90):
            raise TimeoutError
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=self.base_url, timeout=60)
        return self

    def stop(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(30)
        self.engine.dispose()
        self.dns.stop()

    # Asking

    def call(
        self,
        method: str,
        path: str,
        who: Who = None,
        *,
        body: object = ...,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """One request. *body* is sent as JSON; *content* as it is."""
        sent = {**self.credentials(who), **(headers or {})}
        if body is not ...:
            content = json.dumps(body).encode()
        if content is not None:
            sent.setdefault("content-type", "application/json")
        return self.client.request(method, path, content=content, headers=sent)

    def credentials(self, who: Who) -> dict[str, str]:
        if who is None:
            return {}
        secret = who.secret if isinstance(who, Key) else self.assert_identity(who)
        return {"authorization": f"Bearer {secret}"}

    def assert_identity(self, who: Person, **changes: object) -> str:
        """The host's word for who this is, signed now."""
        now = int(time.time())
        emails = [{"email": email, "verified": True} for email in who.emails]
        emails += [{"email": email, "verified": False} for email in who.unverified]
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": PUBLIC_URL,
            "iat": now - 5,
            "exp": now + 200,
            "sub": who.principal_id,
            "emails": emails,
            **who.extra,
            **changes,
        }
        head = dump({"alg": "EdDSA", "kid": self.signer.kid, "typ": "vestibule-id+jwt"})
        payload = dump(claims)
        return f"{head}.{payload}.{b64(self.signer.sign(f'{head}.{payload}'.encode()))}"

    # Arranging

    def fresh(self, stem: str) -> str:
        return f"{stem}{next(self._numbers)}"

    def new_person(self, stem: str = "person", /, **extra: Any) -> Person:
        return person(self.fresh(stem), **extra)

    def new_tenant(self, *, owner: Person | None = None, **policy: Any) -> str:
        """A tenant with *policy* and, if named, its owner."""
        tenant_id = self.fresh("tenant-")
        body = {"name": f"Name of {tenant_id}", **({"policy": policy} if policy else {})}
        assert self.call("PUT", f"/v1/tenants/{tenant_id}", PLATFORM, body=body).status_code == 201
        if owner is not None:
            self.put_member(tenant_id, owner, "owner")
        return tenant_id

    def put_policy(self, tenant_id: str, **policy: Any) -> None:
        body = {"name": f"Name of {tenant_id}", "policy": policy}
        assert self.call("PUT", f"/v1/tenants/{tenant_id}", PLATFORM, body=body).status_code == 200

    def put_member(self, tenant_id: str, who: Person, role: str, **fields: Any) -> None:
        path = f"/v1/tenants/{tenant_id}/members/{quote(who.principal_id, safe='')}"
        answer = self.call("PUT", path, PLATFORM, body={"role": role, **fields})
        assert answer.status_code in {200, 201}, answer.text

    def open_domain(self, tenant_id: str, domain: str, rung: str, role: str = "member") -> None:
        """The tenant has proved the domain, and it stands on that rung."""
        path = f"/v1/tenants/{tenant_id}/domains/{domain}"
        record = self.call("PUT", path, PLATFORM, body={"role": role}).json()["record"]
        self.dns.publish(record["name"], record["value"])
        assert self.call("POST", f"{path}/check", PLATFORM).json()["finding"] == "proved"
        assert self.call("PUT", path, PLATFORM, body={"rung": rung}).status_code == 200

    def ask_to_join(self, tenant_id: str, who: Person) -> str:
        """The id of the request that is open then."""
        assert self.call("POST", f"/v1/tenants/{tenant_id}/join-requests", who).status_code == 202
        query = sa.select(join_requests.c.request_id).where(
            join_requests.c.tenant_id == tenant_id, join_requests.c.principal_id == who.principal_id
        )
        [row] = self.rows(query)
        return str(row.request_id)

    def remove_member(self, tenant_id: str, who: Person) -> None:
        path = f"/v1/tenants/{tenant_id}/members/{quote(who.principal_id, safe='')}"
        assert self.call("DELETE", path, PLATFORM).status_code == 204

    def offboard(self, who: Person) -> None:
        path = f"/v1/principals/{quote(who.principal_id, safe='')}/offboard"
        assert self.call("POST", path, PLATFORM).status_code == 200

    def invite(self, tenant_id: str, by: Person, email: str, role: str = "member", **fields: Any) -> Invited:
        """An invitation with its link in the answer."""
        body = {"email": email, "role": role, "deliver": "link", **fields}
        answer = self.call("POST", f"/v1/tenants/{tenant_id}/invitations", by, body=body)
        assert answer.status_code == 201, answer.text
        shown = answer.json()
        return Invited(
            tenant_id=tenant_id,
            invitation_id=shown["invitation_id"],
            token=read_token(shown["link"]),
            email=shown["email"],
        )

    def expire(self, invitation_id: str, *, by: timedelta = timedelta(days=60)) -> None:
        """The end of this invitation moves back in time."""
        change = sa.update(invitations).where(invitations.c.invitation_id == invitation_id)
        with self.engine.begin() as connection:
            row = connection.execute(
                sa.select(invitations.c.expires_at).where(invitations.c.invitation_id == invitation_id)
            ).one()
            connection.execute(change.values(expires_at=row.expires_at - by))

    # Looking

    def read_mail(self, to: str, *, after: int = 0) -> ReceivedMail:
        """The newest mail to that address, waited for; *after*: later than that mail's index."""
        assert self._mailbox is not None, "this world delivers nothing"
        arriving = self._mailbox.wait_for(to=to, after=after, seconds=30)
        return asyncio.run_coroutine_threadsafe(arriving, self._loop).result(30)

    def has_member(self, tenant_id: str, who: Person) -> bool:
        return who.principal_id in self.members(tenant_id)

    def members(self, tenant_id: str) -> dict[str, str]:
        """Principal ids and roles."""
        answer = self.call("GET", f"/v1/tenants/{tenant_id}/members?limit=100", PLATFORM)
        return {member["principal_id"]: member["role"] for member in answer.json()["items"]}

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(query).all())

    def dump(self) -> dict[str, int]:
        """What has been written, ever, to every table that a reader may not touch: equal when nothing was."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT name, max(number) FROM written GROUP BY name")
            return dict(map(tuple, rows))

    def contents(self) -> dict[str, Counter[tuple[Any, ...]]]:
        """Every row of every table that a reader may not touch."""
        with self.engine.connect() as connection:
            return {
                table.name: Counter(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {table.name}")))
                for table in UNTOUCHED_BY_READING
            }

    # Serving

    def _read_settings(self, keys: Path, changes: Mapping[str, str]) -> Settings:
        values = {
            "DATABASE_URL": self.database_url,
            "PUBLIC_URL": PUBLIC_URL,
            "PLATFORM_KEY": PLATFORM_KEY,
            "ASSERTION_JWKS": str(keys),
            "ASSERTION_ISSUER": ISSUER,
            "REFUSAL_FLOOR_MS": "0",
            "POOL_SIZE": "4",
            "WORKER_POLL_MS": "20",
            "DNS_RESOLVERS": self.dns.address,
            **({} if "KEYRING" in changes else open_store(keys.parent / "own-ring")),
            **{f"LIMIT_{name.upper()}": "1000000/60" for name in LIMIT_NAMES},
            **changes,
        }
        return load_settings({f"VESTIBULE_{name}": value for name, value in values.items()})

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._mailbox is not None:
            await self._mailbox.start()
            road = f"smtp://127.0.0.1:{self._mailbox.port}"
            self.settings = replace(self.settings, smtp_url=road, mail_from="invitations@example.com")
        self.deployment, working_part = self.build()
        worker = None if self._mailbox is None else working_part.make_worker()
        working = None if worker is None else asyncio.create_task(worker.run())
        await self._serve_http()
        if worker is not None and working is not None and self._mailbox is not None:
            worker.stop()
            await working
            await self._mailbox.stop()
            if working_part is not self.deployment:
                await working_part.close()
        await self.close()

    def build(self) -> tuple[Deployment, Deployment]:
        """What serves, and what delivers."""
        made = build_deployment(self.settings, role=self.role)
        return made, made

    def make_app(self) -> ASGIApp:
        return self.deployment.make_app()

    async def close(self) -> None:
        await self.deployment.close()

    async def _serve_http(self) -> None:
        config = uvicorn.Config(
            self.make_app(),
            host="127.0.0.1",
            port=0,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self._ready.set()
        await serving


def read_token(link: str) -> str:
    """The token in a link that has exactly the configured origin (ATTACKS G07)."""
    prefix = f"{PUBLIC_URL}/i/"
    assert link.startswith(prefix)
    return link.removeprefix(prefix)


def parse_time(text: str) -> datetime:
    """A time of the API: RFC 3339, UTC, to the second."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

# SPDX-License-Identifier: Apache-2.0
"""Four processes under four database roles on a real PostgreSQL: they do their part, and can't do another's."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import errors, sql

from tests.cli.conftest import Run
from tests.cli.terminal import read_document, started
from tests.identity.signing import EdSigner, b64, dump, jwks
from tests.servers import PostgresServer
from tests.web.separated import SERVED, grant_roles
from vestibule.core.process import ProcessRole
from vestibule.delivery.mailbox import DevelopmentMailbox
from vestibule.storage.create import VERSION_TABLE
from vestibule.storage.grants import RIGHTS, parse_rights
from vestibule.storage.rights import DATABASE_ROLES
from vestibule.storage.schema import metadata
from vestibule.storage.unit_of_work import system_clock

pytestmark = pytest.mark.covers("OBS-06")
PUBLIC_URL, ISSUER = "https://in.example.com", "https://host.example.com"
KEY = "vsk_" + "k" * 40
Logins = dict[ProcessRole, str]
_SECRETS = {
    "vestibule_accounts": ["password_hash"],
    "vestibule_api_keys": ["key_hash"],
    "vestibule_challenges": ["challenge_hash", "code_hash", "password_hash"],
    "vestibule_connections": ["sealed_secret"],
    "vestibule_invitations": ["claim_token_hash", "invited_email", "message"],
    "vestibule_sessions": ["session_hash", "addresses"],
}


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database()


@pytest.fixture(scope="module")
def logins(postgres_server: PostgresServer, database: str) -> Logins:
    return grant_roles(postgres_server, database)


@pytest.fixture
def mailbox() -> Iterator[DevelopmentMailbox]:
    """A mail server on a thread of its own."""
    loop = asyncio.new_event_loop()
    box = DevelopmentMailbox(clock=system_clock)
    loop.run_until_complete(box.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield box
    asyncio.run_coroutine_threadsafe(box.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Host:
    """The host application: it knows the addresses of the parts, and signs who asks."""

    def __init__(self, ports: dict[ProcessRole, int], signer: EdSigner) -> None:
        self._ports, self._signer = ports, signer

    def call(self, role: ProcessRole, method: str, path: str, who: str, body: Any = None) -> httpx2.Response:
        secret = KEY if who == "key" else self._assert(who)
        with httpx2.Client(base_url=f"http://127.0.0.1:{self._ports[role]}", trust_env=False) as client:
            return client.request(method, path, json=body, headers={"authorization": f"Bearer {secret}"})

    def _assert(self, who: str) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": PUBLIC_URL,
            "iat": now - 5,
            "exp": now + 200,
            "sub": who,
            "emails": [{"email": f"{who}@example.com", "verified": True}],
        }
        head = dump({"alg": "EdDSA", "kid": self._signer.kid, "typ": "vestibule-id+jwt"})
        payload = dump(claims)
        return f"{head}.{payload}.{b64(self._signer.sign(f'{head}.{payload}'.encode()))}"


@pytest.mark.covers("ISS-01", "DEL-02", "ACC-06", "INT-03")
def test_four_processes_under_four_roles_walk_the_golden_path(
    logins: Logins, mailbox: DevelopmentMailbox, tmp_path: Path
) -> None:
    signer, ports = EdSigner(), dict[ProcessRole, int]()
    (tmp_path / "jwks.json").write_bytes(jwks(signer))
    common = {"PUBLIC_URL": PUBLIC_URL}
    serving = {**common, "ASSERTION_JWKS": str(tmp_path / "jwks.json"), "ASSERTION_ISSUER": ISSUER}
    secrets = {
        ProcessRole.ISSUE: serving,
        ProcessRole.CLAIM: serving,
        ProcessRole.ADMIN: {**serving, "PLATFORM_KEY": KEY},
        ProcessRole.WORKER: {
            **common,
            "SMTP_URL": f"smtp://127.0.0.1:{mailbox.port}",
            "MAIL_FROM": "invitations@acme.example",
        },
    }
    with ExitStack() as stack:
        processes = []
        for role, settings in secrets.items():
            words = ("worker",) if role is ProcessRole.WORKER else ("serve", "--role", role, "--port", "0")
            own = {**settings, "DATABASE_URL": logins[role]}
            processes.append(stack.enter_context(started(*words, "--json", settings=own)))
            ready = read_document(processes[-1])
            assert ready["role"] == role
            ports[role] = ready.get("port", 0)
        host = Host(ports, signer)
        _walk(host, mailbox)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in processes] == [0] * len(processes)
        logs = [process.stderr.read() for process in processes if process.stderr is not None]
    assert not [log for log in logs if "failed" in log]


def _walk(host: Host, mailbox: DevelopmentMailbox) -> None:
    issue, claim, admin = SERVED
    assert host.call(admin, "PUT", "/v1/tenants/acme", "key", {"name": "Acme"}).status_code == 201
    olga = {"role": "owner", "email": "olga@example.com"}
    assert host.call(admin, "PUT", "/v1/tenants/acme/members/olga", "key", olga).status_code == 201
    body = {"email": "vera@example.com", "role": "member"}
    assert host.call(issue, "POST", "/v1/tenants/acme/invitations", "olga", body).status_code == 201
    mail = asyncio.run(mailbox.wait_for(to="vera@example.com", after=0, seconds=30))
    found = re.search(r"/i/(vst_\w+)", mail.part())
    assert found is not None
    road = f"/v1/invitations/{found[1]}"
    for other in (issue, admin):
        assert host.call(other, "POST", f"{road}/accept", "vera").status_code == 404
    assert host.call(claim, "GET", "/v1/tenants/acme/members", "olga").status_code == 404
    assert host.call(claim, "POST", f"{road}/accept", "key").status_code == 401
    assert host.call(claim, "POST", f"{road}/accept", "vera").status_code == 204
    listed = host.call(admin, "GET", "/v1/tenants/acme/members", "olga").json()["items"]
    assert {one["principal_id"]: one["role"] for one in listed} == {"olga": "owner", "vera": "member"}


_EVENTS, _WIPE = "vestibule_audit_events", "DELETE FROM vestibule_audit_events"
# role: what it may do, and then what it may not
LIMITS: dict[ProcessRole, tuple[tuple[str, ...], tuple[str, ...]]] = {
    ProcessRole.ISSUE: (
        ("SELECT invited_email FROM vestibule_invitations", "DELETE FROM vestibule_approvals"),
        (
            "INSERT INTO vestibule_memberships (tenant_id) VALUES ('acme')",
            "UPDATE vestibule_memberships SET role = 'owner'",
            "UPDATE vestibule_invitations SET consumed_at = now()",
            "UPDATE vestibule_invitations SET role = 'owner'",
            "SELECT claim_token_hash FROM vestibule_invitations",
            "SELECT * FROM vestibule_accounts",
            "SELECT sealed_secret FROM vestibule_connections",
            "UPDATE vestibule_tenants SET policy = '{}'",
            "SELECT payload FROM vestibule_outbox_messages",
        ),
    ),
    ProcessRole.CLAIM: (
        (
            "SELECT claim_token_hash FROM vestibule_invitations",
            "SELECT password_hash FROM vestibule_accounts",
        ),
        (
            "SELECT name FROM vestibule_api_keys",
            "SELECT document FROM vestibule_policy_documents",
            "SELECT document FROM vestibule_directory_users",
            "UPDATE vestibule_tenants SET policy = '{}'",
            "UPDATE vestibule_domains SET rung = 'auto_join'",
            "INSERT INTO vestibule_connections (connection_id) VALUES ('x')",
            "SELECT payload FROM vestibule_outbox_messages",
        ),
    ),
    ProcessRole.ADMIN: (
        (
            "UPDATE vestibule_tenants SET policy_version = 1 WHERE false",
            "SELECT key_hash FROM vestibule_api_keys",
        ),
        (
            "SELECT claim_token_hash FROM vestibule_invitations",
            "SELECT password_hash FROM vestibule_accounts",
            "INSERT INTO vestibule_invitations (tenant_id) VALUES ('acme')",
            "INSERT INTO vestibule_sessions (principal_id) VALUES ('olga')",
            "SELECT payload FROM vestibule_outbox_messages",
        ),
    ),
    ProcessRole.WORKER: (
        (
            "UPDATE vestibule_outbox_messages SET attempt = 0",
            "DELETE FROM vestibule_sessions WHERE expires_at < now()",
        ),
        (
            "INSERT INTO vestibule_tenants (tenant_id) VALUES ('x')",
            "INSERT INTO vestibule_invitations (tenant_id) VALUES ('acme')",
            "SELECT claim_token_hash FROM vestibule_invitations",
            "SELECT session_hash FROM vestibule_sessions",
            "SELECT password_hash FROM vestibule_challenges",
            "SELECT address FROM vestibule_accounts",
            "SELECT key_hash FROM vestibule_api_keys",
        ),
    ),
    ProcessRole.SUPPORT: (
        (
            "SELECT kind FROM vestibule_audit_events",
            "SELECT vestibule_find_link('x')",
            "SELECT vestibule_find_address('acme', 'vera@example.com', 1)",
        ),
        (
            "INSERT INTO vestibule_audit_events (kind) VALUES ('x')",
            *(f"SELECT {column} FROM {table}" for table, columns in _SECRETS.items() for column in columns),
            "SELECT email FROM vestibule_memberships",
            "UPDATE vestibule_invitations SET revoked_at = now()",
        ),
    ),
}


@pytest.mark.covers("AUD-02", "K08")
@pytest.mark.parametrize("role", LIMITS)
def test_each_role_may_do_its_part_and_nothing_beyond(
    postgres_server: PostgresServer, logins: Logins, role: ProcessRole
) -> None:
    may, may_not = LIMITS[role]
    with psycopg.connect(logins[role].replace("+psycopg", ""), autocommit=True) as connection:
        for statement in may:
            connection.execute(statement.encode())
        for statement in (
            *may_not,
            _WIPE,
            f"UPDATE {_EVENTS} SET body = '{{}}'",
            f"TRUNCATE {_EVENTS}",
            f"ALTER TABLE {_EVENTS} DISABLE TRIGGER ALL",
            "CREATE TABLE mine (number integer)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_every_table_has_a_row_and_every_named_column_exists() -> None:
    assert set(RIGHTS) == {VERSION_TABLE, *metadata.tables}
    for table, row in RIGHTS.items():
        assert set(row) == set(DATABASE_ROLES) - {ProcessRole.MIGRATE}
        for rights in row.values():
            read = parse_rights(rights)
            named = {column for columns in read.values() for column in columns}
            assert table == VERSION_TABLE or named <= set(metadata.tables[table].c.keys())
            # Nothing is left over that would be granted and not be read back.
            assert len(re.findall(r"[A-Z]+", rights)) == len(read)


@pytest.mark.covers("AUD-02")
def test_no_role_changes_or_removes_an_event() -> None:
    for rights in RIGHTS[_EVENTS].values():
        assert set(parse_rights(rights)) <= {"SELECT", "INSERT"}


@pytest.mark.covers("OBS-05")
@pytest.mark.parametrize("role", DATABASE_ROLES)
def test_doctor_knows_the_role_and_finds_its_rights_in_order(
    run: Run, logins: Logins, role: ProcessRole
) -> None:
    checks = _examine(run, logins[role])
    told = {name: one["verdict"] for name, one in checks.items() if name.startswith(("role", "rights"))}
    expected = {"role": "ok"} if role is ProcessRole.MIGRATE else {"role": "ok", "rights": "ok"}
    assert told == expected
    assert not [one for name, one in checks.items() if one["verdict"] == "fail" and name != "mail"]


@pytest.mark.covers("OBS-05")
def test_doctor_names_what_is_missing_and_what_is_too_much(
    run: Run, postgres_server: PostgresServer, database: str, logins: Logins
) -> None:
    login = sql.Identifier(f"{database}_claim")
    changes = (
        sql.SQL("GRANT SELECT (key_hash), DELETE ON vestibule_api_keys TO {}"),
        sql.SQL("GRANT EXECUTE ON FUNCTION vestibule_refuse() TO {}"),
        sql.SQL("REVOKE INSERT ON vestibule_audit_events FROM vestibule_claim"),
    )
    with psycopg.connect(postgres_server.dsn(database), autocommit=True) as connection:
        for change in changes:
            connection.execute(change.format(login))
        checks = _examine(run, logins[ProcessRole.CLAIM])
        connection.execute(sql.SQL("REVOKE ALL ON vestibule_api_keys FROM {}").format(login))
        connection.execute(sql.SQL("REVOKE ALL ON FUNCTION vestibule_refuse() FROM {}").format(login))
        connection.execute("GRANT INSERT ON vestibule_audit_events TO vestibule_claim")
    assert (checks["rights"]["verdict"], checks["rights beyond"]["verdict"]) == ("fail", "fail")
    assert checks["rights"]["detail"].endswith("lacks: INSERT vestibule_audit_events")
    beyond = checks["rights beyond"]["detail"]
    assert "DELETE vestibule_api_keys" in beyond
    assert "SELECT vestibule_api_keys (key_hash)" in beyond
    assert "EXECUTE vestibule_refuse()" in beyond
    assert _examine(run, logins[ProcessRole.CLAIM])["rights"]["verdict"] == "ok"


@pytest.mark.covers("OBS-05")
def test_doctor_warns_of_a_superuser_an_owner_and_idle_secrets(
    run: Run, postgres_server: PostgresServer, database: str, logins: Logins
) -> None:
    assert "superuser" in _examine(run, postgres_server.url(database), "--role", "issue")["role"]["detail"]
    owner = _examine(run, logins[ProcessRole.MIGRATE], "--role", "issue")["role"]
    assert (owner["verdict"], "owns the tables" in owner["detail"]) == ("warn", True)
    stranger = _examine(run, logins[ProcessRole.CLAIM], "--role", "issue")
    assert (stranger["role"]["verdict"], stranger["rights"]["verdict"]) == ("fail", "fail")
    assert _examine(run, logins[ProcessRole.CLAIM], PLATFORM_KEY=KEY)["secrets"]["verdict"] == "warn"
    assert _examine(run, logins[ProcessRole.ADMIN], PLATFORM_KEY=KEY)["secrets"]["verdict"] == "ok"


def test_what_a_migration_makes_belongs_to_the_group(
    run: Run, postgres_server: PostgresServer, logins: Logins, database: str
) -> None:
    fresh = postgres_server.create_database()
    with psycopg.connect(postgres_server.dsn(fresh), autocommit=True) as connection:
        connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO vestibule_migrate")
        url = logins[ProcessRole.MIGRATE].replace(f"/{database}?", f"/{fresh}?")
        assert run("migrate", settings={"DATABASE_URL": url, "PUBLIC_URL": PUBLIC_URL}).status == 0
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'vestibule%'"
        ).fetchall()
    assert owners == [("vestibule_migrate",)]


def test_the_grants_are_printed_for_people_and_machines_and_may_be_run_again(
    run: Run, postgres_server: PostgresServer, database: str, logins: Logins, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": postgres_server.url(database), "PUBLIC_URL": PUBLIC_URL}
    printed = run("db", "grants", settings=settings)
    document = run("db", "grants", "--json", settings=settings).document
    assert printed.out.strip() == "\n".join(document["statements"])
    assert document["roles"]["claim"] == "vestibule_claim"
    with psycopg.connect(postgres_server.dsn(database), autocommit=True) as connection:
        connection.execute(printed.out.encode())
    assert _examine(run, logins[ProcessRole.WORKER])["rights"]["verdict"] == "ok"
    on_file = {"DATABASE_URL": f"sqlite:///{tmp_path / 'v.db'}", "PUBLIC_URL": PUBLIC_URL}
    assert run("db", "grants", settings=on_file).out.startswith("-- SQLite has no roles")


def test_a_separated_process_delivers_nothing(run: Run, logins: Logins) -> None:
    settings = {"DATABASE_URL": logins[ProcessRole.ISSUE], "PUBLIC_URL": PUBLIC_URL}
    refused = run("serve", "--role", "issue", "--worker", settings=settings)
    assert (refused.status, "vestibule worker" in refused.err) == (2, True)


def _examine(run: Run, url: str, *words: str, **settings: str) -> dict[str, dict[str, Any]]:
    given = {"DATABASE_URL": url, "PUBLIC_URL": PUBLIC_URL, **settings}
    outcome = run("doctor", *words, "--json", settings=given)
    return {one["check"]: one for one in outcome.document["checks"]}

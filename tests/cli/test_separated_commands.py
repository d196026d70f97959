# SPDX-License-Identifier: Apache-2.0
"""What operators do beside the service, each under the database role that docs/separation.md names for it.

Addresses are sealed and every key is there, so that each command does all it ever does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.terminal import Outcome
from tests.rings import MASTER
from tests.servers import PostgresServer
from tests.web.separated import grant_roles
from vestibule.core.log.trust import parse_trust
from vestibule.core.process import ProcessRole
from vestibule.witness.folder import create_folder, open_witness
from vestibule.witness.server import WitnessServer

pytestmark = pytest.mark.covers("OBS-06")
ISSUE, CLAIM, ADMIN, WORKER, SUPPORT = (
    ProcessRole.ISSUE,
    ProcessRole.CLAIM,
    ProcessRole.ADMIN,
    ProcessRole.WORKER,
    ProcessRole.SUPPORT,
)
VERA = "vera@example.com"


class Operators:
    """Types commands under a role; what fails says why."""

    def __init__(self, run: Run, server: PostgresServer, ring: Path) -> None:
        database = server.create_database()
        self.logins = grant_roles(server, database)
        self.common = {
            "PUBLIC_URL": "https://in.example.com",
            "KEYRING": str(ring),
            "KEYRING_SECRET": MASTER,
        }
        self._run = run
        root = {**self.common, "DATABASE_URL": server.url(database)}
        assert run("keys", "create", settings={**root, "ADDRESSES": "plain"}).status == 0

    def type(self, role: ProcessRole, *words: str, stdin: str = "") -> Outcome:
        settings = {**self.common, "DATABASE_URL": self.logins[role], "ADDRESSES": "sealed"}
        return self._run(*words, settings=settings, stdin=stdin)

    def do(self, role: ProcessRole, *words: str, stdin: str = "") -> Outcome:
        done = self.type(role, *words, stdin=stdin)
        assert done.status == 0, (role, words, done.err)
        return done

    def refuse(self, role: ProcessRole, *words: str, stdin: str = "") -> None:
        done = self.type(role, *words, stdin=stdin)
        assert (done.status, "lacks a right" in done.err) == (2, True), (role, words, done.err)


@pytest.fixture
def operators(run: Run, postgres_server: PostgresServer, tmp_path: Path) -> Operators:
    made = Operators(run, postgres_server, tmp_path / "ring")
    made.do(ADMIN, "tenant", "put", "acme", "--name", "Acme")
    made.do(ADMIN, "member", "put", "acme", "olga", "--role", "owner", "--email", "olga@example.com")
    made.do(ADMIN, "resource", "put", "acme", "wiki", "--name", "Wiki")
    (tmp_path / "signed.toml").write_text('token = "signed"\n')
    made.do(ADMIN, "policy", "activate", str(tmp_path / "signed.toml"), "--tenant", "acme", "--as", "root")
    return made


def invite(operators: Operators, email: str = VERA, *more: str) -> tuple[str, str]:
    words = ("invite", "acme", email, "--role", "member", "--as", "olga", "--link", "--json", *more)
    made = operators.do(ISSUE, *words).document
    return made["invitation_id"], made["link"]


@pytest.mark.covers("TOK-08", "AUD-05", "DEL-09")
def test_issuing_leaks_and_support_have_the_rights_that_sealed_addresses_need(operators: Operators) -> None:
    invitation_id, link = invite(operators, VERA, "--message", "Hello")
    operators.do(ISSUE, "invitations", "list", "acme", "--as", "olga", "--email", VERA)
    told = operators.do(SUPPORT, "support", "explain", "--email", VERA, "--tenant", "acme")
    assert invitation_id in told.out
    assert operators.do(SUPPORT, "support", "explain", "--link-from-stdin", stdin=link).out == told.out
    operators.refuse(SUPPORT, "leak", "report", stdin=link)
    reported = operators.do(ISSUE, "leak", "report", "--json", stdin=link)
    assert reported.document == {"read": 1, "known": 1}


@pytest.mark.covers("LIF-06", "TOK-05")
def test_people_and_keys_are_the_administrations(operators: Operators) -> None:
    invite(operators)
    held = operators.do(ADMIN, "person", "export", VERA, "--json")
    assert VERA in held.out
    operators.do(ADMIN, "keys", "rotate", "kek")
    done = operators.do(WORKER, "person", "rewrap", "--json").document
    assert done["rewrapped"] > 0
    operators.do(ADMIN, "keys", "list")
    operators.do(ADMIN, "keys", "publish", str(Path(operators.common["KEYRING"]).parent / "published"))
    [claim] = [
        key["key_id"]
        for key in operators.do(ADMIN, "keys", "list", "--json").document["items"]
        if key["purpose"] == "claim"
    ]
    operators.do(ADMIN, "keys", "compromise", claim, "--reason", "a drill")
    erased = operators.do(ADMIN, "person", "erase", VERA, "--json").document
    assert erased["invitations"] == 1
    operators.do(ADMIN, "person", "erase", "olga@example.com")
    operators.do(ADMIN, "suppression", "add", VERA)
    operators.refuse(ISSUE, "person", "erase", VERA)
    operators.refuse(WORKER, "person", "erase", VERA)


@pytest.fixture
def witness(operators: Operators, tmp_path: Path) -> Iterator[Path]:
    """A running witness; the file that names it."""
    vkey = create_folder(tmp_path / "witness", "auditor.example/w")
    trust = parse_trust(operators.do(ADMIN, "audit", "trust").out)
    server = WitnessServer(("127.0.0.1", 0), open_witness(tmp_path / "witness", trust))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    path = tmp_path / "witnesses"
    path.write_text(f"witness w {vkey} http://127.0.0.1:{server.server_address[1]}/\nquorum w\n")
    yield path
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.covers("AUD-03")
def test_the_worker_seals_and_publishes_and_the_administration_exports(
    operators: Operators, witness: Path, tmp_path: Path
) -> None:
    operators.common["WITNESSES"] = str(witness)
    held = operators.do(ISSUE, "invite", "acme", VERA, "--role", "owner", "--as", "olga", "--json").document[
        "invitation_id"
    ]
    operators.do(ADMIN, "member", "put", "acme", "otto", "--role", "owner")
    operators.do(ISSUE, "invitations", "approve", "acme", held, "--as", "otto")
    assert operators.do(WORKER, "audit", "seal", "--json").document["signed"]
    published = operators.do(WORKER, "audit", "publish", "--json").document["items"]
    assert [one["outcome"] for one in published] == ["cosigned"]
    operators.do(ADMIN, "audit", "checkpoint")
    export = tmp_path / "acme.tar"
    operators.do(ADMIN, "audit", "export", "acme", "-o", str(export))
    operators.do(ADMIN, "audit", "verify", "export", str(export), "--policy", str(witness))
    for role in (ISSUE, CLAIM, SUPPORT):
        operators.refuse(role, "audit", "export", "acme", "-o", str(export))


@pytest.mark.covers("TOK-07")
def test_anonymous_events_are_held_by_the_administration(operators: Operators) -> None:
    made = operators.do(
        ADMIN,
        *("anonymous", "create", "acme", "--name", "Ballot", "--closes-at", "2027-01-01T00:00:00Z", "--json"),
    ).document
    invite(operators, VERA, "--grant", f"{made['resource_id']}=member")
    operators.do(ADMIN, "anonymous", "list", "acme")
    operators.do(ADMIN, "anonymous", "close", "acme", made["event_id"])
    operators.refuse(ISSUE, "anonymous", "list", "acme")

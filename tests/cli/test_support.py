# SPDX-License-Identifier: Apache-2.0
"""Support learns why an invitation does not work, by id, address or pasted link, and nothing that opens it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tests.servers import PostgresServer
from tests.web.separated import grant_roles
from vestibule.core.process import ProcessRole
from vestibule.core.support import MEANING
from vestibule.errors import RejectReason

pytestmark = pytest.mark.covers("AUD-05")
ADDRESS = "vera@example.com"


@pytest.fixture
def invited(run: Run, deployed: dict[str, str]) -> tuple[str, str]:
    """An invitation's id and link."""
    words = ("invite", "acme", ADDRESS, "--role", "member", "--as", "olivia", "--link", "--json")
    made = run(*words, settings=deployed).document
    return made["invitation_id"], made["link"]


def test_an_invitation_is_found_by_id_address_and_link(
    run: Run, deployed: dict[str, str], invited: tuple[str, str]
) -> None:
    invitation_id, link = invited
    ways = [
        run("support", "explain", invitation_id, "--json", settings=deployed),
        run("support", "explain", "--email", ADDRESS, "--tenant", "acme", "--json", settings=deployed),
        run("support", "explain", "--link-from-stdin", "--json", settings=deployed, stdin=f"{link}\n"),
    ]
    assert [way.status for way in ways] == [0, 0, 0]
    [found] = ways[0].document["items"]
    assert all(way.document["items"] == [found] for way in ways)
    assert found["state"] == "pending"
    assert "it is open: the newest link works for the invited address" in found["findings"]
    for way in ways:
        assert ADDRESS not in way.out + way.err
        assert link.rpartition("/")[2] not in way.out + way.err


@pytest.mark.parametrize("ending,told", [("revoke", "it was revoked (revoked)"), ("resend", "it is open")])
def test_what_has_become_of_it_is_said(
    run: Run, deployed: dict[str, str], invited: tuple[str, str], ending: str, told: str
) -> None:
    invitation_id, link = invited
    done = run("invitations", ending, "acme", invitation_id, "--as", "olivia", settings=deployed)
    shown = run("support", "explain", invitation_id, settings=deployed)
    assert (shown.status, told in shown.out) == (0, True), done.err
    old = run("support", "explain", "--link-from-stdin", settings=deployed, stdin=link)
    assert old.status == (0 if ending == "revoke" or done.status else 1)


def test_a_cut_link_is_said_to_be_cut_and_one_way_must_be_given(run: Run, deployed: dict[str, str]) -> None:
    cut = run("support", "explain", "--link-from-stdin", settings=deployed, stdin="https://x/i/vst_cut\n")
    assert (cut.status, "cut or mistyped" in cut.err) == (2, True)
    assert run("support", "explain", settings=deployed).status == 2
    assert run("support", "explain", "x", "--link-from-stdin", settings=deployed).status == 2
    assert run("support", "explain", "--email", ADDRESS, settings=deployed).status == 2
    assert run("support", "explain", "unknown", settings=deployed).status == 1


def test_every_reason_has_its_meaning() -> None:
    assert set(MEANING) == set(RejectReason)


@pytest.mark.covers("OBS-06", "ACC-07")
def test_under_its_own_database_role_it_says_why_a_claim_failed(
    run: Run, postgres_server: PostgresServer
) -> None:
    database = postgres_server.create_database()
    login = grant_roles(postgres_server, database)[ProcessRole.SUPPORT]
    root = {"DATABASE_URL": postgres_server.url(database), "PUBLIC_URL": "https://in.example.com"}
    own = {**root, "DATABASE_URL": login}
    run("tenant", "put", "acme", "--name", "Acme", settings=root)
    run("member", "put", "acme", "olivia", "--role", "owner", settings=root)
    words = ("invite", "acme", ADDRESS, "--role", "member", "--as", "olivia", "--link", "--json")
    made = run(*words, settings=root).document
    with postgres_server.connect(database) as connection:
        connection.execute(
            "INSERT INTO vestibule_audit_events (event_id, tenant_id, invitation_id, kind, occurred_at, actor_id, "
            "correlation_id, source, body) VALUES ('e', 'acme', %s, 'claim.rejected', now(), 'x', 'x', 'api', %s)",
            (made["invitation_id"], '{"attempted":"accept","reason":"wrong_recipient"}'),
        )
    told = run("support", "explain", "--link-from-stdin", settings=own, stdin=made["link"])
    assert (told.status, MEANING[RejectReason.WRONG_RECIPIENT] in told.out) == (0, True)
    by_address = run("support", "explain", "--email", ADDRESS, "--tenant", "acme", settings=own)
    assert (by_address.status, by_address.out) == (0, told.out)
    refused = run("invitations", "list", "acme", "--as", "olivia", settings=own)
    assert (refused.status, "lacks a right" in refused.err) == (2, True)

# SPDX-License-Identifier: Apache-2.0
"""Each command on both engines: what it does, what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from vestibule.cli.printing import facts, table

pytestmark = pytest.mark.covers("INT-05")


def _json(run: Run, settings: dict[str, str], *words: str, **more: Any) -> Any:
    outcome = run(*words, "--json", settings=settings, **more)
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    return outcome.document


def _refusal(run: Run, settings: dict[str, str], *words: str, status: int = 1) -> str:
    outcome = run(*words, settings=settings)
    assert (outcome.status, outcome.out) == (status, "")
    assert "Traceback" not in outcome.err
    return outcome.err


def test_migrating_twice_changes_nothing_the_second_time(run: Run, settings: dict[str, str]) -> None:
    first = _json(run, settings, "migrate")
    assert (first["is_changed"], first["previous_revision"]) == (True, None)
    second = _json(run, settings, "migrate")
    assert second == {
        "revision": first["revision"],
        "previous_revision": first["revision"],
        "is_changed": False,
    }


@pytest.mark.covers("TEN-01", "LIF-03")
def test_a_tenant_is_put_suspended_resumed_and_deleted_for_good(
    run: Run, deployed: dict[str, str], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"seat_limit": 5}))
    put = _json(run, deployed, "tenant", "put", "acme", "--name", "Acme & Co", "--policy", str(policy))
    assert (put["name"], put["is_new"], put["policy"]["seat_limit"]) == ("Acme & Co", False, 5)
    assert _json(run, deployed, "tenant", "get", "acme")["seats"] == {"used": 1, "limit": 5}
    assert _json(run, deployed, "tenant", "suspend", "acme")["state"] == "suspended"
    assert _json(run, deployed, "tenant", "resume", "acme")["state"] == "active"
    assert _json(run, deployed, "tenant", "delete", "acme", "--yes")["state"] == "deleted"
    assert "not_found" in _refusal(run, deployed, "tenant", "get", "acme")
    assert "tenant_deleted" in _refusal(run, deployed, "tenant", "put", "acme", "--name", "Acme")


def test_deleting_a_tenant_asks_first(run: Run, deployed: dict[str, str]) -> None:
    outcome = run("tenant", "delete", "acme", settings=deployed, stdin="n\n")
    assert (outcome.status, outcome.out.strip()) == (1, "")
    assert "Delete tenant acme for good?" in outcome.err
    assert _json(run, deployed, "tenant", "get", "acme")["state"] == "active"


def test_members_are_put_listed_removed_and_offboarded(run: Run, deployed: dict[str, str]) -> None:
    put = _json(run, deployed, "member", "put", "acme", "mia", "--role", "member", "--expires-in", "30d")
    assert (put["is_new"], put["role"]) == (True, "member")
    assert put["expires_at"] is not None
    page = _json(run, deployed, "member", "list", "acme", "--limit", "1")
    rest = _json(run, deployed, "member", "list", "acme", "--cursor", page["next_cursor"])
    assert [one["principal_id"] for one in page["items"] + rest["items"]] == ["olivia", "mia"]
    assert _json(run, deployed, "member", "remove", "acme", "mia")["principal_id"] == "mia"
    assert "last_owner" in _refusal(run, deployed, "member", "remove", "acme", "olivia")
    done = _json(run, deployed, "member", "offboard", "olivia")
    assert (done["memberships_removed"], done["last_owner_of"]) == (0, ["acme"])


@pytest.mark.covers("ISS-13", "ISS-07", "LIF-02")
def test_an_invitation_is_issued_shown_resent_and_revoked_as_a_principal(
    run: Run, deployed: dict[str, str]
) -> None:
    invite = (
        "invite",
        "acme",
        "Vera@Example.com",
        "--role",
        "member",
        "--as",
        "olivia",
        "--expires-in",
        "2h",
    )
    issued = _json(run, deployed, *invite, "--link")
    assert (issued["email"], issued["state"]) == ("vera@example.com", "pending")
    assert issued["link"].startswith("https://in.example.com/i/vst_")
    one = (issued["invitation_id"], "--as", "olivia")
    shown = _json(run, deployed, "invitations", "show", "acme", *one)
    assert shown == {name: value for name, value in issued.items() if name != "link"}
    resent = _json(run, deployed, "invitations", "resend", "acme", *one)
    assert resent["generation"] == 2
    assert "link" not in resent
    assert _json(run, deployed, "invitations", "revoke", "acme", *one)["state"] == "revoked"
    assert "not_pending" in _refusal(run, deployed, "invitations", "revoke", "acme", *one)
    listed = _json(run, deployed, "invitations", "list", "acme", "--as", "olivia", "--state", "revoked")
    assert [found["invitation_id"] for found in listed["items"]] == [issued["invitation_id"]]


@pytest.mark.covers("ISS-02", "D01")
def test_as_gives_that_principals_rights_and_no_more(run: Run, deployed: dict[str, str]) -> None:
    assert run("member", "put", "acme", "adam", "--role", "admin", settings=deployed).status == 0
    allowed = ("invite", "acme", "vera@example.com", "--role", "member", "--as")
    assert _json(run, deployed, *allowed, "adam")["inviter_principal_id"] == "adam"
    assert "role_not_assignable" in _refusal(
        run, deployed, "invite", "acme", "v@example.com", "--role", "admin", "--as", "adam"
    )
    assert "not_found" in _refusal(run, deployed, *allowed, "nobody")


@pytest.mark.covers("ISS-10")
def test_acting_in_a_principals_name_forgets_nothing_of_it(run: Run, deployed: dict[str, str]) -> None:
    password = "a few unrelated words"
    account = ("account", "create", "adam@example.com", "--name", "Adam Admin")
    principal = _json(run, deployed, *account, stdin=password + "\n")["principal_id"]
    assert run("member", "put", "acme", principal, "--role", "owner", settings=deployed).status == 0
    invite = ("invite", "acme", "vera@example.com", "--role", "member", "--as", principal)
    assert run(*invite, settings=deployed).status == 0
    again = ("invite", "acme", "adam@example.com", "--role", "member", "--as", "olivia")
    assert "already_member" in _refusal(run, deployed, *again)


def test_a_key_is_created_listed_without_its_secret_and_revoked(run: Run, deployed: dict[str, str]) -> None:
    created = _json(run, deployed, "api-key", "create", "billing", "--scope", "members")
    assert created["scopes"] == ["members"]
    listed = run("api-key", "list", "--json", settings=deployed)
    assert created["secret"] not in listed.out
    assert listed.document["items"][0]["key_id"] == created["key_id"]
    assert _json(run, deployed, "api-key", "revoke", created["key_id"])["is_revoked"] is True
    assert "not_found" in _refusal(run, deployed, "api-key", "revoke", created["key_id"])
    assert "--scope" in _refusal(run, deployed, "api-key", "create", "x", "--scope", "everything", status=2)


def test_an_account_is_created_with_a_password_from_standard_input(
    run: Run, deployed: dict[str, str]
) -> None:
    create = ("account", "create", "olivia@acme.example", "--name", "Olivia")
    weak = run(*create, settings=deployed, stdin="short\n")
    assert (weak.status, weak.out) == (2, "")
    assert "short" not in weak.err
    made = _json(run, deployed, *create, stdin="a few unrelated words\n")
    assert made["principal_id"].startswith("local|")
    again = run(*create, settings=deployed, stdin="a few unrelated words\n")
    assert again.status == 1
    assert "already_member" in again.err


@pytest.mark.parametrize(
    "words,told",
    [
        (("invite", "acme", "no address", "--role", "member", "--as", "olivia"), "EMAIL"),
        (("invite", "acme", "a@example.com", "--role", "boss", "--as", "olivia"), "/role"),
        (
            ("invite", "acme", "a@example.com", "--role", "member", "--as", "olivia", "--expires-in", "soon"),
            "--expires-in",
        ),
        (("invite", "acme", "a@example.com", "--role", "member", "--as", " "), "PRINCIPAL"),
        (("tenant", "get", "../etc"), "TENANT"),
        (("tenant", "put", "acme", "--name", "A\nB"), "--name"),
        (("tenant", "put", "acme", "--name", "Acme", "--policy", "no-such-file"), "--policy"),
        (("demo", "--database-url", "sqlite:///x"), "--database-url"),
        (("tenant", "put", "acme"), "--name"),
        (("no-such-command",), "no-such-command"),
    ],
)
def test_a_wrong_call_is_told_by_name_with_status_2(
    run: Run, settings: dict[str, str], words: tuple[str, ...], told: str
) -> None:
    assert run("migrate", settings=settings).status == 0
    assert run("tenant", "put", "acme", "--name", "Acme", settings=settings).status == 0
    assert run("member", "put", "acme", "olivia", "--role", "owner", settings=settings).status == 0
    assert told in _refusal(run, settings, *words, status=2)


@pytest.mark.covers("K10")
def test_K10_what_people_typed_moves_no_cursor(run: Run, deployed: dict[str, str]) -> None:
    # A name may come from a host, which this command line did not check.
    told = "\n".join([*table(("name",), [("Eve\x1b[2J\u202e",)]), *facts([("name", "Eve\r\n")])])
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\r" not in told


def test_version_says_release_and_schema(run: Run) -> None:
    document = run("version", "--json").document
    assert set(document) == {"version", "schema", "python"}
    assert run("version").status == 0

# SPDX-License-Identifier: Apache-2.0
"""The demonstration: the script on both engines, and the browser's world with its mailbox."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.terminal import read_document, run_process, started
from vestibule.cli.demo.script import CHAPTERS
from vestibule.cli.demo.story import Story

SECRETS = re.compile(r"v(?:st|sk|ss|sc)_[0-9A-Za-z]|eyJ[0-9A-Za-z]|\b\d{4} \d{4}\b")


def _check_steps(document: dict[str, Any]) -> None:
    chapters = list(dict.fromkeys(step["chapter"] for step in document["steps"]))
    assert chapters[:-1] == [(chapter.__doc__ or "").strip() for chapter in CHAPTERS]
    assert "hosted pages" in chapters[-1]
    assert all(step["as_expected"] for step in document["steps"])
    # It did what it says: refusals were refused, and the right people got in after them.
    accepts = [step for step in document["steps"] if str(step["request"]).endswith("/accept")]
    assert len([step for step in accepts if step["status"] == 404]) >= 10
    assert len([step for step in accepts if step["status"] == 204]) >= 5


@pytest.mark.covers("ISS-01", "ACC-01", "ACC-02", "ACC-11", "ACC-17", "INT-03")
@pytest.mark.covers("A01", "A02", "A03", "F01", "G10", "F10", "B13", "E03", "N01", "F05", "ACC-07", "ACC-08")
def test_the_script_runs_on_sqlite_and_prints_no_secret() -> None:
    outcome = run_process("demo", "--script")
    assert outcome.status == 0, outcome.out + outcome.err
    assert SECRETS.findall(outcome.out + outcome.err) == []
    assert "POST /v1/invitations/{token}/accept" in outcome.out
    assert "You are invited to join “Acme”" in outcome.out
    assert outcome.out.rstrip().endswith("steps went as they must.")


@pytest.mark.covers("ISS-01", "ACC-01", "ACC-02", "ACC-11", "ACC-17", "INT-03")
@pytest.mark.covers("A01", "A02", "A03", "F01", "G10", "F10", "B13", "E03", "N01", "F05", "ACC-07", "ACC-08")
def test_the_script_runs_on_postgresql_and_again_on_the_same(postgres_server: Any) -> None:
    url = postgres_server.url(postgres_server.create_database())
    for _ in range(2):
        outcome = run_process("demo", "--script", "--json", "--database-url", url)
        assert outcome.status == 0, outcome.out + outcome.err
        assert SECRETS.findall(outcome.out + outcome.err) == []
        document = outcome.document
        assert (document["engine"], document["as_expected"]) == ("PostgreSQL", True)
        _check_steps(document)


def test_the_script_keeps_away_from_a_database_in_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'vestibule.db'}"
    settings = {"DATABASE_URL": url, "PUBLIC_URL": "https://in.example.com"}
    assert run_process("migrate", settings=settings).status == 0
    assert run_process("tenant", "put", "acme", "--name", "Acme", settings=settings).status == 0
    outcome = run_process("demo", "--script", "--database-url", url)
    assert outcome.status == 2
    assert outcome.err.startswith("Error: --database-url: ")


def test_a_step_that_differs_makes_the_story_wrong() -> None:
    told: list[str] = []
    story = Story(tell=told.append)
    assert not story.is_right
    story.begin("One")
    story.add("As it must", request="GET /x", status=200, expected=200)
    assert story.is_right
    story.add("Not as it must", request="POST /x", status=204, expected=404)
    assert not story.is_right
    story.close()
    assert "     ! expected 404" in told
    assert "1 of 2 steps went otherwise than they must: 2." in told[-1]


@pytest.mark.covers("INT-03")
def test_the_demo_shows_where_to_click_and_all_of_it_is_there(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        words = (
            "demo",
            "--json",
            "--port",
            str(taken),
            "--mail-port",
            "18025",
            "--directory",
            str(directory),
        )
        with started(*words) as process:
            screen = read_document(process)
            assert any(note.startswith(f"Port {taken} is taken, so --port is ") for note in screen["notes"])
            _sign_in_and_look_around(screen)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
    assert (directory / "owner-password").stat().st_mode & 0o077 == 0
    with started(*words) as process:
        again = read_document(process)
        assert again["password"] == screen["password"]
        _sign_in_and_look_around(again)


def _sign_in_and_look_around(screen: dict[str, Any]) -> None:
    base = screen["sign_in"].removesuffix("/sign-in")
    with httpx2.Client(base_url=base, trust_env=False, timeout=20) as client:
        form = {"email": screen["email"], "password": screen["password"], "next": ""}
        assert client.post("/sign-in", data=form, headers={"origin": base}).status_code == 303
        page = client.get(screen["settings"])
        assert page.status_code == 200
        assert "Olivia Owner" in page.text
        mailbox = client.get(screen["mailbox"])
        assert mailbox.status_code == 200
        assert "Development mailbox" in mailbox.text


STORIES = {
    "saas-onboarding": (
        "digest_mismatch",
        "step_up_required",
        "role_not_assignable",
        "KPI: 3 invited, 3 accepted",
    ),
    "partner-program": ("domain_not_allowed", "about to end", "tenant_suspended", "already_member"),
    "event-rsvp": ("nothing is burned", "Dora declined", "lines of CSV", "DTSTART:", "event_over"),
    "internal-admin-jit": (
        "step_up_required",
        "review_overdue",
        "Nobody approves a request of one's own",
        "nothing held",
    ),
}


@pytest.mark.covers("TEN-05", "ISS-04", "LIF-05", "ACC-16")
@pytest.mark.parametrize("name", STORIES)
def test_each_template_is_set_up_and_walked_by_one_command(name: str) -> None:
    outcome = run_process("demo", "--template", name)
    assert outcome.status == 0, outcome.out + outcome.err
    assert SECRETS.findall(outcome.out + outcome.err) == []
    assert outcome.out.rstrip().endswith("steps went as they must.")
    assert "KPI: " in outcome.out or name == "internal-admin-jit"
    for told in STORIES[name]:
        assert told in outcome.out


@pytest.mark.covers("TEN-05", "ISS-04")
@pytest.mark.parametrize("name", ["saas-onboarding", "internal-admin-jit"])
def test_a_template_is_walked_on_postgresql_too(postgres_server: Any, name: str) -> None:
    url = postgres_server.url(postgres_server.create_database())
    outcome = run_process("demo", "--template", name, "--script", "--json", "--database-url", url)
    assert outcome.status == 0, outcome.out + outcome.err
    assert (outcome.document["engine"], outcome.document["as_expected"]) == ("PostgreSQL", True)


def test_an_unknown_template_is_refused_with_the_names_of_those_there_are() -> None:
    outcome = run_process("demo", "--template", "party")
    assert outcome.status == 2
    assert "saas-onboarding" in outcome.err

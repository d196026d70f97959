# SPDX-License-Identifier: Apache-2.0
"""``vestibule policy`` on both engines, and every command of docs/policy.md as it stands there."""

from __future__ import annotations

import re
import shlex
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.architecture.sources import ROOT
from tests.cli.conftest import Run
from vestibule.cli.policy import TEMPLATES
from vestibule.core.policy.toml import parse_policy_file

pytestmark = pytest.mark.covers("TEN-02", "INT-05")
GUIDE = ROOT / "docs" / "policy.md"
_BLOCK = re.compile(r"^```(toml|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"Change ([0-9a-f-]{36})")
_ISSUED = "SELECT event_id FROM vestibule_audit_events WHERE kind = 'invitation.issued'"
LOOSER = '[ttl]\nmember = "30d"\n'
TIGHTER = '[ttl]\nmember = "1h"\n'


def answer(run: Run, settings: dict[str, str], *words: str) -> Any:
    outcome = run("policy", *words, "--json", settings=settings)
    assert outcome.status == 0, outcome.err
    return outcome.document


def refusal(run: Run, settings: dict[str, str], *words: str) -> str:
    outcome = run("policy", *words, settings=settings)
    assert outcome.status in (1, 2)
    assert "Traceback" not in outcome.err
    return outcome.err


def find_event(settings: dict[str, str]) -> str:
    url = settings["DATABASE_URL"]
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return str(connection.execute(_ISSUED).fetchone()[0])
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute(_ISSUED).fetchone()
        assert row is not None
        return str(row[0])


def invite(run: Run, settings: dict[str, str]) -> None:
    words = ("invite", "acme", "vera@example.com", "--role", "member", "--as", "olivia", "--link")
    assert run(*words, settings=settings).status == 0


def test_the_guide_can_be_followed(
    run: Run, deployed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    invite(run, deployed)
    known = {"$CHANGE": "", "$EVENT": find_event(deployed)}
    followed = 0
    for kind, text in _BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        if kind == "toml":
            (tmp_path / text.partition("# file: ")[2].partition("\n")[0]).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            command, _, said = line.partition("#")
            words = [known.get(word, word) for word in shlex.split(command)]
            outcome = run(*words[1:], settings=deployed)
            assert outcome.status == (2 if "refused" in said else 0), (line, outcome.err)
            if refused := re.search(r"refused: (\S+)", said):
                assert refused[1] in outcome.err
            known["$CHANGE"] = (_CHANGE.findall(outcome.out) or [known["$CHANGE"]])[0]
            followed += 1
    assert followed >= 15


def test_what_tightens_is_put_in_force_by_one_command(
    run: Run, deployed: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(TIGHTER)
    told = answer(run, deployed, "activate", str(file), "--tenant", "acme", "--as", "olivia")
    assert (told["state"], told["is_loosening"], told["author_id"]) == ("active", False, "key|cli|olivia")
    shown = answer(run, deployed, "show", "--tenant", "acme")
    assert (shown["own"], shown["policy"]["ttl"]["member"]) == ({"ttl": {"member": 3600}}, 3600)
    assert [one["state"] for one in shown["changes"]].count("active") == 1


@pytest.mark.covers("D12")
def test_four_eyes_at_the_command_line_are_two_names(
    run: Run, deployed: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(LOOSER)
    of = ("--tenant", "acme")
    change = answer(run, deployed, "activate", str(file), *of, "--as", "olivia")
    assert (change["state"], change["needs_approval"]) == ("proposed", True)
    assert [one["pointer"] for one in change["differences"] if one["loosens"]] == ["/ttl/member"]
    change_id = change["change_id"]
    early = refusal(run, deployed, "activate", "--change", change_id, *of, "--as", "peter")
    assert "policy_not_approved" in early
    assert "not_permitted" in refusal(run, deployed, "approve", change_id, *of, "--as", "olivia")
    assert answer(run, deployed, "approve", change_id, *of, "--as", "peter")["state"] == "approved"
    assert (
        answer(run, deployed, "activate", "--change", change_id, *of, "--as", "olivia")["state"] == "active"
    )
    assert "policy_stale" in refusal(run, deployed, "activate", "--change", change_id, *of, "--as", "olivia")
    back = answer(run, deployed, "rollback", *of, "--as", "olivia")
    assert back["state"] == "active"
    assert answer(run, deployed, "show", *of)["policy"]["ttl"]["member"] == 604_800


def test_diff_simulate_and_explain_change_nothing(run: Run, deployed: dict[str, str], tmp_path: Path) -> None:
    invite(run, deployed)
    file = tmp_path / "p.toml"
    file.write_text(TIGHTER)
    before = answer(run, deployed, "show", "--tenant", "acme")
    assert not answer(run, deployed, "diff", str(file), "--tenant", "acme")["is_loosening"]
    told = answer(run, deployed, "simulate", str(file), "--tenant", "acme")
    assert told["counts"] == {"same": 0, "changed": 1, "held": 0, "denied": 0, "allowed": 0}
    assert [(one["lifetime_before"], one["lifetime_after"]) for one in told["changed"]] == [(604_800, 3600)]
    why = answer(run, deployed, "explain", find_event(deployed))
    assert (why["outcome"], why["lifetime"], why["is_exact"]) == ("allowed", 604_800, True)
    assert answer(run, deployed, "show", "--tenant", "acme") == before


def test_reevaluate_revokes_by_name_only(run: Run, deployed: dict[str, str], tmp_path: Path) -> None:
    invite(run, deployed)
    file = tmp_path / "p.toml"
    file.write_text('allowed_domains = ["other.example"]\n')
    answer(run, deployed, "activate", str(file), "--tenant", "acme", "--as", "olivia")
    [found] = answer(run, deployed, "reevaluate", "--tenant", "acme")["items"]
    assert not found["is_revoked"]
    assert "--as" in refusal(run, deployed, "reevaluate", "--tenant", "acme", "--revoke")
    [found] = answer(run, deployed, "reevaluate", "--tenant", "acme", "--revoke", "--as", "olivia")["items"]
    assert found["is_revoked"]
    assert answer(run, deployed, "reevaluate", "--tenant", "acme")["items"] == []


def test_the_deployments_policy_is_the_one_without_a_tenant(
    run: Run, deployed: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(TIGHTER)
    assert answer(run, deployed, "activate", str(file), "--as", "olivia")["state"] == "active"
    shown = answer(run, deployed, "show", "--tenant", "acme")
    assert (shown["own"], shown["policy"]["ttl"]["member"]) == ({}, 3600)
    file.write_text("seat_limit = 5\n")
    assert f"{file}:1" in refusal(run, deployed, "diff", str(file))
    assert answer(run, deployed, "diff", str(file), "--tenant", "acme")["differences"]


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.covers("TEN-05")
def test_each_template_is_printed_and_sound(run: Run, name: str, tmp_path: Path) -> None:
    printed = run("policy", "template", name)
    assert printed.status == 0
    assert parse_policy_file(printed.out, name)["id"] == name
    file = tmp_path / f"{name}.toml"
    file.write_text(printed.out)
    assert answer(run, {}, "validate", str(file))["policy"]["id"] == name


@pytest.mark.parametrize(
    "words,said",
    [
        (("template", "nothing"), "saas-onboarding"),
        (("validate", "/nowhere/p.toml"), "can't be read"),
        (("activate", "--as", "olivia"), "Give a file, or --change"),
        (("simulate", "p.toml", "--tenant", "acme", "--last", "0"), "--last"),
        (("show", "--tenant", "nowhere"), "not_found"),
        (("explain", "nothing"), "not_found"),
        (("rollback", "--tenant", "acme", "--as", "olivia"), "no policy before"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    run: Run, deployed: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    assert said in refusal(run, deployed, *words)


def test_a_file_that_is_no_text_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_bytes(b'id = "\xff"')
    assert f"{file}:1" in refusal(run, {}, "validate", str(file))

# SPDX-License-Identifier: Apache-2.0
"""``vestibule connection`` and what ``doctor`` says of connections, against a provider that may lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.identity.liar import Liar
from tests.rings import OTHER_MASTER, name_store

PUT = ("connection", "put", "acme-sso", "--tenant", "acme", "--name", "Acme SSO", "--client-id", "client")


@pytest.fixture
def liar() -> Iterator[Liar]:
    running = Liar()
    yield running
    running.close()


@pytest.fixture
def local(run: Run, deployed: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """For development: the provider may be on the loopback. A key ring seals what it must know."""
    ring = name_store(tmp_path / "ring")
    settings = {**deployed, "PUBLIC_URL": "http://127.0.0.1:8080", **ring}
    assert run("keys", "create", settings=settings).status == 0
    return settings


def _checks(run: Run, settings: dict[str, str]) -> dict[str, dict[str, Any]]:
    outcome = run("doctor", "--json", settings=settings)
    return {one["check"]: one for one in outcome.document["checks"]}


@pytest.mark.covers("INT-05", "INT-04", "K04")
def test_a_connection_is_put_shown_checked_disabled_and_removed(
    run: Run, local: dict[str, str], liar: Liar, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("hush hush\n")
    put = (*PUT, "--issuer", liar.url, "--amr", "MultiFactor=mfa")
    made = run(*put, "--secret-file", str(file), "--json", settings=local)
    assert made.status == 0, made.err
    assert made.document["redirect_uri"] == "http://127.0.0.1:8080/sign-in/callback/acme-sso"
    assert (made.document["has_secret"], made.document["is_new"]) == (True, True)
    assert run(*put, "--secret-file", "-", settings=local, stdin="other\n").status == 0
    there = ("acme-sso", "--tenant", "acme")
    shown = run("connection", "show", *there, settings=local)
    assert "Acme SSO" in shown.out
    assert "hush" not in made.out + shown.out
    assert run("connection", "check", *there, settings=local).out == "All is well.\n"
    liar.document = {"issuer": "https://evil.example"}
    checked = run("connection", "check", *there, settings=local)
    assert (checked.status, "another issuer" in checked.out) == (1, True)
    [listed] = run("connection", "list", "--tenant", "acme", "--json", settings=local).document
    assert listed == json.loads(run("connection", "show", *there, "--json", settings=local).out)
    assert run("connection", "list", "--json", settings=local).document == []
    assert run("connection", "disable", *there, settings=local).status == 0
    assert run("connection", "show", *there, "--json", settings=local).document["disabled"] is True
    assert run("connection", "remove", *there, "--yes", settings=local).status == 0
    assert run("connection", "show", *there, settings=local).status == 1


@pytest.mark.covers("INT-05")
def test_a_mistaken_call_is_told_by_its_argument(run: Run, local: dict[str, str], tmp_path: Path) -> None:
    for words, told in (
        (("--provider", "saml"), "--provider"),
        (("--issuer", "ftp://x"), "/issuer"),
        (("--issuer", "https://idp.example", "--amr", "mfa"), "--amr"),
        (("--issuer", "https://idp.example", "--secret-file", str(tmp_path / "none")), "--secret-file"),
    ):
        outcome = run(*PUT, *words, settings=local)
        assert (outcome.status, outcome.out) == (2, "")
        assert told in outcome.err


@pytest.mark.covers("OBS-05", "INT-04")
def test_doctor_names_what_keeps_people_from_signing_in(
    run: Run, local: dict[str, str], liar: Liar, tmp_path: Path
) -> None:
    assert _checks(run, local)["connections"]["verdict"] == "ok"
    assert run(*PUT, "--issuer", liar.url, "--secret-file", "-", settings=local, stdin="s\n").status == 0
    assert _checks(run, local)["connection acme-sso"]["verdict"] == "ok"
    unset = {name: value for name, value in local.items() if not name.startswith("KEYRING")}
    for broken in (unset, {**local, "KEYRING_SECRET": OTHER_MASTER}, {**local, "KEYRING_SECRET": ""}):
        found = _checks(run, broken)["client secrets"]
        assert found["verdict"] == "fail"
        assert "VESTIBULE_KEYRING" in found["detail"]
        assert run("serve", settings={**broken, "BIND": "127.0.0.1:0"}).status == 2
    [key_id] = [
        one["key_id"]
        for one in run("keys", "list", "--json", settings=local).document["items"]
        if one["purpose"] == "connection"
    ]
    assert run("keys", "rotate", "connection", settings=local).status == 0
    assert "client secrets" not in _checks(run, local)
    assert run("keys", "compromise", key_id, "--reason", "a drill", settings=local).status == 0
    assert "was given up" in _checks(run, local)["client secrets"]["detail"]
    liar.document = {"issuer": "https://evil.example"}
    assert "another issuer" in _checks(run, local)["connection acme-sso"]["detail"]
    liar.document = {}
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"require_connection": "acme-sso"}))
    assert run("tenant", "put", "acme", "--name", "Acme", "--policy", str(policy), settings=local).status == 0
    assert "sign-in" not in _checks(run, local)
    assert run("connection", "disable", "acme-sso", "--tenant", "acme", settings=local).status == 0
    found = _checks(run, local)["sign-in"]
    assert found["verdict"] == "fail"
    assert "acme-sso" in found["detail"]

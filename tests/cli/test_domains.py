# SPDX-License-Identifier: Apache-2.0
"""``vestibule domain`` and what ``doctor`` says of domains, with a real name server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Run
from tests.nameserver import DnsServer
from vestibule.storage.engine import make_engine

pytestmark = pytest.mark.covers("INT-05", "TEN-03")


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.stop()


@pytest.fixture
def named(deployed: dict[str, str], server: DnsServer) -> dict[str, str]:
    return {**deployed, "DNS_RESOLVERS": server.address}


def _json(run: Run, settings: dict[str, str], *words: str) -> Any:
    outcome = run(*words, "--json", settings=settings)
    assert outcome.status == 0, outcome.err
    return outcome.document


def _checks(run: Run, settings: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in run("doctor", "--json", settings=settings).document["checks"]}


def _prove(run: Run, settings: dict[str, str], server: DnsServer, domain: str = "acme.com") -> None:
    record = _json(run, settings, "domain", "add", "acme", domain)["record"]
    server.publish(record["name"], record["value"])
    assert _json(run, settings, "domain", "check", "acme", domain)["finding"] == "proved"


def test_a_domain_is_added_proved_raised_and_removed(
    run: Run, named: dict[str, str], server: DnsServer
) -> None:
    added = run("domain", "add", "acme", "ACME.com", settings=named)
    assert added.status == 0
    line = next(line for line in added.out.splitlines() if " IN TXT " in line)
    name, _, _, _, value = shlex.split(line)
    missing = run("domain", "check", "acme", "acme.com", settings=named)
    assert (missing.status, "no_record" in missing.out, line in missing.out) == (1, True, True)
    early = run("domain", "set", "acme", "acme.com", "--rung", "auto_join", settings=named)
    assert (early.status, "domain_not_proved" in early.err) == (1, True)
    server.publish(name.rstrip("."), value)
    assert _json(run, named, "domain", "check", "acme", "acme.com")["finding"] == "proved"
    assert (
        _json(run, named, "domain", "set", "acme", "acme.com", "--rung", "auto_join")["rung"] == "auto_join"
    )
    [listed] = _json(run, named, "domain", "list", "acme")["items"]
    assert (listed["domain"], listed["rung_in_force"]) == ("acme.com", "auto_join")
    assert "auto_join" in run("domain", "list", "acme", settings=named).out
    assert _json(run, named, "domain", "remove", "acme", "acme.com", "--yes")["state"] == "removed"
    assert _json(run, named, "domain", "list", "acme")["items"] == []


@pytest.mark.covers("S04")
@pytest.mark.parametrize("domain", ["acme.com.", "co.uk", "*.acme.com", "acme"])
def test_what_is_no_domain_is_named_and_wrong_usage(run: Run, named: dict[str, str], domain: str) -> None:
    outcome = run("domain", "add", "acme", domain, settings=named)
    assert (outcome.status, outcome.out) == (2, "")
    assert "omain" in outcome.err


def test_a_name_server_that_is_none_is_a_wrong_setting(run: Run, deployed: dict[str, str]) -> None:
    for text in ("dns.example.com:53", "192.0.2.1", "192.0.2.1:99999"):
        outcome = run("domain", "list", "acme", settings={**deployed, "DNS_RESOLVERS": text})
        assert (outcome.status, "VESTIBULE_DNS_RESOLVERS" in outcome.err) == (2, True)


@pytest.mark.covers("OBS-05")
def test_doctor_asks_no_name_server_without_a_domain(run: Run, deployed: dict[str, str]) -> None:
    assert _checks(run, deployed)["name servers"]["detail"] == "not needed: no tenant has a domain"


@pytest.mark.covers("OBS-05")
def test_doctor_names_what_is_wrong_with_domains(
    run: Run, named: dict[str, str], server: DnsServer, tmp_path: Path
) -> None:
    _prove(run, named, server)
    fine = _checks(run, named)
    kinds = ("name servers", "proofs of domains", "rules of domains")
    assert {fine[kind]["verdict"] for kind in kinds} == {"ok"}
    _json(run, named, "domain", "set", "acme", "acme.com", "--rung", "request")
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"allowed_domains": ["elsewhere.example"]}))
    _json(run, named, "tenant", "put", "acme", "--name", "Acme", "--policy", str(policy))
    _bring_the_end_near(named["DATABASE_URL"])
    server.stop()
    odd = _checks(run, named)
    assert {kind: odd[kind]["verdict"] for kind in kinds} == dict(
        zip(kinds, ("fail", "warn", "warn"), strict=True)
    )
    assert "acme.com" in odd["proofs of domains"]["detail"]
    assert "acme.com" in odd["rules of domains"]["detail"]


def _bring_the_end_near(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        days = "25 * 86400000" if connection.dialect.name == "sqlite" else "interval '25 days'"
        connection.execute(
            sa.text(f"UPDATE vestibule_domains SET proof_expires_at = proof_expires_at - {days}")
        )
    engine.dispose()

# SPDX-License-Identifier: Apache-2.0
"""What the documents state about calls, codes, policy, settings and decisions is what the code does."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from tests.architecture.sources import ROOT
from vestibule.core.limits import LIMIT_NAMES, Limits
from vestibule.core.policy import DEFAULT_POLICY, dump_policy
from vestibule.identity import passwords
from vestibule.identity.domains import WorldNames
from vestibule.keys import signatures
from vestibule.ports import RelyingParty, Runner, Sealer
from vestibule.settings import PREFIX, Settings
from vestibule.web.api.reference import STATUS_OF
from vestibule.web.app import make_app
from vestibule.web.services import Services

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_CASE = re.compile(r"\b(?:[A-Z]\d\d|[A-Z]{3}-\d\d)\b")


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str, *, after: str) -> list[list[str]]:
    """The cells of the first table below the heading *after*."""
    lines = f"\n{text}".partition(f"\n{after}\n")[2].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def calls_of(cell: str) -> set[str]:
    """``POST /a/suspend` · `/resume`` is two calls that differ in their last word."""
    first, *others = re.findall(r"`([^`{]*(?:\{[a-z_]+\}[^`{]*)*)[^`]*`", cell)
    method, _, path = first.strip().partition(" ")
    path = path.partition("?")[0].strip()
    found = {f"{method} {path}"}
    for other in others:
        if other.startswith("/"):
            found.add(f"{method} {path.rpartition('/')[0]}{other.strip()}")
    return found


def fetch_reference() -> dict[str, Any]:
    # The document is made when the application is; nothing is run.
    services = Services(
        runner=cast("Runner", None),
        passwords=passwords,
        verifier=None,
        public_url="https://a.example",
        openid=cast("RelyingParty", None),
        sealer=cast("Sealer", None),
        names=WorldNames(),
        signatures=signatures,
    )

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=make_app(services))
        async with httpx2.AsyncClient(transport=transport, base_url="https://a.example") as client:
            return await client.get("/openapi.json")

    document: dict[str, Any] = asyncio.run(ask()).json()
    return document


@pytest.mark.covers("INT-01")
def test_the_api_document_lists_every_call_and_no_other() -> None:
    told = set().union(*(calls_of(row[0]) for row in rows(read("api.md"), after="## Calls")))
    made = {
        f"{method.upper()} {path}"
        for path, operations in fetch_reference()["paths"].items()
        for method in operations
    }
    assert told == made


@pytest.mark.covers("INT-01")
def test_the_api_document_lists_every_code_with_its_status() -> None:
    told = {
        (int(status), code)
        for row in rows(read("api.md"), after="## Errors")
        for status in row[0].split(", ")
        for code in re.findall(r"`([a-z_]+)`", row[1])
    }
    assert told == {(status, code) for code, status in STATUS_OF.items()}


def test_the_api_document_lists_every_member_of_policy_with_its_default() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(read("api.md"), after="## Policy")}
    defaults = json.loads(dump_policy(DEFAULT_POLICY))
    assert set(told) == set(defaults)
    plain = {name: value for name, value in defaults.items() if not isinstance(value, dict)}
    assert {name: told[name].strip("`") for name in plain} == {
        name: json.dumps(value) for name, value in plain.items()
    }
    assert all(f"{role} {seconds}" in told["ttl"] for role, seconds in defaults["ttl"].items())


def test_the_settings_document_lists_every_setting_with_its_default() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(read("settings.md"), after="# Settings")}
    made = {PREFIX + "CONFIG": "empty"}
    for field in dataclasses.fields(Settings):
        if field.name != "limits":
            required = field.default is dataclasses.MISSING
            made[PREFIX + field.name.upper()] = "required" if required else str(field.default or "empty")
    assert told == made | {PREFIX + "TRUSTED_PROXIES": "empty", PREFIX + "LINK_HOSTS": "empty"}


def test_the_settings_document_lists_every_limit_with_its_default() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(read("settings.md"), after="## Limits")}
    limits = {name: getattr(Limits(), name) for name in LIMIT_NAMES}
    assert told == {
        f"{PREFIX}LIMIT_{name.upper()}": f"{limit.count}/{limit.seconds}" for name, limit in limits.items()
    }


def test_decisions_are_numbered_without_a_gap_and_say_what_they_cost() -> None:
    decisions = sorted(DOCS.glob("adr/[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: "), path.name
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert headings[1:] == [
            "Context",
            "Drivers",
            "Options",
            "Outcome",
            "Good consequences",
            "Bad consequences",
        ]


def test_the_threat_model_names_cases_and_requirements_that_exist() -> None:
    known = {
        line.split()[0]
        for name in ("attacks.txt", "requirements.txt")
        for line in read(name).splitlines()
        if line
    }
    named = set(_CASE.findall(read("threat-model.md")))
    assert named <= known


@pytest.mark.parametrize(
    "document",
    [
        ROOT / "README.md",
        *ROOT.glob("[A-Z]*ING.md"),
        *ROOT.glob("SEC*.md"),
        *sorted(set(DOCS.rglob("*.md")) - {DOCS / "adr" / "template.md"}),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    links = [link for link in _LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []

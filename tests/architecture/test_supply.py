# SPDX-License-Identifier: Apache-2.0
"""What the lock files hold: hashes for everything, no host, nothing below its security floor."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.sources import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
FLOORS: dict[str, dict[str, str]] = tomllib.loads(
    (ROOT / "tests/architecture/security_floors.toml").read_text(encoding="utf-8")
)["floors"]
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(text: str) -> list[str]:
    """The logical lines of a lock: continuations joined, comments dropped."""
    joined = text.replace("\\\n", " ")
    return [
        line for line in (raw.strip() for raw in joined.splitlines()) if line and not line.startswith("#")
    ]


def pins(text: str) -> dict[str, Version]:
    found: dict[str, Version] = {}
    for entry in entries(text):
        requirement = Requirement(entry.partition(" --hash")[0])
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", entry
        found[requirement.name.lower()] = Version(specifier.version)
    return found


def test_there_is_a_lock_for_running_and_one_for_development() -> None:
    assert [path.name for path in LOCKS] == ["dev.lock", "server.lock"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_is_pinned_with_hashes_and_without_a_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert [entry for entry in entries(text) if not _HASH.search(entry)] == []
    assert "://" not in text
    assert pins(text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_locked_package_is_below_its_security_floor(lock: Path) -> None:
    locked = pins(lock.read_text(encoding="utf-8"))
    low = {name: str(locked[name]) for name in FLOORS if name in locked and locked[name] < floor_of(name)}
    assert low == {}


def floor_of(name: str) -> Version:
    return Version(FLOORS[name]["version"])


def test_the_provider_of_tests_is_pinned_with_hashes_and_without_a_host() -> None:
    lock = json.loads((ROOT / "tests/identity/providers/node/package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_what_is_tested_is_what_runs() -> None:
    dev, server = (pins(path.read_text(encoding="utf-8")) for path in LOCKS)
    assert {name: version for name, version in server.items() if dev.get(name) != version} == {}

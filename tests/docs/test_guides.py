# SPDX-License-Identifier: Apache-2.0
"""The guides say what the policies say and type what the command line takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from tests.architecture.sources import ROOT
from tests.docs.test_documents import read, rows
from vestibule.cli import app
from vestibule.cli.demo.templates import STORIES
from vestibule.cli.policy import TEMPLATES

POLICIES = ROOT / "src" / "vestibule" / "policies"
GUIDES = ("templates.md", "administrators.md", "audit.md", "anonymous.md")


def lines_of(policy: Path) -> Iterator[str]:
    """Each line that says something, with its table before it."""
    table = ""
    for line in policy.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            table = f"`{line}` "
        elif line and not line.startswith("#"):
            yield f"{table}`{line}`"


def commands_of(guide: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", read(guide), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("vestibule ")]


def find_command(words: list[str]) -> tuple[str, ...]:
    """The longest beginning of *words* that is a command."""
    command, path = typer.main.get_command(app), []
    for word in words:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None:
            break
        command = inner
        path.append(word)
    assert not getattr(command, "commands", None), f"{' '.join(words)} is no command"
    return tuple(path)


@pytest.mark.covers("TEN-05")
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_line_of_a_template_is_explained_and_no_other(name: str) -> None:
    told = [row[0] for row in rows(read("templates.md"), after=f"## {name}")]
    assert told == list(lines_of(POLICIES / f"{name}.toml"))
    assert f"vestibule demo --template {name}" in read("templates.md")


def test_every_template_has_a_story() -> None:
    assert set(STORIES) == set(TEMPLATES)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_exists_with_the_options_it_is_given(guide: str) -> None:
    commands = commands_of(guide)
    assert len(commands) >= 4
    for line in commands:
        words = shlex.split(line.partition(" > ")[0])[1:]
        path = find_command(words)
        shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"}).output
        assert [word for word in words if word.startswith("--") and word not in shown] == [], line

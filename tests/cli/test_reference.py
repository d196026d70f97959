# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from vestibule.cli import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_reference", ROOT / "scripts" / "cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.covers("INT-05")
def test_the_documented_help_is_what_the_commands_say(reference: ModuleType) -> None:
    document = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert document == reference.render_document(document), "run scripts/cli_reference.py"


@pytest.mark.covers("INT-05")
def test_every_command_has_a_help_and_machine_readable_output(reference: ModuleType) -> None:
    whole = typer.main.get_command(app)
    for path in reference.list_commands(whole):
        command = whole
        for word in path:
            command = command.commands[word]  # type: ignore[attr-defined]
        assert command.help, path
        if not hasattr(command, "commands"):
            options = {name for parameter in command.params for name in parameter.opts}
            assert "--json" in options, path

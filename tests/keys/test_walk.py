# SPDX-License-Identifier: Apache-2.0
"""The guide's walk through SoftHSM, run as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.keys.softhsm import find_library


@pytest.mark.covers("TOK-05")
def test_the_walk_through_softhsm_works_as_it_is_written(tmp_path: Path) -> None:
    guide = (ROOT / "docs/keys-providers.md").read_text(encoding="utf-8")
    block = guide.partition("### SoftHSM, step by step")[2].partition("```sh\n")[2].partition("```")[0]
    told = "/usr/lib/softhsm/libsofthsm2.so"
    assert told in block
    command = tmp_path / "bin" / "vestibule"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m vestibule "$@"\n')
    command.chmod(0o700)
    environment = {
        "PATH": os.pathsep.join([str(command.parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "src"),
        "VESTIBULE_DATABASE_URL": f"sqlite:///{tmp_path / 'db'}",
        "VESTIBULE_PUBLIC_URL": "https://invite.example.com",
    }
    done = subprocess.run(
        ["sh", "-e", "-c", block.replace(told, str(find_library()))],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "pkcs11: it opens" in done.stdout
    assert "fail" not in done.stdout
    pin = (tmp_path / "softhsm" / "pin").read_text().strip()
    assert pin not in done.stdout + done.stderr

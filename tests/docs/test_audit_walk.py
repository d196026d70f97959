# SPDX-License-Identifier: Apache-2.0
"""The auditor's walk is run, and the guide shows what it prints."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT
from tests.cli.terminal import environment
from tests.docs.test_documents import read

_IDS = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,}", "+<key>"),
    (r"[A-Za-z0-9+/]{42,}={0,2}", "<base64>"),
    (r"\b1[0-9]{12}\b", "<time>"),
)


def plain(text: str) -> str:
    """Without what differs from walk to walk."""
    for pattern, name in _IDS:
        text = re.sub(pattern, name, text)
    return text.strip()


@pytest.mark.covers("AUD-03", "K08")
@pytest.mark.timeout(600)
def test_the_walk_in_the_guide_is_what_happens() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "auditor_walk.py")],
        capture_output=True,
        text=True,
        env=environment({}),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [shown] = re.findall(r"```console\n(.*?)```", read("audit.md"), re.DOTALL)
    assert plain(done.stdout) == plain(shown)

# SPDX-License-Identifier: Apache-2.0
"""Commands as an operator runs them: in this process where that is enough, as processes where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("VESTIBULE_")}
    return {
        **plain,
        "PYTHONPATH": str(SOURCE),
        "PYTHONUNBUFFERED": "1",
        **{f"VESTIBULE_{name}": value for name, value in settings.items()},
    }


def run_process(*words: str, settings: Mapping[str, str] | None = None, seconds: float = 100) -> Outcome:
    """A command as a process of its own, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "vestibule", *words],
        env=environment(settings or {}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*words: str, settings: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A long-running command; killed at the end unless it has ended by then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vestibule", *words],
        env=environment(settings or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def read_document(process: subprocess.Popen[str]) -> Any:
    """The JSON document that a command prints when it is ready."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            return json.loads(text)
    raise AssertionError(f"it ended before it was ready: {text}")

# SPDX-License-Identifier: Apache-2.0
"""Real SoftHSM tokens in a directory of this run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PIN = "482916"
_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")


def find_library() -> Path:
    """SoftHSM's PKCS#11 library; a test that needs it fails without it."""
    found = [path for place in _PLACES for path in sorted(Path(place).glob("**/libsofthsm2.so"))]
    assert found, "install SoftHSM: apt-get install softhsm2"
    assert shutil.which("softhsm2-util"), "install SoftHSM: apt-get install softhsm2"
    return found[0]


def write_configuration(directory: Path) -> Path:
    """What SOFTHSM2_CONF must name before the library is loaded."""
    tokens = directory / "tokens"
    tokens.mkdir()
    path = directory / "softhsm2.conf"
    path.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    return path


def make_token(label: str) -> None:
    """A token with the PIN of these tests, under the configuration that the environment names."""
    made = subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "73519284"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr

# SPDX-License-Identifier: Apache-2.0
"""Small JSON files of secrets: written whole or not at all, for their owner only."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
FORMAT = 1


def is_open(path: Path) -> bool:
    """Can anybody but its owner read, write or enter it?"""
    return bool(path.stat().st_mode & _OTHERS)


def read_sheet(path: Path) -> dict[str, Any]:
    """The members of a file of this format.

    Raises:
        OSError: it can't be read.
        ValueError: it is no such file.
    """
    members = json.loads(path.read_bytes())
    if not isinstance(members, dict) or members.pop("v", None) != FORMAT:
        raise ValueError("no file of this format")
    return members


def write_sheet(path: Path, members: dict[str, Any]) -> None:
    """The file is there and on the disk, or not at all; an existing one is never replaced.

    Raises:
        OSError: it exists already, or can't be written.
    """
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps({"v": FORMAT, **members}, sort_keys=True).encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

# SPDX-License-Identifier: Apache-2.0
"""``vestibule version``."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from vestibule.cli.printing import AsJson, show
from vestibule.storage.create import find_head


def show_version(*, as_json: AsJson = False) -> None:
    """Print this release, its schema revision and its Python."""
    try:
        release = version("vestibule")
    except PackageNotFoundError:
        release = "not installed"
    document = {"version": release, "schema": find_head(), "python": platform.python_version()}
    lines = [f"vestibule {release} (schema {document['schema']}, Python {document['python']})"]
    show(document, lines, as_json=as_json)

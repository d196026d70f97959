# SPDX-License-Identifier: Apache-2.0
"""Printing: a table for people, or with ``--json`` one JSON document for machines."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


def show(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print *document* as JSON, or the *lines* that say the same."""
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(_cell(line))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows under their heads, in columns as wide as they need."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return ["(none)"]
    widths = [max(len(line[place]) for line in [list(heads), *cells]) for place in range(len(heads))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [[head.upper() for head in heads], *cells]
    ]


def facts(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """One fact a line, names in a column; what is None is left out."""
    known = [(name, _cell(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    return [f"{name.ljust(width)}  {value}".rstrip() for name, value in known]


def moment(value: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second, as the API writes it."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(value: object) -> str:
    # What people have typed must not move the cursor or turn the line around (ATTACKS K10).
    text = "-" if value is None else str(value)
    return "".join(c if unicodedata.category(c)[0] != "C" else "\ufffd" for c in text)

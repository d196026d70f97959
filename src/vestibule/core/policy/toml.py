# SPDX-License-Identifier: Apache-2.0
"""Policy files: TOML with durations as people write them; every fault names its line and what to do.

The parser of the standard library gives no positions, so the line of a member is looked for in the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from vestibule.core.policy.layers import NOTHING, parse_base, parse_own
from vestibule.errors import FieldFault, InvalidRequestError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_DURATIONS = re.compile(
    r"resend_cooldown|separation|single_owner_bootstrap|announce_end|event/close_before_start|ttl/[^/]+"
    r"|roles/[^/]+/(ttl|approval_ttl|auth_max_age|grant_default|grant_max|review_within)"
)
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEYS = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_TABLE = re.compile(rf"[ \t]*\[[ \t]*({_KEYS})[ \t]*\]")
_MEMBER = re.compile(rf"[ \t]*({_KEYS})[ \t]*=")
_PART = re.compile(_KEY)
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*|[\[{]|[\]}]",
    re.DOTALL,
)


def parse_policy_file(text: str, name: str, *, base: str | None = NOTHING) -> dict[str, Any]:
    """The document in the TOML *text* of the file *name*, sound over the stored *base*.

    With *base* None it is the deployment's own. Durations come out as whole seconds, times as RFC 3339.

    Raises:
        InvalidRequestError: it can't be read, or says something impossible; each fault has ``name:line``.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_fault(str(error), text, name) from None
    plain: dict[str, Any] = {key: _plain(value, key) for key, value in document.items()}
    try:
        if base is None:
            parse_base(plain)
        else:
            parse_own(base, plain)
    except InvalidRequestError as error:
        lines = find_lines(text)
        raise InvalidRequestError(*(_place(fault, lines, name) for fault in error.faults)) from None
    return plain


def find_lines(text: str) -> Mapping[tuple[str, ...], int]:
    """The line on which each table and each member of a TOML text begins."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in _statements(text):
        if header := _TABLE.match(line):
            table = _parts(header[1])
            lines.setdefault(table, number)
        elif member := _MEMBER.match(line):
            lines.setdefault((*table, *_parts(member[1])), number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines at which a statement begins: none inside an array, an inline table or a text of many lines."""
    inside = _inside(text)
    place = 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not inside[place]:
            yield number, line
        place += len(line)


def _inside(text: str) -> list[bool]:
    """For each character: is it within brackets that were opened before, or within a text of many lines?"""
    marks = [False] * (len(text) + 1)
    depth, last = 0, 0
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        marks[last:start] = [depth > 0] * (start - last)
        marks[start:end] = [depth > 0] + [True] * (end - start - 1)
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth = max(0, depth - 1)
        last = end
    marks[last:] = [depth > 0] * (len(marks) - last)
    return marks


def _parts(keys: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(keys))


def _plain(value: Any, path: str) -> Any:
    """TOML's own values as the document of the API has them."""
    if isinstance(value, dict):
        return {key: _plain(inner, f"{path}/{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, f"{path}/-") for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and _DURATIONS.fullmatch(path) and (match := _DURATION.fullmatch(value)):
        return int(match[1]) * _UNITS[match[2]]
    return value


def _place(fault: FieldFault, lines: Mapping[tuple[str, ...], int], name: str) -> FieldFault:
    path = tuple(fault.pointer.removeprefix("/policy/").split("/"))
    # A lifetime is looked for where its role is, too.
    other = ("roles", path[1], "ttl") if len(path) == 2 and path[0] == "ttl" else path
    known = (
        lines[way[:size]] for way in (path, other) for size in range(len(way), 0, -1) if way[:size] in lines
    )
    duration = _DURATIONS.fullmatch("/".join(path)) is not None
    hint = ' Durations may be written "30s", "15m", "48h" or "7d".' if duration else ""
    return FieldFault(f"{name}:{next(known, 1)}", f"{'.'.join(path)}: {fault.message}{hint}")


def _syntax_fault(told: str, text: str, name: str) -> InvalidRequestError:
    found = _AT_LINE.search(told)
    last = max(1, len(text.splitlines()))
    line = int(found[1]) if found and found[1] else last
    message = "Not TOML: " + _AT_LINE.sub("", told).strip().rstrip(".") + "."
    return InvalidRequestError(FieldFault(f"{name}:{line}", message))

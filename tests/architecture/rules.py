# SPDX-License-Identifier: Apache-2.0
"""The rules about what is called where, each a function from a source to its findings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from architecture.sources import ALLOW, Finding, Source, dotted, imports_of

MODULE_LINES = 400
FUNCTION_LINES = 40
HEADER = "# SPDX-License-Identifier: Apache-2.0"
_COMMITTERS = re.compile(r"src/vestibule/(actions/|delivery/|storage/(.*/)?(unit_of_work\.py|migrations/))")
_CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
_RANDOM = {
    "os.urandom",
    "secrets.SystemRandom",
    "secrets.choice",
    "secrets.randbelow",
    "secrets.randbits",
    "secrets.token_bytes",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid7",
}
_LOGGERS = re.compile(r"_?(log|logger)")
_LEVELS = {"critical", "debug", "error", "exception", "info", "warning"}
_EMPTY_NAMES = {"common", "helper", "helpers", "misc", "models", "types", "util", "utils"}


def commits(source: Source) -> Iterator[Finding]:
    """One action, one commit, written in the action (house rule 2)."""
    if _COMMITTERS.match(source.where):
        return
    for node in _calls(source):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield Finding("commit", source.where, node.lineno, "commits outside actions and delivery")


def clock_reads(source: Source) -> Iterator[Finding]:
    """The database's clock decides (house rule 8)."""
    for line, name in _names(source):
        if _ends_in(name, _CLOCKS):
            yield Finding("clock", source.where, line, f"reads this machine's clock: {name}")


def randomness(source: Source) -> Iterator[Finding]:
    """``mint_x`` in core/token.py alone uses randomness."""
    if source.where == "src/vestibule/core/token.py":
        return
    imported = ((line, name) for line, name in imports_of(source) if name.partition(".")[0] == "random")
    named = ((line, name) for line, name in _names(source) if name in _RANDOM)
    for line, name in [*imported, *named]:
        yield Finding("randomness", source.where, line, f"uses randomness outside core/token.py: {name}")


def log_calls(source: Source) -> Iterator[Finding]:
    """A log line's event name is constant, so that it can be searched and holds no secret."""
    for node in _calls(source):
        owner, _, level = dotted(node.func).rpartition(".")
        if level in _LEVELS and _LOGGERS.fullmatch(owner.rpartition(".")[2]) and not _is_constant(node):
            yield Finding(
                "log-call", source.where, node.lineno, "the first argument of a log call is constant"
            )


def module_lengths(source: Source) -> Iterator[Finding]:
    if len(source.lines) > MODULE_LINES:
        length = len(source.lines)
        yield Finding("file-length", source.where, 1, f"{length} lines, more than {MODULE_LINES}")


def function_lengths(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if length > FUNCTION_LINES:
                what = f"{node.name} has {length} lines, more than {FUNCTION_LINES}"
                yield Finding("function-length", source.where, node.lineno, what)


def empty_names(source: Source) -> Iterator[Finding]:
    """A module is called for what it knows."""
    found = _EMPTY_NAMES & set(source.where.removesuffix(".py").split("/"))
    if found:
        yield Finding("name", source.where, 1, f"says nothing: {', '.join(sorted(found))}")


def headers(source: Source) -> Iterator[Finding]:
    if not source.text.startswith(HEADER + "\n"):
        yield Finding("header", source.where, 1, f"begins with {HEADER}")


CODE_RULES: dict[str, Callable[[Source], Iterator[Finding]]] = {
    "clock": clock_reads,
    "commit": commits,
    "function-length": function_lengths,
    "log-call": log_calls,
    "randomness": randomness,
}
FILE_RULES: dict[str, Callable[[Source], Iterator[Finding]]] = {
    "file-length": module_lengths,
    "header": headers,
    "name": empty_names,
}


def malformed_excuses(source: Source) -> Iterator[Finding]:
    """Whatever looks like an exception is one, with a rule that exists and a reason."""
    known = {"layers", *CODE_RULES, *FILE_RULES}
    for number, line in enumerate(source.lines, 1):
        match = ALLOW.search(line)
        if "# allow:" in line and (match is None or match["rule"] not in known):
            yield Finding("excuse", source.where, number, "write: allow: <rule> because <reason>")


def _calls(source: Source) -> Iterator[ast.Call]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))


def _names(source: Source) -> Iterator[tuple[int, str]]:
    """Names that are read with their module, and names imported from one."""
    yield from imports_of(source)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, dotted(node)


def _ends_in(name: str, endings: set[str]) -> bool:
    return any(name == ending or name.endswith("." + ending) for ending in endings)


def _is_constant(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)

# SPDX-License-Identifier: Apache-2.0
"""Reading the repository's own source: files, syntax trees, imports, findings and their exceptions.

An exception to a rule is a comment on its line, ``# allow: <rule> because <reason>``. A rule reports
findings; ``unexcused`` drops those that their line excuses.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "vestibule"
ALLOW = re.compile(r"# allow: (?P<rule>[a-z-]+) because (?P<reason>\S.*\S)")
_NOT_OURS = {".git", ".venv", "build", "dist", "htmlcov", "node_modules", "var"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule is broken."""

    rule: str
    where: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: {self.what} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: where it stands in the repository, and its text."""

    where: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parse(self.where, self.text)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def module(self) -> str:
        """The dotted name inside the package: ``core.email``, or the empty string for its face."""
        path = self.where.removeprefix("src/vestibule/").removesuffix(".py").removesuffix("__init__")
        return path.rstrip("/").replace("/", ".")

    @property
    def layer(self) -> str:
        return self.module.partition(".")[0]


@cache
def _parse(where: str, text: str) -> ast.Module:
    return ast.parse(text, filename=where)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file of the repository; where git is missing, every file that looks like ours."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found = [ROOT / name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if _NOT_OURS.isdisjoint(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def python_files(*folders: str) -> Iterator[Source]:
    """Every Python file below the folders named, or below all."""
    for path in tracked_files():
        where = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and (not folders or where.startswith(tuple(f + "/" for f in folders))):
            yield Source(where, path.read_text(encoding="utf-8"))


def package_files() -> Iterator[Source]:
    return python_files("src/vestibule")


def imports_of(source: Source) -> Iterator[tuple[int, str]]:
    """Every module that *source* imports, wherever the statement stands, by its dotted name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    here = ["vestibule", *source.module.split(".")]
    is_package = source.where.endswith("/__init__.py")
    base = here[: len(here) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain; the empty string when it is something else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def excuses(sources: Iterable[Source]) -> dict[tuple[str, str, int], str]:
    """Every well-formed exception: (rule, where, line) -> reason."""
    return {
        (match["rule"], source.where, number): match["reason"]
        for source in sources
        for number, line in enumerate(source.lines, 1)
        if (match := ALLOW.search(line))
    }


def unexcused(findings: Iterable[Finding], sources: Iterable[Source]) -> list[str]:
    """What remains to be mended, one line each."""
    allowed = excuses(sources)
    return [str(found) for found in findings if (found.rule, found.where, found.line) not in allowed]

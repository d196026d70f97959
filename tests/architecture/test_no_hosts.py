# SPDX-License-Identifier: Apache-2.0
"""No tracked file names a package registry or a path of somebody's machine.

The words to search for are put together here, so that this file does not find itself.
"""

from __future__ import annotations

import re

import pytest

from architecture.sources import ROOT, tracked_files

_DOT, _SLASH = ".", "/"
_HOSTS = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("crates", "io"),
    ("rubygems", "org"),
    ("proxy", "golang", "org"),
)
_FOLDERS = (("work",), ("root",), ("tmp", "bash_jobs"), ("tmp", "h"), ("opt", "wheels"), ("opt", "pypi"))
_BINARY = {".ico", ".jpg", ".png", ".webp", ".woff2"}
WORDS = re.compile(
    "|".join(
        [
            *(re.escape(_DOT.join(parts)) for parts in _HOSTS),
            *(rf"(?<![\w.*\]]){re.escape(_SLASH + _SLASH.join(parts))}(?=[/.])" for parts in _FOLDERS),
        ]
    ),
    re.IGNORECASE,
)


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in tracked_files()
        if path.suffix not in _BINARY
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := WORDS.search(line))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "see https://" + "py" + "pi.org/simple",
        "from files." + "python" + "hosted.org",
        "cd " + _SLASH + "work" + "/main",
        "in `" + _SLASH + "root" + "/x`",
        "log in " + _SLASH + "tmp/" + "bash_jobs" + ".0/1",
    ],
)
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert WORDS.search(text)


@pytest.mark.parametrize(
    "text", ["see ./work/plan", "network/ rootless", "https://example.com/workers", "a/root/b"]
)
def test_the_search_leaves_ordinary_text_alone(text: str) -> None:
    assert not WORDS.search(text)

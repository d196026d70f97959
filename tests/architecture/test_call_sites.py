# SPDX-License-Identifier: Apache-2.0
"""What is called where. Exceptions are comments on the line; every one of them must be needed."""

from __future__ import annotations

import pytest

from architecture.rules import CODE_RULES, FILE_RULES, malformed_excuses
from architecture.sources import Finding, Source, excuses, package_files, python_files, unexcused
from architecture.test_layers import broken_layers

CODE = list(package_files())
PROGRAMS = list(python_files("scripts", "bench", "examples"))
EVERYTHING = list(python_files())


def _all_findings() -> list[Finding]:
    in_code = [found for rule in CODE_RULES.values() for source in CODE for found in rule(source)]
    in_files = [found for rule in FILE_RULES.values() for source in EVERYTHING for found in rule(source)]
    return [*in_code, *in_files, *broken_layers(CODE)]


@pytest.mark.parametrize("rule", CODE_RULES)
def test_the_package_keeps_the_rule_or_says_why_not(rule: str) -> None:
    findings = [found for source in CODE for found in CODE_RULES[rule](source)]
    assert unexcused(findings, CODE) == []


@pytest.mark.parametrize("rule", FILE_RULES)
def test_every_file_keeps_the_rule_or_says_why_not(rule: str) -> None:
    findings = [found for source in EVERYTHING for found in FILE_RULES[rule](source)]
    assert unexcused(findings, EVERYTHING) == []


def test_scripts_benchmarks_and_examples_have_short_functions() -> None:
    findings = [found for source in PROGRAMS for found in CODE_RULES["function-length"](source)]
    assert unexcused(findings, PROGRAMS) == []


def test_every_exception_is_well_formed_and_still_needed() -> None:
    assert [str(found) for source in CODE for found in malformed_excuses(source)] == []
    needed = {(found.rule, found.where, found.line) for found in _all_findings()}
    granted = excuses(CODE)
    for (rule, where, line), reason in sorted(granted.items()):
        print(f"{where}:{line}: {rule} because {reason}")  # noqa: T201 - so that they stay few
    assert set(granted) - needed == set()


@pytest.mark.parametrize(
    "rule,where,text",
    [
        ("commit", "web/api.py", "uow.commit()"),
        ("commit", "storage/outbox.py", "connection.commit()"),
        ("clock", "actions/accept.py", "now = datetime.now(UTC)"),
        ("clock", "actions/accept.py", "now = datetime.datetime.utcnow()"),
        ("clock", "actions/accept.py", "from time import time"),
        ("clock", "actions/accept.py", "field(default_factory=time.time)"),
        ("randomness", "actions/accept.py", "secrets.token_urlsafe(32)"),
        ("randomness", "actions/accept.py", "import random"),
        ("randomness", "actions/accept.py", "from uuid import uuid4"),
        ("randomness", "core/event.py", "os.urandom(16)"),
        ("log-call", "web/api.py", "log.info(f'hello {name}')"),
        ("log-call", "web/api.py", "self._log.warning(message)"),
        ("function-length", "web/api.py", "def f():\n" + "    pass\n" * 41),
    ],
)
def test_the_rule_finds_what_breaks_it(rule: str, where: str, text: str) -> None:
    source = Source(f"src/vestibule/{where}", text)
    assert [found.rule for found in CODE_RULES[rule](source)] == [rule]


@pytest.mark.parametrize(
    "rule,where,text",
    [
        ("commit", "actions/accept.py", "uow.commit()"),
        ("commit", "storage/unit_of_work.py", "self._connection.commit()"),
        ("clock", "actions/accept.py", "time.monotonic(); datetime.fromtimestamp(0, UTC)"),
        ("randomness", "core/token.py", "secrets.token_bytes(32)"),
        ("randomness", "web/api.py", "secrets.compare_digest(a, b)"),
        ("log-call", "web/api.py", "log.info('request.done', status=status)"),
        ("function-length", "web/api.py", 'def f():\n    """One.\n' + "    two\n" * 50 + '    """\n    pass'),
    ],
)
def test_the_rule_lets_pass_what_keeps_it(rule: str, where: str, text: str) -> None:
    assert list(CODE_RULES[rule](Source(f"src/vestibule/{where}", text))) == []


@pytest.mark.parametrize(
    "rule,where,text",
    [
        ("file-length", "src/vestibule/log.py", "x = 1\n" * 401),
        ("header", "tests/test_x.py", "import os\n"),
        ("name", "src/vestibule/web/utils.py", ""),
        ("name", "tests/helpers/one.py", ""),
    ],
)
def test_the_rule_finds_the_file_that_breaks_it(rule: str, where: str, text: str) -> None:
    assert [found.rule for found in FILE_RULES[rule](Source(where, text))] == [rule]


def test_an_exception_excuses_its_own_line_and_rule_only() -> None:
    text = "a = time.time()  # allow: clock because the log line is stamped here\nb = time.time()\n"
    source = Source("src/vestibule/log.py", text)
    assert unexcused(CODE_RULES["clock"](source), [source]) == [
        "src/vestibule/log.py:2: reads this machine's clock: time.time [clock]"
    ]


def test_an_exception_without_a_reason_or_of_no_rule_is_refused() -> None:
    source = Source("src/vestibule/log.py", "a  # allow: clock\nb  # allow: speed because I like it\n")
    assert [found.line for found in malformed_excuses(source)] == [1, 2]

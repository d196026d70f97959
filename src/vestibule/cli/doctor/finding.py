# SPDX-License-Identifier: Apache-2.0
"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vestibule.errors import ConfigurationError


class Verdict(StrEnum):
    """How it stands with one thing. Only ``fail`` makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was looked at, how it stands, and what to do unless it is fine."""

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def fine(check: str, detail: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, detail=detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARN, detail=detail, remedy=remedy)


def failure(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAIL, detail=detail, remedy=remedy)


def misconfigured(check: str, error: ConfigurationError) -> Finding:
    return failure(check, f"{error.setting}: {error.problem}", error.remedy)

# SPDX-License-Identifier: Apache-2.0
"""Counting what came of a race; whatever nobody expected is raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from vestibule.errors import ClaimRejectedError, VestibuleError


def tally(outcomes: Iterable[Any], *expected: type[VestibuleError]) -> Counter[str]:
    """How many came to ``won`` and to each refusal: the reason of a claim, the code of the *expected* others."""
    counted: Counter[str] = Counter()
    for outcome in outcomes:
        if isinstance(outcome, ClaimRejectedError):
            counted[outcome.reason] += 1
        elif isinstance(outcome, expected):
            counted[outcome.code] += 1
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            counted["won"] += 1
    return counted

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from vestibule.core.display import format_day, format_moment, format_rest


@pytest.mark.covers("DEL-03")
def test_a_moment_is_written_with_its_zone_whatever_zone_it_came_in() -> None:
    utc = datetime(2026, 11, 28, 11, 13, tzinfo=UTC)
    for moment in (utc, utc.astimezone(timezone(timedelta(hours=-9)))):
        assert format_moment(moment) == "Saturday 28 November 2026 at 11:13 UTC"
        assert format_day(moment) == "28 November 2026"


@pytest.mark.covers("ACC-01")
@pytest.mark.parametrize(
    "seconds,text",
    [
        (-5, "less than 1 minute left"),
        (59, "less than 1 minute left"),
        (61, "less than 2 minutes left"),
        (59 * 60, "less than 59 minutes left"),
        (60 * 60, "less than 1 hour left"),
        (60 * 60 + 1, "less than 2 hours left"),
        (24 * 60 * 60, "less than 24 hours left"),
    ],
)
def test_what_is_left_is_rounded_up(seconds: int, text: str) -> None:
    assert format_rest(timedelta(seconds=seconds)) == text

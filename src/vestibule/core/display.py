# SPDX-License-Identifier: Apache-2.0
"""Times as people read them: always with their zone (DEL-03)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def format_moment(moment: datetime) -> str:
    """For example ``Saturday 28 November 2026 at 11:13 UTC``."""
    at = moment.astimezone(UTC)
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year} at {at:%H:%M} UTC"


def format_day(moment: datetime) -> str:
    """For example ``28 November 2026``."""
    at = moment.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def format_rest(rest: timedelta) -> str:
    """How long is left, rounded up to what a person plans by: ``less than 5 hours left``."""
    minutes = max(1, -(-int(rest.total_seconds()) // 60))
    if minutes < 60:
        return f"less than {minutes} {'minute' if minutes == 1 else 'minutes'} left"
    hours = -(-minutes // 60)
    return f"less than {hours} {'hour' if hours == 1 else 'hours'} left"


def format_span(seconds: int) -> str:
    """Exactly so many seconds, in the largest unit that fits: ``7 days``, ``90 minutes``."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds % size == 0 and seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"

# SPDX-License-Identifier: Apache-2.0
"""An event's documents: the attendance list as CSV, the event as a calendar file (extra ``events``).

A spreadsheet computes what begins like a formula, and people choose their names and addresses: such cells
are made plain text. The calendar file names nobody.
"""

from __future__ import annotations

import io
import re
import unicodedata
import uuid
from collections.abc import Iterable
from datetime import UTC

from defusedcsv import csv  # type: ignore[import-untyped] # it has no types

from vestibule.actions.attendance.review_attendance import Attendance, EventView
from vestibule.errors import NotFoundError
from vestibule.web.api.fields import format_moment

HEADS = ("email", "name", "role", "state", "invited_at", "answered_at", "is_member")
CSV_TYPE = "text/csv; charset=utf-8; header=present"
CALENDAR_TYPE = "text/calendar; charset=utf-8"
_STARTS = frozenset("=+-@|%")
_PRODID = "-//Vestibule//Event//EN"


def write_attendance(rows: Iterable[Attendance]) -> str:
    """One line each, under its heads (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADS)
    for one in rows:
        answered = "" if one.answered_at is None else format_moment(one.answered_at)
        cells = (one.email or "", one.name or "", one.role, one.state.value, format_moment(one.invited_at))
        writer.writerow([*map(_defuse, cells), answered, "yes" if one.is_member else "no"])
    return text.getvalue()


def _defuse(cell: str) -> str:
    """Plain text, as far as the library does not see to it (ATTACKS S13)."""
    # White space or a control before a formula hides it from the guard, and not from every spreadsheet.
    text = re.sub(r"[\s\x00-\x1f\x7f]+", " ", cell).strip()
    first = text[:1]
    is_wide = not first.isascii() and unicodedata.normalize("NFKC", first) in _STARTS
    return f"'{text}" if is_wide else text


def write_calendar(view: EventView, public_url: str) -> bytes:
    """The event in UTC. Its name stays the same when it is moved, so that calendars move it too.

    Raises:
        NotFoundError: this deployment has no calendars.
    """
    try:
        # Heavy, and not for everybody.
        from icalendar import Calendar, Event  # noqa: PLC0415
    except ImportError:
        raise NotFoundError("This needs the extra events.") from None
    home, event = f"{public_url}/tenants/{view.tenant_id}", view.event
    entry = Event.new(
        uid=uuid.uuid5(uuid.NAMESPACE_URL, home),
        stamp=view.seen_at.astimezone(UTC).replace(microsecond=0),
        sequence=view.revision,
        start=event.starts_at.astimezone(UTC),
        end=event.ends_at.astimezone(UTC),
        summary=event.name or view.tenant_name,
        location=event.location,
        url=home,
    )
    file: bytes = Calendar.new(prodid=_PRODID, method="PUBLISH", subcomponents=[entry]).to_ical()
    return file

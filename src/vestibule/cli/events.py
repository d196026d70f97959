# SPDX-License-Identifier: Apache-2.0
"""``vestibule event``: who comes, and the calendar file of a tenant that stands for an event."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from vestibule.actions.attendance.review_attendance import Attendance, get_event, list_attendance
from vestibule.cli.arguments import parse_tenant_id
from vestibule.cli.printing import AsJson, moment, show, table
from vestibule.cli.running import OPERATOR, Desk, open_desk
from vestibule.cli.tenants import TenantId
from vestibule.core.paging import LIMIT_MAX, parse_page_request
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.web.attendance import write_attendance, write_calendar

app = typer.Typer(help="Events: who comes, and the calendar file.", no_args_is_help=True)


@app.command("attendance")
def attendance(
    tenant_id: TenantId,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV; no cell is a formula.")] = False,
    as_json: AsJson = False,
) -> None:
    """List everybody who was invited, and what they answered."""
    if as_csv and as_json:
        raise InvalidRequestError(FieldFault("--csv", "Give --csv or --json, not both."))
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        found = _read_all(desk, tenant)
    if as_csv:
        typer.echo(write_attendance(found), nl=False)
        return
    shown = [_describe(one) for one in found]
    rows = [(one["email"], one["name"], one["state"], one["answered_at"]) for one in shown]
    lines = table(("email", "name", "answer", "at"), rows)
    states = [one.state.value for one in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    show({"items": shown}, [*lines, f"{len(found)} invited: {counts}." if found else ""], as_json=as_json)


@app.command("calendar")
def calendar(tenant_id: TenantId, *, as_json: AsJson = False) -> None:
    """Print the event as a calendar file (iCalendar, in UTC); it names nobody."""
    tenant = parse_tenant_id(tenant_id)
    with open_desk() as desk:
        view = desk.runner.read(get_event, OPERATOR, tenant)
        text = write_calendar(view, desk.settings.public_url).decode()
    typer.echo(json.dumps({"tenant_id": tenant, "calendar": text}, indent=2) if as_json else text, nl=False)


def _read_all(desk: Desk, tenant: str) -> list[Attendance]:
    found: list[Attendance] = []
    cursor: str | None = None
    while True:
        request = parse_page_request(f"attendance:{tenant}", LIMIT_MAX, cursor)
        page = desk.runner.read(list_attendance, OPERATOR, tenant, request)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _describe(one: Attendance) -> dict[str, Any]:
    return {
        "email": one.email,
        "name": one.name,
        "role": one.role,
        "state": one.state.value,
        "invited_at": moment(one.invited_at),
        "answered_at": moment(one.answered_at),
        "is_member": one.is_member,
    }

# SPDX-License-Identifier: Apache-2.0
"""An event over HTTP: who comes, for its organisers; when and where, for its members."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from vestibule.actions.attendance.review_attendance import Attendance, get_event, list_attendance
from vestibule.core.paging import LIMIT_MAX, parse_page_request
from vestibule.web.api.fields import Cursor, PageLimit, TenantId
from vestibule.web.api.reference import KEY_OR_PRINCIPAL, add_route
from vestibule.web.api.routing import Caller, WholeResponse, answer_json
from vestibule.web.api.schemas import AttendanceJson, PageJson
from vestibule.web.asgi import Answer
from vestibule.web.attendance import CALENDAR_TYPE, CSV_TYPE, write_attendance, write_calendar
from vestibule.web.services import Services

_LIST = "/v1/tenants/{tenant_id}/attendance"


class AttendanceRoutes:
    """What a tenant that stands for an event has beside its members."""

    def __init__(self, services: Services) -> None:
        self._runner = services.runner
        self._public_url = services.public_url

    def add_to(self, router: APIRouter) -> None:
        add = partial(add_route, router, who=KEY_OR_PRINCIPAL, codes=["not_found"])
        add(
            f"GET {_LIST}",
            self.list_all,
            name="list_attendance",
            answers={200: PageJson[AttendanceJson]},
        )
        add(
            f"GET {_LIST}.csv",
            self.export,
            name="export_attendance",
            answers={200: None},
            text=CSV_TYPE.partition(";")[0],
        )
        add(
            "GET /v1/tenants/{tenant_id}/calendar",
            self.get_calendar,
            name="get_calendar",
            answers={200: None},
            text=CALENDAR_TYPE.partition(";")[0],
        )

    async def list_all(
        self, tenant_id: TenantId, caller: Caller, limit: PageLimit = None, cursor: Cursor = None
    ) -> WholeResponse:
        """The last answer of each invited address, the first invited first."""
        request = parse_page_request(f"attendance:{tenant_id}", limit, cursor)
        page = await self._runner.read(list_attendance, caller, tenant_id, request)
        return answer_json(
            PageJson(items=[_describe(one) for one in page.items], next_cursor=page.next_cursor)
        )

    async def export(self, tenant_id: TenantId, caller: Caller) -> WholeResponse:
        """All of it as CSV; no cell is a formula."""
        rows: list[Attendance] = []
        cursor: str | None = None
        while True:
            request = parse_page_request(f"attendance:{tenant_id}", LIMIT_MAX, cursor)
            page = await self._runner.read(list_attendance, caller, tenant_id, request)
            rows += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        return _answer_file(write_attendance(rows).encode(), CSV_TYPE, "attendance.csv")

    async def get_calendar(self, tenant_id: TenantId, caller: Caller) -> WholeResponse:
        """The event for one's own calendar (RFC 5545), in UTC; it names nobody."""
        view = await self._runner.read(get_event, caller, tenant_id)
        return _answer_file(write_calendar(view, self._public_url), CALENDAR_TYPE, "event.ics")


def _answer_file(body: bytes, kind: str, name: str) -> WholeResponse:
    head = (b"content-disposition", f'attachment; filename="{name}"'.encode())
    return WholeResponse(Answer(200, body, kind.encode(), (head,)))


def _describe(one: Attendance) -> AttendanceJson:
    return AttendanceJson(
        email=one.email,
        name=one.name,
        role=one.role,
        state=one.state.value,
        invited_at=one.invited_at,
        answered_at=one.answered_at,
        is_member=one.is_member,
    )

# SPDX-License-Identifier: Apache-2.0
"""An event's documents: who comes as JSON and CSV, when and where as a calendar file."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import UTC, datetime

import pytest
from icalendar import Calendar

from tests.web.harness import PLATFORM, Person, World, person
from vestibule.actions.attendance.review_attendance import Attendance
from vestibule.core.invitation import InvitationState
from vestibule.web.attendance import write_attendance

EVENT = {
    "name": "Opening, night; \\ every one",
    "location": "The old harbour",
    "starts_at": "2040-06-01T20:00:00+02:00",
    "ends_at": "2040-06-01T23:00:00Z",
}


def arrange(world: World, **policy: object) -> tuple[str, Person]:
    owner = world.new_person("owner")
    return world.new_tenant(owner=owner, event=EVENT, **policy), owner


@pytest.mark.covers("TEN-05")
def test_the_attendance_list_tells_the_last_answer_of_each_address(world: World) -> None:
    tenant_id, owner = arrange(world)
    guests = [person(world.fresh(stem)) for stem in ("ann", "ben", "cai", "dot")]
    ann, ben, cai, dot = guests
    first = [world.invite(tenant_id, owner, one.emails[0]) for one in guests]
    assert world.call("POST", first[0].road + "/accept", ann).status_code == 204
    assert world.call("POST", first[1].road + "/decline", ben).status_code == 204
    assert world.call("DELETE", first[3].path, owner).status_code == 204
    world.expire(first[2].invitation_id)
    world.invite(tenant_id, owner, cai.emails[0])
    path = f"/v1/tenants/{tenant_id}/attendance"
    shown = world.call("GET", path, owner).json()["items"]
    assert [(one["email"], one["state"], one["is_member"]) for one in shown] == [
        (ann.emails[0], "accepted", True),
        (ben.emails[0], "declined", False),
        (cai.emails[0], "pending", False),
    ]
    assert shown[0]["answered_at"] is not None
    assert dot.emails[0] not in str(shown)
    pages = [world.call("GET", f"{path}?limit=2", PLATFORM).json()]
    pages.append(world.call("GET", f"{path}?limit=2&cursor={pages[0]['next_cursor']}", PLATFORM).json())
    assert [one for page in pages for one in page["items"]] == shown
    world.remove_member(tenant_id, ann)
    assert world.call("GET", path, owner).json()["items"][0]["is_member"] is False


@pytest.mark.covers("TEN-05", "AUD-04", "S13")
def test_no_cell_of_the_csv_is_a_formula(world: World) -> None:
    tenant_id, owner = arrange(world)
    evil = Person(
        principal_id=world.fresh("evil"),
        emails=("=cmd|calc@example.com",),
        extra={"name": '=HYPERLINK("https://evil.example","x")'},
    )
    plain = world.new_person("plain")
    for one in (evil, plain):
        invited = world.invite(tenant_id, owner, one.emails[0])
        assert world.call("POST", invited.road + "/accept", one).status_code == 204
    answer = world.call("GET", f"/v1/tenants/{tenant_id}/attendance.csv", owner)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="attendance.csv"'
    heads, first, second = csv.reader(io.StringIO(answer.text))
    assert heads[:4] == ["email", "name", "role", "state"]
    assert all(cell[:1] not in set("=+-@|%\t\r") for cell in [*first, *second])
    assert first[0].startswith("'=cmd")
    assert (second[0], second[3], second[6]) == (plain.emails[0], "accepted", "yes")


@pytest.mark.covers("S13", "AUD-04")
@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\0=1",
        " =1",
        "%0A",
        "|calc",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "\u3000=1",
    ],
)
def test_S13_what_begins_like_a_formula_is_written_as_text(name: str) -> None:
    [row] = list(csv.reader(io.StringIO(write_attendance([guest(name)]))))[1:]
    assert row[1].startswith("'")
    assert unicodedata.normalize("NFKC", row[1][1:]).lstrip("\\") == unicodedata.normalize(
        "NFKC", name
    ).strip(" \t\r\n\0\u3000")


@pytest.mark.covers("S13")
@pytest.mark.parametrize(
    "name", ["Ann", "O'Hara", 'Ann "the" Guest, esq.', "Zoë", "李雷", "-12.5", "'=1", '"=1"']
)
def test_S13_every_other_name_comes_back_as_it_was(name: str) -> None:
    [row] = list(csv.reader(io.StringIO(write_attendance([guest(name)]))))[1:]
    assert row == [
        "g@example.com",
        name,
        "attendee",
        "accepted",
        "2040-01-31T12:00:00Z",
        "2040-01-31T12:00:00Z",
        "yes",
    ]


def guest(name: str) -> Attendance:
    at = datetime(2040, 1, 31, 12, tzinfo=UTC)
    return Attendance(
        email="g@example.com",
        name=name,
        role="attendee",
        state=InvitationState.ACCEPTED,
        invited_at=at,
        answered_at=at,
        is_member=True,
    )


@pytest.mark.covers("TEN-05")
def test_the_calendar_file_is_in_utc_keeps_its_name_and_names_nobody(world: World) -> None:
    tenant_id, owner = arrange(world)
    guest, other = world.new_person("guest"), world.new_person("other")
    for one in (guest, other):
        assert world.call("GET", f"/v1/tenants/{tenant_id}/calendar", one).status_code == 404
        invited = world.invite(tenant_id, owner, one.emails[0])
        assert world.call("POST", invited.road + "/accept", one).status_code == 204
    answer = world.call("GET", f"/v1/tenants/{tenant_id}/calendar", guest)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.headers["content-disposition"] == 'attachment; filename="event.ics"'
    assert "@" not in answer.text
    [entry] = Calendar.from_ical(answer.content).events
    assert entry.start == datetime(2040, 6, 1, 18, tzinfo=UTC)
    assert entry.end == datetime(2040, 6, 1, 23, tzinfo=UTC)
    assert (entry["summary"], entry["location"]) == (EVENT["name"], EVENT["location"])
    assert "DTSTART:20400601T180000Z" in answer.text
    world.put_policy(
        tenant_id, event={**EVENT, "starts_at": "2040-06-02T18:00:00Z", "ends_at": "2040-06-02T23:00:00Z"}
    )
    [moved] = Calendar.from_ical(world.call("GET", f"/v1/tenants/{tenant_id}/calendar", guest).content).events
    assert moved.uid == entry.uid
    assert moved.sequence > entry.sequence
    assert moved.start.day == 2


@pytest.mark.covers("TEN-05")
def test_a_tenant_without_an_event_has_no_calendar(world: World) -> None:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    assert world.call("GET", f"/v1/tenants/{tenant_id}/calendar", owner).json()["code"] == "not_found"
    assert world.call("GET", f"/v1/tenants/{tenant_id}/attendance", owner).status_code == 200

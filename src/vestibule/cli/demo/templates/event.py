# SPDX-License-Identifier: Apache-2.0
"""Event RSVP: expiry bound to the event, places that run out, who comes, and the calendar file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from vestibule.cli.demo.script import Chapter, accept
from vestibule.cli.demo.stage import ACCEPT, INVITATION, MEMBERS, PREVIEW, TENANT, Invited, Stage
from vestibule.cli.demo.templates.founding import ask_in_vain, found, seat, tell_kpis

# The owner and the organiser take a place, too.
_PLACES = 4
_CALENDAR = f"GET {TENANT}/calendar"


async def set_up(stage: Stage) -> None:
    """An event in three days, with two places for guests"""
    starts = stage.world.clock() + timedelta(days=3)
    event = {
        "name": "Opening night",
        "location": "The old harbour",
        "starts_at": starts.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ends_at": (starts + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "close_before_start": 7200,
    }
    await found(stage, "event-rsvp", "Opening night", event=event, seat_limit=_PLACES)
    await seat(stage, stage.owner, "owner")
    await seat(stage, stage.make_person("Orla Organiser"), "organiser")
    orla = stage.cast["Orla"]
    friend = f"friend@{stage.domain}"
    await ask_in_vain(
        stage, "Orla mints another organiser", by=orla, email=friend, role="organiser", expect=403
    )


async def invite_more_than_there_is_room_for(stage: Stage) -> None:
    """Four are invited; the places go to whoever answers first"""
    orla = stage.cast["Orla"]
    guests = [
        await stage.invite(
            stage.make_person(name), by=orla, role="attendee", title=f"Orla invites {name}; the mail arrives"
        )
        for name in ("Gus Guest", "Gina Guest", "Theo Third", "Dora Declines")
    ]
    gus, gina, theo, dora = guests
    stage.cast |= {one.person.name.split()[0]: one.person for one in guests}
    await _tell_expiry(stage, gus)
    await stage.call(
        "Dora declines",
        f"POST {PREVIEW}/decline",
        by=dora.person,
        token=dora.token,
        expect=204,
        state=lambda: stage.tell_state(dora),
    )
    await accept(stage, gus, title="Gus accepts")
    await accept(stage, gina, title="Gina accepts, and it is full")
    await stage.refuse(
        "Theo accepts: no place; nothing is burned", f"POST {ACCEPT}", by=theo.person, invited=theo
    )
    await stage.call(
        "Gus can't come after all, and leaves",
        f"DELETE {MEMBERS}/{{principal_id}}",
        by=gus.person,
        principal_id=gus.person.principal_id,
        expect=204,
    )
    await accept(stage, theo, title="Theo tries the same link again, and gets the place")
    await stage.refuse("Gus would come back by his old link", f"POST {ACCEPT}", by=gus.person, invited=gus)


async def show_the_list(stage: Stage) -> None:
    """Who comes, and the date in their calendars"""
    orla, gina = stage.cast["Orla"], stage.cast["Gina"]
    await stage.invite(
        stage.make_person("Pia Pending"), by=orla, role="attendee", title="Orla invites Pia, who says nothing"
    )
    answer = await stage.send(f"GET {TENANT}/attendance", by=orla)
    stage.story.add(
        "Orla reads the attendance list",
        request=f"GET {TENANT}/attendance",
        status=answer.status_code,
        expected=200,
        state=", ".join(_tell_guest(one) for one in answer.json()["items"]),
    )
    sheet = await stage.send(f"GET {TENANT}/attendance.csv", by=orla)
    stage.story.add(
        "The same for a spreadsheet",
        request=f"GET {TENANT}/attendance.csv",
        status=sheet.status_code,
        expected=200,
        state=f"{len(sheet.text.splitlines())} lines of CSV",
    )
    await stage.call("Gina, a guest, asks for the list", f"GET {TENANT}/attendance", by=gina, expect=403)
    file = await stage.send(_CALENDAR, by=gina)
    is_whole = "DTSTART" in file.text and "@" not in file.text
    stage.story.add(
        "Gina takes the calendar file",
        request=_CALENDAR,
        status=file.status_code,
        expected=200,
        state=next((line for line in file.text.splitlines() if line.startswith("DTSTART")), None),
        problem=None if is_whole else "it lacks the time, or names somebody",
    )
    await stage.call("Dora, who declined, asks for it", _CALENDAR, by=stage.cast["Dora"], expect=404)
    await tell_kpis(stage, orla)


async def let_it_close(stage: Stage) -> None:
    """The event closes, and everything ends with it"""
    orla, gina = stage.cast["Orla"], stage.cast["Gina"]
    if not stage.is_clock_ours():
        stage.story.add("Not played here: nobody can move PostgreSQL's clock")
        return
    invited = await stage.invite(
        stage.make_person("Lars Late"), by=orla, role="attendee", title="Orla invites Lars"
    )
    stage.pass_time("An hour before it begins", timedelta(days=2, hours=23))
    await stage.refuse("Lars accepts too late", f"POST {ACCEPT}", by=invited.person, invited=invited)
    await ask_in_vain(
        stage, "Orla invites one more", by=orla, email=f"x@{stage.domain}", role="attendee", expect=409
    )
    stage.pass_time("The day after", timedelta(days=1))
    await stage.call("Gina's membership has ended by itself", _CALENDAR, by=gina, expect=404)


async def _tell_expiry(stage: Stage, invited: Invited) -> None:
    answer = await stage.send(f"GET {INVITATION}", by=stage.owner, invitation_id=invited.invitation_id)
    stage.story.add(
        "The role gives 30 days, the event less", state=f"open until {answer.json()['expires_at']}"
    )


def _tell_guest(one: dict[str, Any]) -> str:
    name = (one["name"] or one["email"].partition("@")[0].partition("-")[0]).split()[0].title()
    return f"{name} {one['state']}" + (
        " (left)" if one["state"] == "accepted" and not one["is_member"] else ""
    )


CHAPTERS: Sequence[Chapter] = (set_up, invite_more_than_there_is_room_for, show_the_list, let_it_close)

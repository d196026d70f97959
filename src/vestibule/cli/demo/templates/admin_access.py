# SPDX-License-Identifier: Apache-2.0
"""Internal administrators for an hour: justified, approved, ended by the clock; break-glass, reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from vestibule.cli.demo.host import Person
from vestibule.cli.demo.script import Chapter, accept
from vestibule.cli.demo.stage import INVITATION, INVITATIONS, TENANT, Invited, Stage
from vestibule.cli.demo.templates.founding import (
    approve,
    ask_and_hold,
    ask_in_vain,
    decide_in_vain,
    found,
    seat,
    step_up,
)

_RESOURCE = "prod/db"
_HOURS = 2 * 3600
_WHY = "Ticket 4711: the nightly job hangs"
_EMERGENCY = "Emergency access"


async def set_up(stage: Stage) -> None:
    """Nobody is an administrator for long"""
    await found(stage, "internal-admin-jit", "Platform")
    stage.owner = _inside(stage.owner)
    await seat(stage, stage.owner, "owner")
    await seat(stage, _inside(stage.make_person("Otto Ode")), "owner")
    await seat(stage, _inside(stage.make_person("Eno Engineer")), "engineer")
    await seat(stage, _inside(stage.make_person("Ona Oncall")), "oncall")
    await stage.call(
        "The host names what is to be administered",
        f"PUT {TENANT}/resources/{_RESOURCE}",
        by=stage.world.platform_key,
        body={"name": "Production database"},
        expect=201,
    )


async def ask_for_it(stage: Stage) -> None:
    """An engineer asks for two hours on the production database"""
    eno, otto = stage.cast["Eno"], stage.cast["Otto"]
    two, ten = _grant("prod_admin", _HOURS), _grant("prod_admin", 10 * 3600)
    await ask_in_vain(stage, "Eno asks without a reason", by=eno, email=eno.email, grants=two, expect=422)
    await ask_in_vain(
        stage, "Eno asks for ten hours", by=eno, email=eno.email, grants=ten, justification=_WHY, expect=422
    )
    await ask_in_vain(
        stage,
        "Eno breaks the glass, which is for those on call",
        by=eno,
        email=eno.email,
        grants=_grant("breakglass", 600),
        justification=_WHY,
        expect=403,
    )
    held = await ask_and_hold(
        stage,
        "Eno asks for two hours, with a reason",
        by=eno,
        to=eno,
        approver=otto,
        grants=two,
        justification=_WHY,
    )
    await decide_in_vain(stage, "Eno approves it himself", held, by=eno, expect=403)
    weak = replace(otto, amr=("pwd",))
    await decide_in_vain(stage, "Otto approves, signed in by password alone", held, by=weak, expect=401)
    invited = await approve(stage, held, otto)
    stale = replace(eno, signed_in_ago=1200)
    await step_up(stage, "Eno accepts in a session of twenty minutes", invited, by=stale)
    await accept(stage, invited, title="Eno touches his key and accepts")
    await _tell_grants(stage, eno, "Eno holds it", expected=1)


async def refuse_oneself(stage: Stage) -> None:
    """Four eyes are four eyes, for owners too"""
    olivia, otto = stage.owner, stage.cast["Otto"]
    held = await ask_and_hold(
        stage,
        "Olivia, an owner, asks for herself",
        by=olivia,
        to=olivia,
        approver=otto,
        grants=_grant("prod_admin", _HOURS),
        justification=_WHY,
    )
    await decide_in_vain(stage, "She approves it herself", held, by=olivia, expect=403)
    await stage.call(
        "Otto rejects it: one rejection closes it",
        f"POST {INVITATION}/reject",
        by=otto,
        invitation_id=held.invitation_id,
        expect=200,
        state=lambda: stage.tell_state(held),
    )


async def let_it_end(stage: Stage) -> None:
    """It ends by the clock"""
    if not stage.is_clock_ours():
        stage.story.add("Not played here: nobody can move PostgreSQL's clock")
        return
    stage.pass_time("Two hours and a second pass", timedelta(seconds=_HOURS + 1))
    await _tell_grants(stage, stage.cast["Eno"], "Eno holds nothing; nobody had to take it away", expected=0)


async def break_the_glass(stage: Stage) -> None:
    """Break-glass: at once, everybody is told, and somebody must look at it"""
    ona, otto = stage.cast["Ona"], stage.cast["Otto"]
    after = len(stage.world.mailbox.messages)
    why = "The site is down"
    grants = _grant("breakglass", 600)
    invited = await stage.invite(
        ona,
        by=ona,
        role=None,
        grants=grants,
        justification=why,
        title="Ona takes emergency access; it needs nobody",
    )
    for owner in (stage.owner, otto):
        await stage.mail(f"{owner.name.split()[0]} is told", to=owner.email, subject=_EMERGENCY, after=after)
    await accept(stage, invited, title="Ona touches her key and accepts")
    await _tell_grants(stage, ona, "Ona holds it", expected=1)
    await _review(stage, invited, "Ona reviews it herself", by=ona, note="All fine", expect=403)
    again = {"email": ona.email, "grants": grants, "justification": why}
    if stage.is_clock_ours():
        stage.pass_time("A day and an hour pass, and nobody looks at it", timedelta(hours=25))
        await stage.call(
            "Ona takes it again: the review is overdue", f"POST {INVITATIONS}", by=ona, body=again, expect=403
        )
    found = "Right, and documented."
    await _review(
        stage, invited, "Olivia looks at it, and says what she found", by=stage.owner, note=found, expect=200
    )
    await stage.call("Now it can be taken again", f"POST {INVITATIONS}", by=ona, body=again, expect=201)


async def _review(stage: Stage, invited: Invited, title: str, *, by: Person, note: str, expect: int) -> None:
    await stage.call(
        title,
        f"POST {TENANT}/reviews/{{invitation_id}}",
        by=by,
        body={"note": note},
        invitation_id=invited.invitation_id,
        expect=expect,
    )


def _grant(role: str, seconds: int) -> list[dict[str, Any]]:
    return [{"resource_id": _RESOURCE, "role": role, "expires_in": seconds}]


def _inside(person: Person) -> Person:
    """Signed in by the company, with a key in hand."""
    return replace(person, connection="corp-sso", amr=("hwk",))


async def _tell_grants(stage: Stage, person: Person, title: str, *, expected: int) -> None:
    route = f"GET {TENANT}/grants/{{principal_id}}"
    answer = await stage.send(route, by=person, principal_id=person.principal_id)
    items = answer.json().get("items", [])
    shown = ", ".join(f"{one['role']} on {one['resource_id']} until {one['expires_at']}" for one in items)
    stage.story.add(
        title,
        request=route,
        status=answer.status_code,
        expected=200,
        state=shown or "nothing held",
        problem=None if len(items) == expected else f"{len(items)} held",
    )


CHAPTERS: Sequence[Chapter] = (set_up, ask_for_it, refuse_oneself, let_it_end, break_the_glass)

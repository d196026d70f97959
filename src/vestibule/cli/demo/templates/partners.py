# SPDX-License-Identifier: Apache-2.0
"""A partner programme: listed companies, their own sign-in, an approval, and the end of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from vestibule.cli.demo.script import Chapter, accept
from vestibule.cli.demo.stage import ACCEPT, MEMBERS, PREVIEW, TENANT, Stage
from vestibule.cli.demo.templates.founding import (
    approve,
    ask_and_hold,
    ask_in_vain,
    decide_in_vain,
    found,
    seat,
    tell_kpis,
)

_CONTRACT = timedelta(days=90)
_SSO = "partner-sso"


async def set_up(stage: Stage) -> None:
    """A programme for one partner's people"""
    await found(stage, "partner-program", "Partner programme", allowed_domains=[stage.domain])
    await seat(stage, stage.owner, "owner")
    await seat(stage, stage.make_person("Carla Channel"), "channel_owner")
    await seat(stage, stage.make_person("Milo Manager"), "channel_manager")


async def keep_others_out(stage: Stage) -> None:
    """Only whom the programme is for"""
    milo = stage.cast["Milo"]
    role = "partner"
    await ask_in_vain(
        stage, "Milo invites an outsider", by=milo, email="sam@gmail.example", role=role, expect=422
    )
    await ask_in_vain(
        stage,
        "Milo invites a domain that only looks like the partner's",
        by=milo,
        email=f"sam@not{stage.domain}",
        role=role,
        expect=422,
    )
    await ask_in_vain(
        stage,
        "Milo, who may invite partners, mints their administrator",
        by=milo,
        email=f"sam@{stage.domain}",
        role="partner_admin",
        expect=403,
    )
    await ask_in_vain(
        stage,
        "Milo promises two years; policy allows one",
        by=milo,
        email=f"sam@{stage.domain}",
        role=role,
        membership_expires_in=2 * 365 * 86_400,
        expect=422,
    )


async def bring_one_in(stage: Stage) -> None:
    """Invited for the length of the contract, approved, let in through the partner's own sign-in"""
    milo, carla = stage.cast["Milo"], stage.cast["Carla"]
    petra = replace(stage.make_person("Petra Partner"), connection=_SSO)
    held = await ask_and_hold(
        stage,
        "Milo invites Petra for 90 days",
        by=milo,
        to=petra,
        approver=carla,
        role="partner",
        membership_expires_in=int(_CONTRACT.total_seconds()),
    )
    await decide_in_vain(stage, "Milo approves his own request", held, by=milo, expect=403)
    invited = await approve(stage, held, carla)
    elsewhere = replace(petra, connection=None)
    await stage.refuse(
        "Petra accepts without her company's sign-in", f"POST {ACCEPT}", by=elsewhere, invited=invited
    )
    await accept(stage, invited, title="Petra, signed in by her company, accepts")
    stage.cast["Petra"] = petra
    await _tell_end(stage, "Her membership has an end")
    await tell_kpis(stage, stage.owner)


async def extend_it(stage: Stage) -> None:
    """More of it is a new request, approved anew"""
    milo, carla, petra = (stage.cast[name] for name in ("Milo", "Carla", "Petra"))
    longer = int(2 * _CONTRACT.total_seconds())
    await ask_in_vain(
        stage,
        "Olivia would make her a channel manager: who is in keeps the role",
        by=stage.owner,
        email=petra.email,
        role="channel_manager",
        expect=409,
    )
    held = await ask_and_hold(
        stage,
        "Milo asks for 180 days",
        by=milo,
        to=petra,
        approver=carla,
        role="partner",
        membership_expires_in=longer,
    )
    await _tell_end(stage, "Nothing has changed yet")
    invited = await approve(stage, held, carla)
    await accept(stage, invited, title="Petra accepts the extension")
    await _tell_end(stage, "Now it has")


async def let_it_end(stage: Stage) -> None:
    """The contract ends by the clock"""
    petra = stage.cast["Petra"]
    if stage.is_clock_ours():
        after = len(stage.world.mailbox.messages)
        stage.pass_time("A hundred and fifty-five days pass", timedelta(days=155))
        await stage.mail(
            "Petra is told that it is about to end", to=petra.email, subject="about to end", after=after
        )
        stage.pass_time("The rest of it passes", timedelta(days=25, seconds=1))
    else:
        stage.story.add("The host ends it instead: nobody can move PostgreSQL's clock")
        await stage.send(
            f"DELETE {MEMBERS}/{{principal_id}}", by=stage.world.platform_key, principal_id=petra.principal_id
        )
    await stage.call(
        "Petra looks at what she holds",
        f"GET {TENANT}/grants/{{principal_id}}",
        by=petra,
        principal_id=petra.principal_id,
        expect=404,
        state=stage.tell_members,
    )


async def end_the_contract(stage: Stage) -> None:
    """The partner leaves: everything of it ends at once"""
    milo, carla = stage.cast["Milo"], stage.cast["Carla"]
    paul = replace(stage.make_person("Paul Pending"), connection=_SSO)
    held = await ask_and_hold(stage, "Milo invites Paul", by=milo, to=paul, approver=carla, role="partner")
    invited = await approve(stage, held, carla)
    await stage.call(
        "The host suspends the programme",
        f"POST {TENANT}/suspend",
        by=stage.world.platform_key,
        expect=200,
    )
    await stage.refuse("Paul accepts", f"POST {ACCEPT}", by=paul, invited=invited)
    await ask_in_vain(
        stage, "Milo invites somebody", by=milo, email=f"x@{stage.domain}", role="partner", expect=423
    )
    await stage.call("Resumed", f"POST {TENANT}/resume", by=stage.world.platform_key, expect=200)
    await stage.refuse("What was revoked stays so", f"GET {PREVIEW}", by=paul, invited=invited)


async def _tell_end(stage: Stage, title: str) -> None:
    answer = await stage.send(f"GET {MEMBERS}", by=stage.owner)
    name = stage.cast["Petra"].principal_id
    ends = [one["expires_at"] for one in answer.json()["items"] if one["principal_id"] == name]
    told = "no end" if ends in ([], [None]) else f"until {ends[0]}"
    stage.story.add(title, state=told, problem="it has no end" if told == "no end" else None)


CHAPTERS: Sequence[Chapter] = (
    set_up,
    keep_others_out,
    bring_one_in,
    extend_it,
    let_it_end,
    end_the_contract,
)

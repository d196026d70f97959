# SPDX-License-Identifier: Apache-2.0
"""SaaS onboarding: members come at once, administrators with a second person's approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vestibule.cli.demo.pages import walk_the_hosted_pages
from vestibule.cli.demo.script import Chapter, accept
from vestibule.cli.demo.stage import ACCEPT, Stage
from vestibule.cli.demo.templates.founding import (
    approve,
    ask_and_hold,
    ask_in_vain,
    decide_in_vain,
    found,
    read_digest,
    seat,
    step_up,
    tell_kpis,
)

_HOUR = 3600


async def set_up(stage: Stage) -> None:
    """A customer signs up"""
    await found(stage, "saas-onboarding", "Acme")
    await seat(stage, stage.owner, "owner")
    await seat(stage, stage.make_person("Otto Ode"), "owner")


async def invite_an_administrator(stage: Stage) -> None:
    """An administrator comes with a second person's approval"""
    otto, ada = stage.cast["Otto"], stage.make_person("Ada Admin")
    held = await ask_and_hold(
        stage, "Olivia invites Ada as admin", by=stage.owner, to=ada, approver=otto, role="admin"
    )
    await decide_in_vain(stage, "Olivia approves her own request", held, by=stage.owner, expect=403)
    digest = await read_digest(stage, held, otto)
    stale = replace(otto, signed_in_ago=_HOUR)
    await decide_in_vain(stage, "Otto approves in an hour-old session", held, by=stale, expect=401)
    wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    await decide_in_vain(stage, "Otto approves another digest", held, by=otto, expect=409, digest=wrong)
    invited = await approve(stage, held, otto)
    mallory = stage.make_person("Mallory Malet")
    await stage.refuse(
        "Mallory, who got hold of the link, accepts", f"POST {ACCEPT}", by=mallory, invited=invited
    )
    await step_up(stage, "Ada accepts in an hour-old session", invited, by=replace(ada, signed_in_ago=_HOUR))
    await accept(stage, invited, title="Ada signs in again and accepts")
    stage.cast["Ada"] = ada


async def invite_members(stage: Stage) -> None:
    """The administrator brings the team in, and nobody above it"""
    ada, max_ = stage.cast["Ada"], stage.make_person("Max Member")
    invited = await stage.invite(max_, by=ada, title="Ada invites Max as member; the mail arrives at once")
    await accept(stage, invited)
    friend = f"friend@{stage.domain}"
    await ask_in_vain(stage, "Ada mints an owner", by=ada, email=friend, role="owner", expect=403)
    await ask_in_vain(stage, "Ada mints another admin", by=ada, email=friend, role="admin", expect=403)
    await ask_in_vain(stage, "Max invites somebody", by=max_, email=friend, role="member", expect=403)


async def count(stage: Stage) -> None:
    """What it came to"""
    stage.story.add("Who is there", state=await stage.tell_members())
    await tell_kpis(stage, stage.owner)


CHAPTERS: Sequence[Chapter] = (
    set_up,
    invite_an_administrator,
    invite_members,
    walk_the_hosted_pages,
    count,
)

# SPDX-License-Identifier: Apache-2.0
"""What every template's story does: set the tenant up with its policy, ask, decide, accept, count."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from statistics import median
from typing import Any

from vestibule.cli.demo.host import Person
from vestibule.cli.demo.stage import (
    ACCEPT,
    INVITATION,
    INVITATIONS,
    MEMBERS,
    TENANT,
    Invited,
    Stage,
    read_token,
)
from vestibule.core.policy.toml import parse_policy_file

DECISION_MAIL = "waits for your decision"
_DECISION_SECONDS = 15


async def found(stage: Stage, template: str, name: str, **changes: Any) -> None:
    """The tenant exists with the template's policy, changed where every tenant has its own."""
    file = f"policies/{template}.toml"
    text = files("vestibule").joinpath(file).read_text(encoding="utf-8")
    policy = {**parse_policy_file(text, file), **changes}
    changed = f" (its own: {', '.join(sorted(changes))})" if changes else ""
    await stage.call(
        f"The host makes the tenant “{name}” with the policy {template}{changed}",
        f"PUT {TENANT}",
        by=stage.world.platform_key,
        body={"name": name, "policy": policy},
        expect=201,
    )


async def seat(stage: Stage, person: Person, role: str) -> Person:
    """The host puts *person* in *role*: the first people of a tenant need no invitation."""
    stage.cast[person.name.split()[0]] = person
    await stage.call(
        f"The host puts {person.name} there as {role}",
        f"PUT {MEMBERS}/{{principal_id}}",
        by=stage.world.platform_key,
        body={"role": role, "email": person.email, "name": person.name},
        principal_id=person.principal_id,
        expect=201,
    )
    return person


async def ask_and_hold(
    stage: Stage, title: str, *, by: Person, to: Person, approver: Person, **asked: Any
) -> Invited:
    """Somebody asks for *to* what needs an approval: held, the approver is told, the invitee is not."""
    after = len(stage.world.mailbox.messages)
    response = await stage.call(
        title, f"POST {INVITATIONS}", by=by, body={"email": to.email, **asked}, expect=201
    )
    answer = response.json()
    is_held = answer["state"] == "held"
    mail = await stage.world.mailbox.wait_for(
        to=approver.email, subject=DECISION_MAIL, after=after, seconds=_DECISION_SECONDS
    )
    has_mail = stage.world.mailbox.find(to=to.email, subject="You are invited", after=after) is not None
    stage.story.add(
        f"It is held; {_first(approver)} is told, {_first(to)} is not",
        mail=mail.subject,
        state=f"invitation {answer['state']}",
        problem=None if is_held and not has_mail else "it was not held back",
    )
    return Invited(invitation_id=answer["invitation_id"], person=to, token="")


async def approve(stage: Stage, held: Invited, approver: Person) -> Invited:
    """The approver reads exactly what is asked, approves that digest, and the invitee's mail arrives."""
    digest = await read_digest(stage, held, approver)
    after = len(stage.world.mailbox.messages)
    await stage.call(
        f"{_first(approver)} approves what was shown, by its digest",
        f"POST {INVITATION}/approve",
        by=approver,
        body={"digest": digest},
        invitation_id=held.invitation_id,
        expect=200,
        state=lambda: stage.tell_state(held),
    )
    mail = await stage.mail(
        f"Now {_first(held.person)} is invited", to=held.person.email, subject="You are invited", after=after
    )
    return replace(held, token=read_token(mail))


async def read_digest(stage: Stage, held: Invited, approver: Person) -> str:
    """What the approver is shown."""
    response = await stage.send(f"GET {INVITATION}/approval", by=approver, invitation_id=held.invitation_id)
    shown = response.json()
    why = f", because “{shown['justification']}”" if shown.get("justification") else ""
    digest = str(shown.get("digest", ""))
    stage.story.add(
        f"{_first(approver)} reads the request",
        request=f"GET {INVITATION}/approval",
        status=response.status_code,
        expected=200,
        state=f"{_promised(shown)}{why}; {digest[:19]}…",
        problem=shown.get("objection"),
    )
    return digest


async def decide_in_vain(
    stage: Stage, title: str, held: Invited, *, by: Person, expect: int, digest: str | None = None
) -> None:
    """An approval that is refused."""
    await stage.call(
        title,
        f"POST {INVITATION}/approve",
        by=by,
        body=None if digest is None else {"digest": digest},
        invitation_id=held.invitation_id,
        expect=expect,
    )


async def ask_in_vain(stage: Stage, title: str, *, by: Person, email: str, expect: int, **asked: Any) -> None:
    """An invitation that is refused at issue."""
    body = {"email": email, **asked}
    await stage.call(title, f"POST {INVITATIONS}", by=by, body=body, expect=expect)


async def step_up(stage: Stage, title: str, invited: Invited, *, by: Person) -> None:
    """The right person with a session that is too old or too weak: asked to sign in again, nothing burned."""
    response = await stage.send(f"POST {ACCEPT}", by=by, token=invited.token)
    code = response.json().get("code")
    stage.story.add(
        title,
        request=f"POST {ACCEPT}",
        status=response.status_code,
        expected=401,
        state=f"{code}; {await stage.tell_state(invited)}",
        problem=None if code == "step_up_required" else "nobody asked for a fresh sign-in",
    )


async def tell_kpis(stage: Stage, by: Person) -> None:
    """The numbers that say whether inviting works."""
    items = (await stage.send(f"GET {TENANT}/attendance", by=by)).json()["items"]
    waits = [
        (
            datetime.fromisoformat(one["answered_at"]) - datetime.fromisoformat(one["invited_at"])
        ).total_seconds()
        for one in items
        if one["state"] == "accepted"
    ]
    shown = f"{median(waits):.0f} s" if waits else "no time"
    stage.story.add(
        f"KPI: {len(items)} invited, {len(waits)} accepted, {shown} from invited to accepted (median)",
        request=f"GET {TENANT}/attendance",
        status=200,
        expected=200,
        problem=None if waits else "nobody accepted",
    )


def _promised(shown: dict[str, Any]) -> str:
    grants = [f"{one['role']} on {one['resource_id']} for {one['expires_in']} s" for one in shown["grants"]]
    return f"for {shown['email']}: " + (", ".join(grants) or shown["role"])


def _first(person: Person) -> str:
    return person.name.split()[0]

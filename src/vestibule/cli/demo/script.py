# SPDX-License-Identifier: Apache-2.0
"""The script: the golden path by API, then everything that must not work, each in a chapter of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from vestibule.cli.demo.stage import (
    ACCEPT,
    INVITATION,
    INVITATIONS,
    MEMBERS,
    PREVIEW,
    TENANT,
    Invited,
    Stage,
)
from vestibule.core.token import mint_claim_token, parse_claim_token
from vestibule.ports import UnitOfWork

Chapter = Callable[[Stage], Awaitable[None]]
_SCANNERS = (
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2) SafeLinks",
    "Barracuda Sentinel (EE)",
    "Mimecast-URL-Protect/1.0",
    "Proofpoint-URLDefense",
    "Slackbot-LinkExpanding 1.0",
)
_SCANS = 50
_JUMP = timedelta(days=7, seconds=1)


async def walk_the_golden_path(stage: Stage) -> None:
    """The golden path, by API and mail"""
    owner, vera = stage.owner, stage.make_person("Vera Verdi")
    key = stage.world.platform_key
    await stage.call("The host makes a tenant", f"PUT {TENANT}", by=key, body={"name": "Acme"}, expect=201)
    await stage.call(
        "The host names its owner",
        f"PUT {MEMBERS}/{{principal_id}}",
        by=key,
        body={"role": "owner", "email": owner.email, "name": owner.name},
        principal_id=owner.principal_id,
        expect=201,
        state=stage.tell_members,
    )
    invited = await stage.invite(vera, title="Olivia, the owner, invites Vera; the mail arrives")
    await stage.call(
        "Anybody who holds the link may read what it is about; reading changes nothing",
        f"GET {PREVIEW}",
        token=invited.token,
        expect=200,
        state=lambda: stage.tell_state(invited),
    )
    await accept(stage, invited)
    await stage.call(
        "Vera is among the members", f"GET {MEMBERS}", by=owner, expect=200, state=stage.tell_members
    )
    await stage.mail("Olivia hears of it", to=owner.email, subject="was accepted")
    await stage.call(
        "Vera opens the link again and reads that she is a member",
        f"GET {PREVIEW}",
        by=vera,
        token=invited.token,
        expect=200,
        state=lambda: stage.tell_state(invited),
    )
    await stage.refuse("Vera accepts a second time", f"POST {ACCEPT}", by=vera, invited=invited)
    other = stage.make_person("Otto Other")
    await stage.refuse("Somebody else accepts after her", f"POST {ACCEPT}", by=other, invited=invited)
    await stage.refuse("Somebody else opens the used link", f"GET {PREVIEW}", by=None, invited=invited)


async def forward_the_link(stage: Stage) -> None:
    """A forwarded link lets nobody else in"""
    ben, mallory = stage.make_person("Ben Bruno"), stage.make_person("Mallory Malet")
    invited = await stage.invite(ben)
    await stage.refuse(
        "Mallory, signed in as herself, accepts", f"POST {ACCEPT}", by=mallory, invited=invited
    )
    await stage.call(
        "Without a session",
        f"POST {ACCEPT}",
        token=invited.token,
        expect=401,
        state=lambda: stage.tell_state(invited),
    )
    claimed = stage.make_person("Ben Bruno", is_verified=False)
    await stage.call(
        "A session that only claims Ben's address, unverified",
        f"POST {ACCEPT}",
        by=claimed,
        token=invited.token,
        expect=403,
        state=lambda: stage.tell_state(invited),
    )
    await accept(stage, invited, title="Ben himself still gets in: wrong tries burn nothing")


async def let_it_expire(stage: Stage) -> None:
    """An expired link is dead"""
    invited = await stage.invite(stage.make_person("Eva Ender"))
    if stage.world.deployment.is_clock_ours:
        stage.world.clock.advance(_JUMP)
        stage.story.add("Seven days and a second pass (the demonstration's clock jumps)")
    else:
        await stage.world.deployment.runner.run(end_now, stage.tenant_id, invited)
        stage.story.add("Its time is up (the window is cut short: nobody can move PostgreSQL's clock)")
    await stage.refuse("Eva accepts", f"POST {ACCEPT}", by=invited.person, invited=invited)


async def revoke_it(stage: Stage) -> None:
    """A revoked link is dead"""
    invited = await stage.invite(stage.make_person("Rosa Rueda"))
    await stage.call(
        "Olivia revokes it",
        f"DELETE {INVITATION}",
        by=stage.owner,
        invitation_id=invited.invitation_id,
        expect=204,
        state=lambda: stage.tell_state(invited),
    )
    await stage.refuse("Rosa accepts", f"POST {ACCEPT}", by=invited.person, invited=invited)


async def resend_it(stage: Stage) -> None:
    """Sent again: the old link dies, the new one works"""
    nina = stage.make_person("Nina Nova")
    old = await stage.invite(nina)
    after = len(stage.world.mailbox.messages)
    await stage.call(
        "Olivia sends it again",
        f"POST {INVITATION}/resend",
        by=stage.owner,
        invitation_id=old.invitation_id,
        expect=200,
        state=lambda: stage.tell_state(old),
    )
    new = await stage.take_mail("The second mail arrives", old, after=after)
    await stage.refuse("Nina accepts by the first link", f"POST {ACCEPT}", by=nina, invited=old)
    await accept(stage, new, title="Nina accepts by the second")


async def supersede_it(stage: Stage) -> None:
    """Invited anew: the later invitation supersedes the earlier"""
    sam = stage.make_person("Sam Sato")
    old = await stage.invite(sam)
    new = await stage.invite(sam, title="Olivia invites the same address again; another mail arrives")
    await stage.refuse("Sam accepts by the first link", f"POST {ACCEPT}", by=sam, invited=old)
    await accept(stage, new, title="Sam accepts by the second")


async def scan_it(stage: Stage) -> None:
    """Link scanners change nothing"""
    invited = await stage.invite(stage.make_person("Iris Inbox"))
    statuses: set[int] = set()
    routes = ("/i/{token}", PREVIEW, "/invitation", ACCEPT)
    for number in range(_SCANS):
        path = routes[number % len(routes)].format(token=invited.token)
        method = "HEAD" if number % 3 == 0 else "GET"
        agent = {"user-agent": _SCANNERS[number % len(_SCANNERS)]}
        statuses.add((await stage.client.request(method, path, headers=agent)).status_code)
    told = f"answers {', '.join(str(status) for status in sorted(statuses))}"
    stage.story.add(
        f"Scanners follow every link, {_SCANS} times by GET and HEAD",
        state=f"{told}; {await stage.tell_state(invited)}",
        problem="a scanner met a server's error" if any(status >= 500 for status in statuses) else None,
    )
    await accept(stage, invited, title="Iris accepts after them")


async def suspend_the_tenant(stage: Stage) -> None:
    """A suspended tenant lets nobody in"""
    invited = await stage.invite(stage.make_person("Tara Tenor"))
    key = stage.world.platform_key
    await stage.call("The host suspends the tenant", f"POST {TENANT}/suspend", by=key, expect=200)
    await stage.refuse("Tara accepts", f"POST {ACCEPT}", by=invited.person, invited=invited)
    body = {"email": stage.make_person("Uma Ulm").email, "role": "member"}
    await stage.call("Olivia invites somebody", f"POST {INVITATIONS}", by=stage.owner, body=body, expect=423)
    await stage.call("The host resumes it", f"POST {TENANT}/resume", by=key, expect=200)
    await stage.refuse(
        "Tara accepts: what was revoked stays so", f"POST {ACCEPT}", by=invited.person, invited=invited
    )


async def compare_refusals(stage: Stage) -> None:
    """The refusal says nothing"""
    made_up = Invited(
        invitation_id="", person=stage.make_person("Gil Guess"), token=mint_claim_token().reveal()
    )
    await stage.refuse(
        "A token that was never given out",
        f"POST {ACCEPT}",
        by=made_up.person,
        invited=made_up,
        is_shown=False,
    )
    kinds = len(set(stage.refusals))
    stage.story.add(
        f"All {len(stage.refusals)} refusals so far, compared byte for byte",
        state="one status, one body, one set of headers" if kinds == 1 else f"{kinds} different answers",
        problem=None if kinds == 1 else "refusals can be told apart",
    )


CHAPTERS: Sequence[Chapter] = (
    walk_the_golden_path,
    forward_the_link,
    let_it_expire,
    revoke_it,
    resend_it,
    supersede_it,
    scan_it,
    suspend_the_tenant,
    compare_refusals,
)


async def accept(stage: Stage, invited: Invited, *, title: str | None = None) -> None:
    """The right person accepts, and is let in."""
    first = invited.person.name.split()[0]
    await stage.call(
        title or f"{first}, whose address the host has verified, accepts",
        f"POST {ACCEPT}",
        by=invited.person,
        token=invited.token,
        expect=204,
        state=lambda: stage.tell_state(invited),
    )


def end_now(uow: UnitOfWork, tenant_id: str, invited: Invited) -> None:
    """Cut the window of a pending invitation to nothing, with its link as it is: it expires by the database's
    own clock, only sooner. For the script alone: no action of the service shortens a life like this.
    """
    pending = uow.invitations.find(tenant_id, invited.invitation_id)
    if pending is None:
        raise LookupError("the invitation is not there")
    uow.invitations.renew(
        pending,
        lifetime=0,
        policy_version=pending.policy_version,
        claim_token_hash=parse_claim_token(invited.token).claim_token_hash,
    )
    uow.commit()  # allow: commit because the script changes its own row only

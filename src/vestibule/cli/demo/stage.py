# SPDX-License-Identifier: Apache-2.0
"""Where the script is played: people make requests, mails arrive, and what happens is written down."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx2

from vestibule.cli.demo.host import Host, Person
from vestibule.cli.demo.story import Story
from vestibule.cli.demo.world import World
from vestibule.core.token import mint_id
from vestibule.delivery.mailbox import ReceivedMail

TENANT = "/v1/tenants/{tenant_id}"
MEMBERS = TENANT + "/members"
INVITATIONS = TENANT + "/invitations"
INVITATION = INVITATIONS + "/{invitation_id}"
PREVIEW = "/v1/invitations/{token}"
ACCEPT = PREVIEW + "/accept"
TENANT_PREFIX = "demo-"
_LINK = re.compile(r"/i/([0-9A-Za-z_]+)")
_MAIL_SECONDS = 15
_TIMEOUT_SECONDS = 20
# What differs between any two answers, whatever they say.
_OWN_HEADERS = frozenset({"date", "x-request-id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A pending invitation and the token from its mail; never printed."""

    invitation_id: str
    person: Person
    token: str = field(repr=False)


class Stage:
    """One run of the script."""

    def __init__(self, world: World, host: Host, story: Story, client: httpx2.AsyncClient) -> None:
        self.world = world
        self.story = story
        self.client = client
        self._host = host
        self._run = mint_id()[:8]
        self.tenant_id = TENANT_PREFIX + self._run
        self.owner = self.make_person("Olivia Owner")
        # Whoever plays in more than one chapter, by first name.
        self.cast: dict[str, Person] = {}
        # (status, body, headers) of each refusal, without what is each answer's own.
        self.refusals: list[tuple[int, str, tuple[tuple[str, str], ...]]] = []

    def make_person(self, name: str, *, is_verified: bool = True) -> Person:
        """Somebody new; addresses are fresh in each run, so that a run can be repeated on one database."""
        first = name.partition(" ")[0].lower()
        return Person(
            principal_id=f"{first}-{self._run}",
            name=name,
            email=f"{first}@{self._run}.example",
            is_verified=is_verified,
        )

    @property
    def domain(self) -> str:
        """Where this run's people have their addresses."""
        return f"{self._run}.example"

    def is_clock_ours(self) -> bool:
        """Whether time can be moved; nobody moves PostgreSQL's clock."""
        return self.world.deployment.is_clock_ours

    def pass_time(self, title: str, by: timedelta) -> None:
        """It is so much later, for everybody."""
        self.world.clock.advance(by)
        self.story.add(f"{title} (the demonstration's clock jumps)")

    async def call(
        self,
        title: str,
        request: str,
        *,
        by: Person | str | None = None,
        body: Mapping[str, Any] | None = None,
        expect: int,
        state: Callable[[], Awaitable[str]] | None = None,
        **places: str,
    ) -> httpx2.Response:
        """One request, told with its answer and with the *state* that it left behind."""
        response = await self.send(request, by=by, body=body, **places)
        self.story.add(
            title,
            request=request,
            status=response.status_code,
            expected=expect,
            state=_name_code(response) if state is None else await state(),
        )
        return response

    async def refuse(
        self, title: str, request: str, *, by: Person | None, invited: Invited, is_shown: bool = True
    ) -> None:
        """A request that must get the refusal; its answer is kept, to be compared with all others."""
        response = await self.send(request, by=by, token=invited.token)
        headers = [(name, value) for name, value in response.headers.items() if name not in _OWN_HEADERS]
        text = re.sub(r'"request_id": ?"[^"]*"', "", response.text)
        self.refusals.append((response.status_code, text, tuple(sorted(headers))))
        self.story.add(
            title,
            request=request,
            status=response.status_code,
            expected=404,
            state=await self.tell_state(invited) if is_shown else _name_code(response),
        )

    async def send(
        self,
        request: str,
        *,
        by: Person | str | None = None,
        body: Mapping[str, Any] | None = None,
        **places: str,
    ) -> httpx2.Response:
        """The answer to ``METHOD /route/{place}``."""
        method, _, route = request.partition(" ")
        known = {"tenant_id": self.tenant_id, **places}
        path = route.format(**{name: quote(value, safe="") for name, value in known.items()})
        credential = self._host.vouch_for(by, self.world.public_url) if isinstance(by, Person) else by
        headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
        return await self.client.request(
            method, path, headers=headers, json=None if body is None else dict(body)
        )

    async def mail(self, title: str, *, to: str, subject: str, after: int = 0) -> ReceivedMail:
        """The mail that must come; told by its subject."""
        mail = await self.world.mailbox.wait_for(to=to, subject=subject, after=after, seconds=_MAIL_SECONDS)
        self.story.add(title, mail=mail.subject)
        return mail

    async def invite(
        self,
        person: Person,
        *,
        title: str | None = None,
        by: Person | None = None,
        role: str | None = "member",
        **asked: Any,
    ) -> Invited:
        """Somebody, or else the owner, invites *person*, and the mail arrives."""
        after = len(self.world.mailbox.messages)
        request = f"POST {INVITATIONS}"
        body = {"email": person.email, **({} if role is None else {"role": role}), **asked}
        response = await self.send(request, by=by or self.owner, body=body)
        answer = response.json()
        mail = await self.world.mailbox.wait_for(to=person.email, after=after, seconds=_MAIL_SECONDS)
        self.story.add(
            title or f"Olivia invites {person.name}; the mail arrives",
            request=request,
            status=response.status_code,
            expected=201,
            mail=mail.subject,
            state=f"invitation {answer['state']}",
        )
        return Invited(invitation_id=answer["invitation_id"], person=person, token=read_token(mail))

    async def take_mail(self, title: str, invited: Invited, *, after: int) -> Invited:
        """The same invitation with the token of its next mail."""
        mail = await self.mail(title, to=invited.person.email, subject="invited", after=after)
        return replace(invited, token=read_token(mail))

    async def tell_state(self, invited: Invited) -> str:
        """The invitation's state, as its tenant's owner sees it."""
        answer = await self.send(f"GET {INVITATION}", by=self.owner, invitation_id=invited.invitation_id)
        return f"invitation {answer.json().get('state', 'not to be seen')}"

    async def tell_members(self) -> str:
        """Who is a member now."""
        answer = await self.send(f"GET {MEMBERS}", by=self.owner)
        names = [f"{one['name'] or one['principal_id']} ({one['role']})" for one in answer.json()["items"]]
        return "members: " + ", ".join(names)


def make_client(world: World) -> httpx2.AsyncClient:
    """For the loopback: no proxy, no redirect that nobody asked for."""
    return httpx2.AsyncClient(base_url=world.public_url, timeout=_TIMEOUT_SECONDS, trust_env=False)


def read_token(mail: ReceivedMail) -> str:
    """The token in the mail's link.

    Raises:
        LookupError: the mail has no such link.
    """
    found = _LINK.search(mail.part())
    if found is None:
        raise LookupError("the mail has no link")
    return found[1]


def _name_code(response: httpx2.Response) -> str | None:
    """The stable code of a problem, and why."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    problem = response.json()
    detail = problem.get("detail")
    faults = [str(fault["detail"]) for fault in problem.get("errors", ())]
    why = " ".join(faults) or (str(detail) if detail and detail != problem.get("title") else "")
    return f"{problem.get('code')}: {why}" if why else str(problem.get("code"))

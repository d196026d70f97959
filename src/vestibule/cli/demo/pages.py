# SPDX-License-Identifier: Apache-2.0
"""The hosted path of the script: sign-up with the address locked, a code from a second mail, accept by form.

Forms are posted as a browser does, with its ``Origin``.
"""

from __future__ import annotations

import re

import httpx2

from vestibule.cli.demo.owner import mint_password
from vestibule.cli.demo.stage import Stage, make_client
from vestibule.delivery.mailbox import ReceivedMail

_CODE = re.compile(r"\b(\d{4}) (\d{4})\b")
_CLAIM_REF = re.compile(r'name="claim_ref" value="([0-9a-f]+)"')


async def walk_the_hosted_pages(stage: Stage) -> None:
    """The same by the hosted pages, as somebody new"""
    hana = stage.make_person("Hana Hosted")
    invited = await stage.invite(hana)
    async with make_client(stage.world) as client:
        visitor = _Visitor(stage, client)
        await visitor.get(
            "Hana opens the link; it moves out of the address bar", "/i/{token}", 303, token=invited.token
        )
        await visitor.get("She reads what it is about", "/invitation", 200, shows="Acme")
        await visitor.get("She signs up; the address is locked", "/sign-up", 200, shows="Locked")
        password = mint_password()
        after = len(stage.world.mailbox.messages)
        await visitor.post(
            "She gives a name and a password", "/sign-up", 303, name=hana.name, password=password
        )
        mail = await stage.mail(
            "A second mail brings a code", to=hana.email, subject="Your code", after=after
        )
        code = _read_code(mail)
        await visitor.post("A wrong code proves nothing", "/verify", 403, code=_spoil(code))
        await visitor.post("The right one does", "/verify", 303, code=code)
        page = await visitor.get("She reads what she accepts", "/invitation", 200, shows="Accept invitation")
        ref = _find(_CLAIM_REF, page.text)
        foreign = "https://elsewhere.example"
        await visitor.post(
            "Another site posts the form in her browser",
            "/invitation/accept",
            403,
            origin=foreign,
            claim_ref=ref,
        )
        await visitor.post("She accepts", "/invitation/accept", 303, claim_ref=ref)
        await visitor.get("She is told that she is in", "/invitation?joined=new", 200, shows="Acme")
    await stage.mail("Olivia hears of it", to=stage.owner.email, subject="was accepted", after=after)
    stage.story.add("And the tenant knows her", state=await stage.tell_members())


class _Visitor:
    """A browser, as far as the pages need one: cookies, forms, no script."""

    def __init__(self, stage: Stage, client: httpx2.AsyncClient) -> None:
        self._stage = stage
        self._client = client

    async def get(
        self, title: str, route: str, expect: int, *, shows: str = "", **places: str
    ) -> httpx2.Response:
        response = await self._client.get(route.format(**places))
        is_shown = shows in response.text
        self._tell(title, f"GET {route}", response, expect, None if is_shown else f"the page lacks “{shows}”")
        return response

    async def post(
        self, title: str, route: str, expect: int, *, origin: str | None = None, **fields: str
    ) -> None:
        headers = {"origin": origin or self._stage.world.public_url}
        response = await self._client.post(route, data=fields, headers=headers)
        self._tell(title, f"POST {route}", response, expect, None)

    def _tell(
        self, title: str, request: str, response: httpx2.Response, expect: int, problem: str | None
    ) -> None:
        to = response.headers.get("location")
        self._stage.story.add(
            title,
            request=request,
            status=response.status_code,
            expected=expect,
            state=f"goes on to {to}" if to else None,
            problem=problem,
        )


def _read_code(mail: ReceivedMail) -> str:
    found = _CODE.search(mail.part())
    if found is None:
        raise LookupError("the mail has no code")
    return found[1] + found[2]


def _spoil(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def _find(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise LookupError("the page lacks its form")
    return found[1]

# SPDX-License-Identifier: Apache-2.0
"""How a person signs in at each of the providers: in a browser, or step by step where a test looks between."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
from playwright.sync_api import Page

from tests.identity.providers import Provider

_ACTION = re.compile(r'<form[^>]*?action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_LEAVING = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


def consent(page: Page, provider: Provider, who: str) -> None:
    """The browser stands at the provider; *who* signs in there and agrees."""
    provider.know(who)
    if provider.name == "mock":
        page.fill("[name=sub]", who)
        page.click("button:has-text('Authorize')")
        return
    if page.locator("[name=login]").count():
        page.fill("[name=login]", who)
        page.fill("[name=password]", "any")
        page.click("button[type=submit]")
    if page.url.startswith(provider.issuer):
        # It asks once per person and client.
        page.click("button[type=submit]:has-text('Continue')")


def deny(page: Page, provider: Provider) -> None:
    """The browser stands at the provider; whoever it is does not agree."""
    page.click("button[value=deny]" if provider.name == "mock" else "text=Cancel")


class Agent:
    """A browser that follows nothing by itself: what goes over the wire is there to be changed."""

    def __init__(self, site_url: str) -> None:
        self.site_url = site_url
        self.client = httpx2.Client(timeout=20)

    def leave(self, connection_id: str, **fields: str) -> str:
        """Begin a sign-in; where the browser would go."""
        answer = self.client.post(
            f"{self.site_url}/sign-in/with/{connection_id}",
            data={"next": "/", **fields},
            headers={"sec-fetch-site": "same-origin"},
        )
        found = _LEAVING.search(answer.text)
        assert found is not None, answer.text
        return html.unescape(found[1])

    def sign_in_at(self, provider: Provider, url: str, who: str) -> str:
        """Sign in there and agree; the answer that the browser would bring back, not yet brought."""
        provider.know(who)
        if provider.name == "mock":
            return self._location(self.client.post(url, data={"sub": who}))
        answer = self.client.get(url)
        while True:
            if answer.is_redirect:
                target = self._location(answer)
                if target.startswith(self.site_url + "/sign-in/callback/"):
                    return target
                answer = self.client.get(target)
                continue
            action = _ACTION.search(answer.text)
            assert action is not None, answer.text
            fields = dict(_HIDDEN.findall(answer.text)) | {"login": who, "password": "any"}
            answer = self.client.post(urljoin(str(answer.url), html.unescape(action[1])), data=fields)

    def bring(self, answer_url: str) -> httpx2.Response:
        """Bring an answer back to us."""
        return self.client.get(answer_url)

    @property
    def is_signed_in(self) -> bool:
        return "Signed in as" in self.client.get(self.site_url + "/").text

    def _location(self, answer: httpx2.Response) -> str:
        assert answer.is_redirect, answer.text
        return urljoin(str(answer.url), answer.headers["location"])


def changed(url: str, **changes: str | None) -> str:
    """*url* with these members of its query set, or taken out."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    query = {name: value for name, value in query.items() if name not in changes}
    query |= {name: value for name, value in changes.items() if value is not None}
    return parts._replace(query=urlencode(query)).geturl()

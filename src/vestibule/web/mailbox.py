# SPDX-License-Identifier: Apache-2.0
"""The development mailbox in a browser: a list, one mail, and its HTML part in a sandbox.

It shows working links and codes to whoever asks, so it answers on the loopback's names only (a page of
elsewhere can't reach it through a name of its own) and ``demo`` alone starts it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

_HERE = Path(__file__).parent
_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
_SAFE = {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff", "cache-control": "no-store"}
_PAGE_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; frame-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_PART_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "frame-ancestors 'self'; base-uri 'none'"
)
_LINK = re.compile(r"https?://[^\s<>\"]+")


class KeptMail(Protocol):
    """One mail as ``delivery.mailbox`` keeps it."""

    @property
    def index(self) -> int: ...

    @property
    def received_at(self) -> datetime: ...

    @property
    def envelope_to(self) -> tuple[str, ...]: ...

    @property
    def message(self) -> EmailMessage: ...

    @property
    def subject(self) -> str: ...

    def part(self, subtype: str = "plain") -> str: ...


class MailStore(Protocol):
    """Where the mails are."""

    @property
    def messages(self) -> Sequence[KeptMail]: ...


def make_mailbox_app(store: MailStore) -> ASGIApp:
    """The mailbox as one ASGI application."""
    view = _View(store)
    return Starlette(
        routes=[
            Route("/", view.show_list, methods=["GET"]),
            Route("/messages/{index:int}", view.show_message, methods=["GET"]),
            Route("/messages/{index:int}/html", view.show_html, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_HERE / "static"), name="static"),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False)],
    )


class _View:
    def __init__(self, store: MailStore) -> None:
        self._store = store
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    async def show_list(self, _request: Request) -> Response:
        shown = [
            {
                "url": f"/messages/{mail.index}",
                "to": ", ".join(mail.envelope_to),
                "subject": mail.subject,
                "received_text": _format(mail.received_at),
            }
            for mail in reversed(self._store.messages)
        ]
        return self._render("mailbox.html", messages=shown)

    async def show_message(self, request: Request) -> Response:
        mail = self._get(request)
        text = mail.part()
        return self._render(
            "mailbox_message.html",
            mailbox_url="/",
            to=", ".join(mail.envelope_to),
            from_=str(mail.message["From"] or ""),
            subject=mail.subject,
            received_text=_format(mail.received_at),
            text=text,
            html_url=f"/messages/{mail.index}/html" if mail.part("html") else None,
            links=list(dict.fromkeys(found.rstrip(".,;)") for found in _LINK.findall(text))),
        )

    async def show_html(self, request: Request) -> Response:
        mail = self._get(request)
        headers = {**_SAFE, "content-security-policy": _PART_CSP}
        return HTMLResponse(mail.part("html"), headers=headers)

    def _get(self, request: Request) -> KeptMail:
        wanted = request.path_params["index"]
        for mail in self._store.messages:
            if mail.index == wanted:
                return mail
        raise HTTPException(404)

    def _render(self, template: str, **values: Any) -> HTMLResponse:
        body = self._environment.get_template(template).render(values)
        return HTMLResponse(body, headers={**_SAFE, "content-security-policy": _PAGE_CSP})


def _format(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"

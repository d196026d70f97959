# SPDX-License-Identifier: Apache-2.0
"""The development mailbox in a browser: newest first, links to click, foreign HTML in a sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage

import anyio
import httpx2
import pytest

from vestibule.delivery.mailbox import ReceivedMail
from vestibule.web.mailbox import make_mailbox_app

BASE = "http://127.0.0.1:8025"
LINK = "http://127.0.0.1:8080/i/vst_sample"
HOSTILE = "<script>alert(1)</script>"


@dataclass
class Store:
    messages: Sequence[ReceivedMail] = field(default_factory=list)


def _make_mail(index: int, subject: str, *, html: str | None = "<p>Hello</p>") -> ReceivedMail:
    message = EmailMessage()
    message["From"] = "Vestibule <invitations@vestibule.example>"
    message["To"] = "vera@example.com"
    message["Subject"] = subject
    message.set_content(f"Hello {HOSTILE},\n\n{LINK}.\njavascript:alert(1)\n{LINK}\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return ReceivedMail(
        index=index,
        received_at=datetime(2026, 1, 5, 9, 7, 3, tzinfo=UTC),
        envelope_from="invitations@vestibule.example",
        envelope_to=("vera@example.com",),
        message=message,
    )


def _get(store: Store, path: str, *, base: str = BASE, method: str = "GET") -> httpx2.Response:
    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=make_mailbox_app(store))
        async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
            return await client.request(method, path)

    return anyio.run(ask)


@pytest.mark.covers("INT-03")
def test_the_list_shows_the_newest_first_with_its_time() -> None:
    page = _get(Store([_make_mail(1, "First"), _make_mail(2, f"Second {HOSTILE}")]), "/")
    assert page.status_code == 200
    assert page.text.index("Second") < page.text.index("First")
    assert HOSTILE not in page.text
    assert "5 Jan 2026, 09:07:03 UTC" in page.text
    assert _get(Store(), "/").text.count("No mail yet") == 1


@pytest.mark.covers("G01")
def test_G01_a_mail_shows_its_text_and_links_and_runs_nothing() -> None:
    store = Store([_make_mail(7, "Hello", html=f"<p>{HOSTILE}</p>")])
    page = _get(store, "/messages/7")
    assert page.text.count(f'href="{LINK}"') == 1
    assert 'href="javascript:' not in page.text
    assert HOSTILE not in page.text
    assert '<iframe class="mail-frame" sandbox src="/messages/7/html"' in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    part = _get(store, "/messages/7/html")
    assert part.text.strip() == f"<p>{HOSTILE}</p>"
    assert part.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    for answer in (page, part):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_mail_without_html_has_no_frame_and_a_mail_that_is_gone_is_missing() -> None:
    store = Store([_make_mail(1, "Plain", html=None)])
    assert "<iframe" not in _get(store, "/messages/1").text
    assert _get(store, "/messages/2").status_code == 404
    assert _get(store, "/messages/one").status_code == 404
    assert _get(store, "/", method="POST").status_code == 405
    assert _get(store, "/static/vestibule.css").status_code == 200


def test_the_mailbox_answers_on_the_loopbacks_names_only() -> None:
    store = Store([_make_mail(1, "Hello")])
    assert _get(store, "/", base="http://localhost:8025").status_code == 200
    assert _get(store, "/", base="http://rebound.example:8025").status_code == 400

# SPDX-License-Identifier: Apache-2.0
"""An anonymous event in a real browser: invited, accepted, a code made there, redeemed elsewhere by nobody."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page

from tests.pages.conftest import NewPage, Visit, sign_in
from tests.pages.site import LocalAccount, Site
from vestibule.web.pages.anonymity import SCRIPTS, hash_script


@pytest.fixture
def scripted(browser: Browser) -> Iterator[NewPage]:
    """Browsers of their own, with JavaScript."""
    contexts = []

    def make() -> Page:
        context = browser.new_context()
        context.set_default_timeout(60_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def hold(page: Page, *, crowd: int = 2) -> str:
    """Fill the form of the screen; the id of the event that stands there then."""
    page.fill("[name=name]", "Works council vote")
    page.fill("[name=closes_at]", (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M"))
    page.fill("[name=min_set_size]", str(crowd))
    page.click("button:has-text('Create the event')")
    found = re.search(r"anonymous:([0-9a-f-]{36})", page.content())
    assert found is not None
    return found[1]


@pytest.mark.covers("TOK-07", "INT-06", "W06")
def test_from_the_invitation_to_a_redemption_by_nobody(
    site: Site, new_page: NewPage, scripted: NewPage
) -> None:
    owner, guest, other = (site.add_account(name) for name in ("Olivia", "Gina", "Otto"))
    tenant_id = site.add_tenant(owner)
    office = new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings/anonymous")
    event_id = hold(office)
    for who in (guest, other):
        office.goto(f"{site.url}/tenants/{tenant_id}/settings")
        office.fill("[name=email]", who.address)
        office.select_option("[name=role]", "member")
        select_grant(office, event_id)
        office.click("button:has-text('Invite')")
    codes = [make_code(site, scripted(), who, tenant_id, event_id) for who in (guest, other)]
    assert len(set(codes)) == 2
    redeemer = scripted()
    sent: list[str] = []
    redeemer.on("request", lambda request: sent.append(request.url))
    redeemer.goto(f"{site.url}/anonymous/{event_id}/redeem#{codes[0]}")
    assert redeemer.input_value("#code") == codes[0]
    assert redeemer.url.endswith("/redeem")
    redeemer.click("button:has-text('Redeem')")
    redeemer.wait_for_selector("text=Redeemed. Your code has been counted")
    assert all(codes[0] not in url for url in sent)
    again = new_page()
    again.goto(f"{site.url}/anonymous/{event_id}/redeem")
    again.fill("#code", codes[0])
    again.click("button:has-text('Redeem')")
    assert "no code of this event, or it was redeemed before" in again.inner_text("main")
    again.fill("#code", codes[1])
    again.click("button:has-text('Redeem')")
    assert "Redeemed. Your code has been counted" in again.inner_text("main")
    office.goto(f"{site.url}/tenants/{tenant_id}/settings/anonymous")
    assert "2 issued, 2 redeemed" in office.inner_text("main")


def select_grant(page: Page, event_id: str) -> None:
    """The event stands among the resources of the form for inviting."""
    page.locator("form details:not([open]) > summary").first.click()
    page.select_option(f"[name='grant:anonymous:{event_id}']", "member")


def make_code(site: Site, page: Page, who: LocalAccount, tenant_id: str, event_id: str) -> str:
    """Accepted from the mail's link, made in this browser."""
    address = who.address
    mail = site.wait_for_mail(address, "invite").part("plain")
    sign_in(page, site, who)
    page.goto(site.find_link(address))
    page.click("text=Accept invitation")
    page.click("a:has-text('Get your code')")
    shown = page.get_attribute("#anonymous", "data-thumbprint")
    assert shown is not None
    assert shown in mail
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.click("#make")
    page.wait_for_selector("#result:visible")
    code = page.input_value("#code")
    assert re.fullmatch(r"vsa_[A-Za-z0-9_-]{555}", code)
    assert page.input_value("#redeem-link") == f"{site.url}/anonymous/{event_id}/redeem#{code}"
    assert page.evaluate("document.getElementById('qr').width > 20")
    assert [url.replace(site.url, "") for url in asked if "/v1/" in url] == [
        f"/v1/tenants/{tenant_id}/anonymous-events/{event_id}/sign"
    ]
    stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]
    page.reload()
    assert "You have had your code" in page.inner_text("main")
    return code


@pytest.mark.covers("TOK-07", "INT-06")
def test_without_a_script_the_page_says_why_it_needs_one_and_redeeming_needs_none(
    site: Site, new_page: NewPage, visit: Visit
) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    office = new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings/anonymous")
    event_id = hold(office)
    plain = new_page()
    plain.goto(f"{site.url}/anonymous/{event_id}/redeem")
    assert "Who redeemed which code" in plain.inner_text("main")
    plain.fill("#code", "vsa_" + "A" * 555)
    plain.click("button:has-text('Redeem')")
    assert "no code of this event" in plain.inner_text("main")
    signed_in = visit(owner).post(f"/anonymous/{event_id}/redeem", data={"code": "vsa_" + "A" * 555})
    assert signed_in.status_code == 403
    assert "private window" in signed_in.text
    assert "Signed in as" not in signed_in.text
    assert "JavaScript" in (SCRIPTS.parents[1] / "templates" / "anonymous_code.html").read_text()


@pytest.mark.covers("TOK-07")
def test_the_screen_says_what_is_wrong_and_closes_for_good(site: Site, new_page: NewPage) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    office = new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings/anonymous")
    office.fill("[name=name]", "Vote")
    office.fill("[name=closes_at]", "2020-01-01T00:00")
    office.click("button:has-text('Create the event')")
    assert "Give a time within" in office.inner_text("main")
    assert office.input_value("[name=name]") == "Vote"
    event_id = hold(office)
    office.click("button:has-text('Close for good')")
    assert "No code of it counts any more" in office.inner_text("main")
    plain = new_page()
    plain.goto(f"{site.url}/anonymous/{event_id}/redeem")
    assert "This event is over" in plain.inner_text("main")


@pytest.mark.covers("TOK-07", "W06")
def test_only_the_scripts_of_these_pages_may_run_and_each_has_its_hash(
    site: Site, new_page: NewPage, visit: Visit
) -> None:
    owner = site.add_account("Olivia")
    office = new_page()
    sign_in(office, site, owner, f"/tenants/{site.add_tenant(owner)}/settings/anonymous")
    answer = visit().get(f"/anonymous/{hold(office)}/redeem")
    policy = answer.headers["content-security-policy"]
    assert f"script-src {site.url}/static/anonymous/;" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    hashes = dict(re.findall(r'(?:src|href)="/static/anonymous/([^"]+)" integrity="([^"]+)"', answer.text))
    assert hashes == {name: hash_script(name) for name in ("coding.js", "redeem.js")}


# SHA-256 of the files as `npm pack` brings them.
VENDORED = {
    "blindrsa.js": "a9d273fc483e9fcb0ff9133a04b7932119d54d20dc9330d05438222d68381d11",
    "util.js": "23188db3f68c0113d09d6e1d83a83e69291fe04e143fe25cb70c03f32db3e2f4",
    "sjcl/index.js": "ca27205dc5d5c828459a83c3a04167f0d30d72e2127cc16c0587964e0ccb8bc4",
    "lean-qr.mjs": "0ce41cd6f92cc23cf057a1df7e1b3876767d678665dd65af4e1d22b4fad967dc",
}


@pytest.mark.covers("TOK-07")
def test_what_is_vendored_is_what_was_published(visit: Visit) -> None:
    found = {name: hashlib.sha256((SCRIPTS / name).read_bytes()).hexdigest() for name in VENDORED}
    assert found == VENDORED
    for name in VENDORED:
        answer = visit().get(f"/static/anonymous/{name}")
        assert answer.headers["content-type"].startswith(("text/javascript", "application/javascript"))

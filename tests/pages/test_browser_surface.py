# SPDX-License-Identifier: Apache-2.0
"""What pages may and may not do in a browser: origins, referrers, frames, other sites' forms (ATTACKS W)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page

from tests.pages.conftest import NewPage, sign_in
from tests.pages.site import PASSWORD, Site

_FORM = {"content-type": "application/x-www-form-urlencoded"}


def _invite(page: Page, address: str) -> str:
    page.fill("[name=email]", address)
    page.check("[value=link]")
    page.click("button:has-text('Invite')")
    return page.input_value("#fresh-link")


@pytest.fixture
def office(site: Site, new_page: NewPage) -> Page:
    owner = site.add_account("Olivia")
    page = new_page()
    sign_in(page, site, owner, f"/tenants/{site.add_tenant(owner)}/settings")
    return page


@pytest.mark.covers("B04", "W02", "W06", "INT-06")
def test_a_page_asks_nothing_of_other_origins_and_tells_no_referrer(
    site: Site, office: Page, new_page: NewPage
) -> None:
    link = _invite(office, site.new_address())
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(link)
    assert answer is not None
    assert all(url.startswith(site.url) for url in asked)
    assert link.rpartition("/")[2] not in page.url
    headers = answer.headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.covers("W01", "W04")
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
)
def test_W01_a_form_from_another_site_is_refused_and_our_own_is_not(
    site: Site, office: Page, headers: dict[str, str]
) -> None:
    cookies = {cookie["name"]: cookie["value"] for cookie in office.context.cookies()}
    road = office.url.partition("?")[0] + "/invitations"
    form = {"email": site.new_address(), "role": "member", "deliver": "email"}
    with httpx2.Client(cookies=cookies) as client:
        refused = client.post(road, data=form, headers=headers)
        assert refused.status_code == 403
        accepted = client.post(road, data=form, headers={"sec-fetch-site": "same-origin"})
        assert accepted.status_code == 303


@pytest.mark.covers("W03")
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/..//evil.example",
        "",
    ],
)
def test_W03_after_signing_in_one_stays_here(site: Site, target: str) -> None:
    who = site.add_account("Vera")
    form = {"email": who.address, "password": PASSWORD, "next": target}
    with httpx2.Client() as client:
        ours = {"sec-fetch-site": "same-origin"}
        assert client.post(f"{site.url}/sign-in", data=form, headers=ours).headers["location"] == "/"
        form["next"] = "/invitation"
        answer = client.post(f"{site.url}/sign-in", data=form, headers=ours)
        assert answer.headers["location"] == "/invitation"


@pytest.mark.covers("W05", "G01", "G14")
def test_W05_names_and_messages_are_shown_as_text(site: Site, new_page: NewPage) -> None:
    owner = site.add_account("Olivia")
    name = "<b>x</b><img src=x> {{7*7}}"
    tenant_id = site.add_tenant(owner, name)
    page, visitor = new_page(), new_page()
    sign_in(page, site, owner, f"/tenants/{tenant_id}/settings")
    link = _invite(page, site.new_address())
    visitor.goto(link)
    for seen in (page, visitor):
        assert name in seen.inner_text("main")
        assert seen.locator("main b, main img[src=x]").count() == 0


@pytest.mark.covers("A02", "G10", "G11", "ACC-01", "ACC-02")
def test_a_scanner_that_opens_the_page_and_presses_every_button_changes_nothing(
    site: Site, office: Page, new_page: NewPage
) -> None:
    invited = site.add_account("Vera")
    link = _invite(office, invited.address)
    scanner = new_page()
    for _ in range(3):
        scanner.goto(link)
        for index in range(scanner.locator("main a, main button").count()):
            scanner.goto(link)
            scanner.locator("main a, main button").nth(index).click()
    with httpx2.Client() as client:
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.request(method, link).status_code in (303, 405)
        bare = client.post(
            f"{site.url}/invitation/accept", data={}, headers={"sec-fetch-site": "same-origin"}
        )
        assert bare.headers["location"].startswith("/sign-in")
    person = new_page()
    sign_in(person, site, invited)
    person.goto(link)
    person.click("text=Accept invitation")
    assert "You’re in" in person.inner_text("main")


@pytest.mark.covers("D10")
def test_D10_a_button_of_one_invitations_page_never_accepts_another(
    site: Site, office: Page, new_page: NewPage
) -> None:
    owner, invited = site.add_account("Otto"), site.add_account("Vera")
    other = new_page()
    sign_in(other, site, owner, f"/tenants/{site.add_tenant(owner, 'Other')}/settings")
    first, second = _invite(office, invited.address), _invite(other, invited.address)
    page = new_page()
    sign_in(page, site, invited)
    page.goto(first)
    later = page.context.new_page()
    later.goto(second)
    page.click("text=Accept invitation")
    assert "You’re in" not in page.inner_text("main")
    assert "Other" in page.inner_text("main"), "the page now shows what its button would accept"
    page.click("text=Accept invitation")
    assert "Other" in page.inner_text("main")
    assert "You’re in" in page.inner_text("main")


@pytest.mark.covers("A08", "N03")
def test_A08_signing_up_for_an_address_with_an_account_looks_the_same_and_changes_nothing(
    site: Site, office: Page, new_page: NewPage
) -> None:
    invited, fresh = site.add_account("Vera"), site.new_address()
    pages = []
    for address in (invited.address, fresh):
        page = new_page()
        page.goto(_invite(office, address))
        page.click("text=Create an account")
        page.fill("[name=name]", "Mallory")
        page.fill("[name=password]", "the password of an attacker")
        page.click("main button")
        pages.append(page.inner_text("main").replace(address[0] + "***", "?***"))
        page.close()
    assert pages[0] == pages[1]
    assert site.wait_for_mail(invited.address, "account").part("plain")
    assert site.find_code(fresh)
    page = new_page()
    sign_in(page, site, invited)
    assert "Vera" in page.inner_text("main"), "the old password still is the password"


@pytest.mark.covers("A14", "B19")
def test_A14_a_code_works_once_in_the_browser_that_asked_and_signing_in_ends_the_session_before(
    site: Site, office: Page, new_page: NewPage
) -> None:
    address = site.new_address()
    page, thief = new_page(), new_page()
    link = _invite(office, address)
    page.goto(link)
    page.click("text=Create an account")
    page.fill("[name=name]", "Vera")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    code = site.find_code(address)
    ours = {"sec-fetch-site": "same-origin"}
    with httpx2.Client() as client:
        stolen = client.post(f"{site.url}/verify", data={"code": code}, headers=ours)
        assert stolen.status_code == 403
    page.fill("[name=code]", code)
    page.click("text=Confirm address")
    assert "Accept invitation" in page.inner_text("main")
    secret = {c["name"]: c["value"] for c in page.context.cookies()}["vestibule-session"]
    page.goto(f"{site.url}/")
    page.click("text=Sign out")
    with httpx2.Client(cookies={"vestibule-session": secret}) as client:
        assert "Sign in" in client.get(f"{site.url}/").text, "a session ended is ended on the server"
    thief.close()


def test_a_page_that_is_not_there_is_a_page(site: Site) -> None:
    with httpx2.Client() as client:
        missing = client.get(f"{site.url}/nope")
        assert missing.status_code == 404
        assert "There is nothing here" in missing.text
        assert (
            client.post(
                f"{site.url}/sign-in", content=b"{}", headers={"sec-fetch-site": "same-origin"}
            ).status_code
            < 500
        )
        wrong = client.post(f"{site.url}/nope", data={}, headers=_FORM | {"sec-fetch-site": "same-origin"})
        assert wrong.status_code == 404


@pytest.mark.covers("B17", "K09")
def test_a_form_that_is_too_large_is_told_so_and_a_smaller_one_is_read(site: Site) -> None:
    ours = {"sec-fetch-site": "same-origin"}
    with httpx2.Client() as client:
        large = client.post(f"{site.url}/sign-in", data={"email": "x" * 100_000}, headers=ours)
        assert large.status_code == 413

        def drip() -> Iterator[bytes]:
            yield b"email="
            for _ in range(100):
                yield b"x" * 1000

        chunked = client.post(f"{site.url}/sign-in", content=drip(), headers=ours | _FORM)
        assert chunked.status_code == 413
        assert client.post(f"{site.url}/sign-in", data={"email": "x"}, headers=ours).status_code == 403


def test_what_fails_inside_is_a_page_with_a_reference_and_nothing_of_the_cause(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret cause")

    monkeypatch.setattr("vestibule.web.pages.home.list_own_memberships", fail)
    who = site.add_account("Vera")
    with httpx2.Client() as client:
        form = {"email": who.address, "password": PASSWORD, "next": "/"}
        client.post(f"{site.url}/sign-in", data=form, headers={"sec-fetch-site": "same-origin"})
        answer = client.get(f"{site.url}/")
    assert answer.status_code == 500
    assert "secret cause" not in answer.text
    assert answer.headers["x-request-id"] in answer.text

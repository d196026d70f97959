# SPDX-License-Identifier: Apache-2.0
"""The path that everything is for, in a browser without JavaScript, on both engines."""

from __future__ import annotations

import pytest

from tests.pages.conftest import NewPage, sign_in
from tests.pages.site import PASSWORD, Site


@pytest.fixture(params=["sqlite", "postgresql"])
def either_site(request: pytest.FixtureRequest) -> Site:
    name = "site" if request.param == "sqlite" else "postgresql_site"
    found: Site = request.getfixturevalue(name)
    return found


@pytest.mark.covers("ISS-01", "ACC-04", "ACC-06", "ACC-11", "ACC-14", "ACC-17", "INT-06", "INT-04")
def test_somebody_new_is_invited_signs_up_verifies_accepts_and_is_seen_among_the_members(
    either_site: Site, new_page: NewPage
) -> None:
    site = either_site
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    invited = site.new_address()
    office, visitor = new_page(), new_page()

    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings")
    office.fill("[name=email]", invited)
    office.select_option("[name=role]", "member")
    office.click("button:has-text('Invite')")
    assert "on its way" in office.inner_text("main")
    assert invited in office.inner_text("main")

    visitor.goto(site.find_link(invited))
    assert visitor.url == f"{site.url}/invitation", "the token has left the address bar"
    shown = visitor.inner_text("main")
    assert "Acme" in shown
    assert "member" in shown
    assert "Olivia" in shown
    assert "UTC" in shown
    assert invited not in visitor.content(), "whoever holds the link sees a hint of the address, no more"

    visitor.click("text=Create an account")
    visitor.fill("[name=name]", "Vera")
    visitor.fill("[name=password]", PASSWORD)
    visitor.click("main button")
    visitor.fill("[name=code]", site.find_code(invited))
    visitor.click("text=Confirm address")
    assert invited in visitor.inner_text("main"), "what is accepted, and as whom, is on the page"
    visitor.click("text=Accept invitation")
    assert "You’re in" in visitor.inner_text("main")
    visitor.click("text=See the members")
    assert "Vera" in visitor.inner_text("table")

    visitor.goto(site.find_link(invited))
    assert "already a member" in visitor.inner_text("main")
    office.goto(f"{site.url}/tenants/{tenant_id}/settings")
    assert "Vera" in office.inner_text("main")
    notice = site.wait_for_mail(owner.address, "accepted")
    assert "Vera" in notice.part("plain")


@pytest.mark.covers("ACC-12", "A01", "ACC-15")
def test_signed_in_as_somebody_else_one_may_switch_or_ask_and_consumes_nothing(
    site: Site, new_page: NewPage
) -> None:
    owner, stranger, invited = (site.add_account(name) for name in ("Olivia", "Xenia", "Vera"))
    tenant_id = site.add_tenant(owner)
    office, page = new_page(), new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings")
    office.fill("[name=email]", invited.address)
    office.check("[value=link]")
    office.click("button:has-text('Invite')")
    link = office.input_value("#fresh-link")

    sign_in(page, site, stranger)
    page.goto(link)
    assert "signed in with another address" in page.inner_text("main")
    assert page.locator("text=Accept invitation").count() == 0
    page.click("text=Ask for an invitation")
    assert "noted" in page.inner_text("main")
    assert site.wait_for_mail(owner.address, "").part("plain")

    page.goto(link)
    page.click("text=Switch account")
    page.fill("[name=email]", invited.address)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.click("text=Decline invitation")
    assert "declined" in page.inner_text("main")
    assert "declined" in site.wait_for_mail(owner.address, "declined").part("plain")
    page.goto(link)
    assert "no longer valid" in page.inner_text("main")


@pytest.mark.covers("TOK-06")
def test_an_invitation_is_found_and_accepted_on_the_start_page_without_any_link(
    site: Site, new_page: NewPage
) -> None:
    owner, invited = site.add_account("Olivia"), site.add_account("Vera")
    tenant_id = site.add_tenant(owner, "Globex")
    office, page = new_page(), new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings")
    office.fill("[name=email]", invited.address)
    office.click("button:has-text('Invite')")

    sign_in(page, site, invited)
    assert "Globex" in page.inner_text("main")
    page.click("main button:has-text('Accept')")
    assert "Your membership has begun" in page.inner_text("main")
    page.goto(site.url)
    assert "Nothing is waiting" in page.inner_text("main")
    assert "Globex" in page.inner_text("main")


@pytest.mark.covers("ISS-12", "ISS-13", "LIF-02", "TEN-01", "AUD-04", "B13", "E08")
def test_the_settings_screen_resends_hands_out_a_link_revokes_and_removes(
    site: Site, new_page: NewPage
) -> None:
    owner, member = site.add_account("Olivia"), site.add_account("Mallory")
    tenant_id = site.add_tenant(owner)
    site.add_member(tenant_id, member, "member")
    screen = f"{site.url}/tenants/{tenant_id}/settings"
    office, visitor = new_page(), new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings")
    invited = site.new_address()
    office.fill("[name=email]", invited)
    office.click("button:has-text('Invite')")
    first = site.find_link(invited)
    office.click("button:has-text('Fresh link')")
    second = office.input_value("#fresh-link")
    visitor.goto(first)
    assert "no longer valid" in visitor.inner_text("main"), "the old link died with the new one"
    visitor.goto(second)
    assert "Acme" in visitor.inner_text("main")
    office.goto(screen)
    assert second not in office.content(), "a link is shown once"
    office.click("button:has-text('Resend')")
    assert "wait" in office.inner_text("main")
    office.click("a.btn-text-danger:has-text('Revoke')")
    office.click("main button.btn-danger")
    visitor.goto(second)
    assert "no longer valid" in visitor.inner_text("main")
    office.click(f"tr:has-text('{member.address}') >> a.btn-text-danger:has-text('Remove')")
    office.click("main button.btn-danger")
    assert member.address not in office.inner_text("main")

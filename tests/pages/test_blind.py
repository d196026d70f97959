# SPDX-License-Identifier: Apache-2.0
"""The pages of a tenant that keeps no addresses: whoever needs one types it again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.pages.conftest import NewPage, sign_in
from tests.pages.site import PASSWORD, Site


@pytest.mark.covers("TOK-08", "ISS-12", "ACC-04", "ACC-11")
def test_somebody_new_gets_in_while_no_page_of_the_office_shows_the_address(
    postgresql_site: Site, new_page: NewPage
) -> None:
    site = postgresql_site
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    site.put_policy(tenant_id, address_storage="blind", resend_cooldown=0)
    settings = f"{site.url}/tenants/{tenant_id}/settings"
    invited, other = site.new_address(), site.new_address()
    office, visitor, mallory = new_page(), new_page(), new_page()

    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings")
    office.fill("[name=email]", invited)
    office.select_option("[name=role]", "member")
    office.click("button:has-text('Invite')")
    first = site.find_link(invited)
    _reload_until_sent(office, settings)
    assert "Address not kept" in office.inner_text("main")
    assert invited not in office.content()

    for typed, told in ((other, "another address"), (invited, "")):
        office.fill("td.do [name=email]", typed)
        office.click("td.do button:has-text('Resend')")
        assert told in office.inner_text("main")
    office.wait_for_timeout(1)
    while (link := site.find_link(invited)) == first:
        office.wait_for_timeout(20)
    office.goto(settings)
    office.click("text=Correct")
    assert "Address not kept" in office.inner_text("main")
    assert office.input_value("[name=email]") == ""
    assert "unknown.invalid" not in office.content()

    sign_in(mallory, site, site.add_account("Mallory"))
    mallory.goto(link)
    assert "an address that is not kept" in mallory.inner_text("main")
    assert "can’t be accepted from here" in mallory.inner_text("main")

    visitor.goto(link)
    assert "an address that is not kept" in visitor.inner_text("main")
    visitor.click("text=Create an account")
    for typed in (other, invited):
        visitor.fill("[name=email]", typed)
        visitor.fill("[name=name]", "Vera")
        visitor.fill("[name=password]", PASSWORD)
        visitor.click("main button")
        if typed == other:
            assert "the address that this invitation was sent to" in visitor.inner_text("main")
            assert site.mailbox.find(to=other, subject="code") is None
    visitor.fill("[name=code]", site.find_code(invited))
    visitor.click("text=Confirm address")
    visitor.click("text=Accept invitation")
    assert "You’re in" in visitor.inner_text("main")
    office.goto(settings)
    assert "Vera" in office.inner_text("main")
    assert invited not in office.content()
    office.goto(f"{settings}?state=accepted")
    assert "Address not kept" in office.inner_text("main")


def _reload_until_sent(office: Page, url: str) -> None:
    for _ in range(200):
        office.goto(url)
        if "Address not kept" in office.inner_text("main"):
            return
    raise AssertionError

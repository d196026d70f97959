# SPDX-License-Identifier: Apache-2.0
"""The start page of somebody whose address is at a tenant's proved domain, without JavaScript."""

from __future__ import annotations

import httpx2
import pytest

from tests.pages.conftest import NewPage, sign_in
from tests.pages.site import PASSWORD, Site
from vestibule.core.domain import Rung


@pytest.mark.covers("TEN-03", "INT-06", "INT-04")
def test_somebody_of_a_proved_domain_is_told_and_joins_by_one_click(site: Site, new_page: NewPage) -> None:
    tenant_id = site.add_tenant(site.add_account("Olivia"), "Open House")
    domain = f"{tenant_id}.example"
    site.open_domain(tenant_id, domain, Rung.AUTO_JOIN)
    ann, eve = site.add_account("Ann", domain), site.add_account("Eve", f"evil{domain}")
    page = new_page()
    sign_in(page, site, ann, "/")
    assert "Open House" in page.inner_text("main")
    assert domain in page.inner_text("main")
    page.click("button:has-text('Join')")
    assert "You’re in" in page.inner_text("main")
    assert "Ann" in page.inner_text("table")
    page.goto(site.url)
    assert page.query_selector("#doors") is None
    other = new_page()
    sign_in(other, site, eve, "/")
    assert "Open House" not in other.inner_text("main")


@pytest.mark.covers("TEN-04", "N07", "INT-06")
def test_somebody_asks_and_is_told_nothing_but_that_others_decide(site: Site, new_page: NewPage) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner, "Asked House")
    domain = f"{tenant_id}.example"
    site.open_domain(tenant_id, domain, Rung.REQUEST)
    page = new_page()
    sign_in(page, site, site.add_account("Ann", domain), "/")
    page.click("button:has-text('Ask to join')")
    assert "They decide" in page.inner_text("main")
    mail = site.wait_for_mail(owner.address, "asks to join")
    assert "/settings" in mail.part()


@pytest.mark.covers("TEN-04", "INT-04")
def test_an_administrator_lets_one_in_and_refuses_another(site: Site, new_page: NewPage) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner, "Asked House")
    domain = f"{tenant_id}.example"
    site.open_domain(tenant_id, domain, Rung.REQUEST)
    ann, bob = site.add_account("Ann", domain), site.add_account("Bob", domain)
    for who in (ann, bob):
        page = new_page()
        sign_in(page, site, who, "/")
        page.click("button:has-text('Ask to join')")
    office = new_page()
    sign_in(office, site, owner, f"/tenants/{tenant_id}/settings")
    office.click(f"li:has-text('{bob.address}') >> button:has-text('Refuse')")
    assert "told nothing" in office.inner_text("main")
    office.click(f"li:has-text('{ann.address}') >> button:has-text('Let in')")
    assert "on its way" in office.inner_text("main")
    assert office.locator("#join").count() == 0
    page = new_page()
    sign_in(page, site, ann, "/")
    page.click("main button:has-text('Accept')")
    assert site.members(tenant_id) == {owner.principal_id: "owner", ann.principal_id: "member"}
    assert site.mailbox.find(to=bob.address, subject="") is None


@pytest.mark.covers("W01", "ACC-01", "G10", "N07")
def test_buttons_of_other_sites_and_quiet_requests_join_nothing(site: Site) -> None:
    tenant_id = site.add_tenant(site.add_account("Olivia"))
    domain = f"{tenant_id}.example"
    site.open_domain(tenant_id, domain, Rung.AUTO_JOIN)
    ann = site.add_account("Ann", domain)
    with httpx2.Client(base_url=site.url, headers={"origin": site.url}, timeout=60) as visitor:
        assert visitor.post(f"/my/tenants/{tenant_id}/join").headers["location"].startswith("/sign-in")
        visitor.post("/sign-in", data={"email": ann.address, "password": PASSWORD})
        for verb in ("join", "ask"):
            path = f"/my/tenants/{tenant_id}/{verb}"
            assert visitor.get(path).status_code == 405
            assert visitor.post(path, headers={"origin": "https://evil.example"}).status_code == 403
        unknown = visitor.post("/my/tenants/nowhere/join")
        for hostile in ("%00", "%ED%A0%80", "..%2f..", "x" * 300):
            assert visitor.post(f"/my/tenants/{hostile}/join").status_code == 404
        assert unknown.status_code == 404
        assert visitor.get(f"/tenants/{tenant_id}").status_code == 404
        assert visitor.post(f"/my/tenants/{tenant_id}/join").headers["location"].endswith("joined=1")

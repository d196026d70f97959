# SPDX-License-Identifier: Apache-2.0
"""What asks for a fresh or strong session leads through a sign-in, and back."""

from __future__ import annotations

import re

import pytest

from tests.identity.openid import consent
from tests.pages.company import Company, NewAgent, ask, leave
from tests.pages.conftest import NewPage, sign_in
from tests.pages.site import PASSWORD, Site


@pytest.mark.covers("ACC-05", "W05")
def test_a_fresh_sign_in_is_asked_for_and_leads_back(company: Company, new_page: NewPage) -> None:
    page = new_page()
    leave(page, company)
    consent(page, company.provider, company.employee("vera"))
    page.wait_for_url(f"{company.site.url}/")
    before = page.context.cookies(company.site.url)
    page.goto(f"{company.site.url}/sign-in/again?next=/invitation&max_age=300")
    page.click("button:has-text('Acme SSO')")
    page.wait_for_url(f"{company.issuer}/**")
    consent(page, company.provider, company.employee("vera"))
    page.wait_for_url(f"{company.site.url}/invitation")
    after = page.context.cookies(company.site.url)
    assert before != after, "a new session, under a new secret"


@pytest.mark.covers("S09", "ACC-05")
def test_S09_a_role_may_ask_for_a_method_that_the_connection_translates(
    company: Company, new_agent: NewAgent
) -> None:
    site, agent = company.site, new_agent()
    link = company.link(f"vera@{company.domain}")
    site.put_policy(company.tenant_id, roles={"member": {"amr_any": ["mfa"]}})
    agent.bring(ask(agent, company, "vera"))
    agent.client.get(link)
    page = agent.client.get(f"{site.url}/invitation").text
    ref = re.search(r'name="claim_ref" value="([^"]+)"', page)
    assert ref is not None
    accepted = agent.client.post(
        f"{site.url}/invitation/accept", data={"claim_ref": ref[1]}, headers={"sec-fetch-site": "same-origin"}
    )
    assert accepted.headers["location"].startswith("/sign-in/again?next=%2Finvitation")
    assert f"{company.issuer}|vera~vera@{company.domain}" not in site.members(company.tenant_id)
    assert "Accept invitation" in agent.client.get(f"{site.url}/invitation").text, "nothing is used up"


@pytest.mark.covers("ACC-05", "S09")
def test_S09_a_password_session_that_is_too_old_is_renewed_and_comes_back(
    site: Site, new_page: NewPage
) -> None:
    owner, guest, page = site.add_account("Olivia"), site.add_account("Gus"), new_page()
    tenant_id = site.add_tenant(owner)
    link = site.invite(tenant_id, owner, guest.address)
    site.put_policy(tenant_id, roles={"member": {"auth_max_age": 300}})
    sign_in(page, site, guest)
    site.age_sessions(guest.principal_id, seconds=301)
    page.goto(link)
    page.click("text=Accept invitation")
    assert "Sign in again" in page.inner_text("h1")
    page.fill("[name=password]", "a wrong password")
    page.click("main button")
    assert "not right" in page.inner_text("main")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{site.url}/invitation")
    page.click("text=Accept invitation")
    assert "You’re in" in page.inner_text("main")

# SPDX-License-Identifier: Apache-2.0
"""One exam for two independent OpenID providers, in a browser without JavaScript."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from tests.identity.openid import changed, consent, deny
from tests.identity.providers import run_provider
from tests.pages.company import Company, NewAgent, ask, leave
from tests.pages.conftest import NewPage, sign_in
from tests.pages.site import PASSWORD, Site
from vestibule.core.connection import ConnectionDraft
from vestibule.storage.engine import make_engine
from vestibule.storage.schema import sign_ins


@pytest.mark.covers("INT-04", "ACC-03", "ACC-05", "INT-06")
def test_an_invitee_signs_in_at_the_companys_provider_and_accepts(
    company: Company, new_page: NewPage
) -> None:
    page = new_page()
    who = company.employee("vera")
    page.goto(company.link(f"vera@{company.domain}"))
    page.click("text=Sign in")
    page.click("button:has-text('Acme SSO')")
    page.wait_for_url(f"{company.issuer}/**")
    consent(page, company.provider, who)
    page.wait_for_url(f"{company.site.url}/invitation")
    page.click("text=Accept invitation")
    assert "You’re in" in page.inner_text("main")
    assert company.site.members(company.tenant_id)[f"{company.issuer}|{who}"] == "member"


@pytest.mark.covers("ACC-05", "S01", "S07")
def test_S01_where_the_tenant_demands_its_provider_nothing_else_is_offered_and_no_password_counts(
    company: Company, new_page: NewPage
) -> None:
    site, page = company.site, new_page()
    guest = site.add_account("Gus")
    link = company.link(guest.address)
    site.put_policy(company.tenant_id, require_connection=company.connection_id)
    sign_in(page, site, guest)
    page.goto(link)
    assert page.locator("text=Accept invitation").count() == 0
    assert page.locator("button:has-text('Acme SSO')").count() == 1
    page.goto(f"{site.url}/sign-in?next=/invitation")
    stranger = new_page()
    stranger.goto(link)
    assert stranger.locator("text=Create an account").count() == 0
    stranger.goto(f"{site.url}/sign-in?next=/invitation")
    assert stranger.locator("[name=password]").count() == 0
    assert stranger.locator("button:has-text('Acme SSO')").count() == 1
    site.put_policy(
        company.tenant_id,
        require_connection=company.connection_id,
        connection_exceptions=["people.example"],
    )
    page.goto(link)
    page.click("text=Accept invitation")
    assert "You’re in" in page.inner_text("main"), "a guest by the exception list comes as before"


@pytest.mark.covers("ACC-05", "S01")
def test_S01_an_old_password_session_can_no_longer_administer_and_is_led_to_the_provider(
    company: Company, new_page: NewPage
) -> None:
    site, page = company.site, new_page()
    screen = f"/tenants/{company.tenant_id}/settings"
    sign_in(page, site, company.owner, screen)
    assert "Invite" in page.inner_text("main")
    site.put_policy(company.tenant_id, require_connection=company.connection_id)
    page.goto(site.url + screen)
    assert "Another way of signing in" in page.inner_text("h1")
    boss = company.employee("boss")
    site.add_principal(company.tenant_id, f"{company.issuer}|{boss}", "owner")
    page.click("button:has-text('Acme SSO')")
    page.wait_for_url(f"{company.issuer}/**")
    consent(page, company.provider, boss)
    page.wait_for_url(site.url + screen)
    assert "Invite" in page.inner_text("main")


@pytest.mark.covers("INT-04", "W01")
def test_an_answer_counts_in_the_browser_that_asked_and_once(company: Company, new_agent: NewAgent) -> None:
    agent, other = new_agent(), new_agent()
    answer = ask(agent, company, "vera")
    assert "did not work" in other.bring(answer).text, "login CSRF: somebody else's answer"
    other.leave(company.connection_id)
    assert "did not work" in other.bring(answer).text, "even with a sign-in of its own under way"
    for wrong in (changed(answer, state="x" * 43), changed(answer, state=None), answer + "&state=x"):
        assert "did not work" in agent.bring(wrong).text
    elsewhere = answer.replace(company.connection_id, "another")
    assert "did not work" in agent.bring(elsewhere).text, "one redirect URI per connection"
    assert not agent.is_signed_in
    assert agent.bring(answer).status_code == 303, "the right one still counts after the wrong ones"
    assert agent.is_signed_in
    assert "did not work" in agent.bring(answer).text, "and once only"


@pytest.mark.covers("INT-04", "S02")
def test_S02_a_code_of_another_sign_in_is_refused(company: Company, new_agent: NewAgent) -> None:
    attacker, victim = new_agent(), new_agent()
    own, foreign = ask(attacker, company, "mallory"), ask(victim, company, "vera")
    stolen = parse_qs(urlsplit(foreign).query)["code"][0]
    assert "did not work" in attacker.bring(changed(own, code=stolen)).text
    assert not attacker.is_signed_in
    again = ask(attacker, company, "mallory")
    assert attacker.bring(again).status_code == 303
    assert attacker.is_signed_in


@pytest.mark.covers("INT-04")
def test_an_answer_in_another_providers_name_is_refused(company: Company, new_agent: NewAgent) -> None:
    agent = new_agent()
    answer = ask(agent, company, "vera")
    assert "did not work" in agent.bring(changed(answer, iss="https://evil.example")).text
    assert not agent.is_signed_in
    if company.provider.name == "node":
        answer = ask(agent, company, "vera")
        assert "did not work" in agent.bring(changed(answer, iss=None)).text, "it says that it sends it"
    assert agent.bring(ask(agent, company, "vera")).status_code == 303


@pytest.mark.covers("ACC-03")
def test_A04_an_address_that_the_provider_calls_unverified_does_not_count(
    company: Company, new_agent: NewAgent
) -> None:
    agent = new_agent()
    link = company.link(f"unverified@{company.domain}")
    agent.bring(ask(agent, company, "unverified"))
    assert agent.is_signed_in
    agent.client.get(link)
    assert "Accept invitation" not in agent.client.get(f"{company.site.url}/invitation").text


@pytest.mark.covers("INT-04")
def test_who_does_not_agree_is_not_signed_in_and_told_so(company: Company, new_page: NewPage) -> None:
    page = new_page()
    leave(page, company)
    deny(page, company.provider)
    page.wait_for_url(f"{company.site.url}/sign-in/callback/**")
    assert "did not sign you in" in page.inner_text("main")
    page.click("text=Begin again")
    page.click("button:has-text('Acme SSO')")
    page.wait_for_url(f"{company.issuer}/**")


@pytest.mark.covers("INT-04", "A14")
def test_A14_every_sign_in_ends_the_session_before_it(company: Company, new_agent: NewAgent) -> None:
    agent = new_agent()
    agent.bring(ask(agent, company, "vera"))
    earlier = agent.client.cookies["vestibule-session"]
    agent.bring(ask(agent, company, "vera"))
    assert agent.client.cookies["vestibule-session"] != earlier
    thief = new_agent()
    thief.client.cookies.set("vestibule-session", earlier)
    assert not thief.is_signed_in


@pytest.mark.covers("INT-04")
def test_a_provider_may_change_its_keys_at_any_time(company: Company, new_agent: NewAgent) -> None:
    agent = new_agent()
    agent.bring(ask(agent, company, "before"))
    assert agent.is_signed_in
    company.provider.rotate()
    company.site.forget_providers()
    after = new_agent()
    after.bring(ask(after, company, "after"))
    assert after.is_signed_in


@pytest.mark.covers("ACC-03", "A18")
def test_A18_an_address_that_moves_to_another_subject_carries_no_membership_along(
    company: Company, new_page: NewPage
) -> None:
    address = f"vera@{company.domain}"
    first, second = new_page(), new_page()
    first.goto(company.link(address))
    leave(first, company, "/invitation")
    consent(first, company.provider, f"vera~{address}")
    first.click("text=Accept invitation")
    leave(second, company, f"/tenants/{company.tenant_id}")
    consent(second, company.provider, f"successor~{address}")
    second.wait_for_url(f"{company.site.url}/tenants/**")
    assert "Not found" in second.inner_text("h1")
    first.goto(f"{company.site.url}/tenants/{company.tenant_id}")
    assert "vera" in first.inner_text("table")


@pytest.mark.covers("ACC-03", "ACC-05")
def test_without_a_live_proof_of_the_domain_the_providers_word_is_worth_nothing(
    company: Company, new_page: NewPage
) -> None:
    page = new_page()
    link = company.link(f"vera@{company.domain}")
    leave(page, company)
    consent(page, company.provider, company.employee("vera"))
    page.wait_for_url(f"{company.site.url}/")
    page.goto(link)
    assert page.locator("text=Accept invitation").count() == 1
    company.site.prove(company.tenant_id, company.domain, is_live=False)
    page.goto(link)
    assert page.locator("text=Accept invitation").count() == 0, "re-evaluated at each use"


@pytest.mark.covers("INT-04")
def test_a_dead_provider_is_a_clear_page(site: Site, new_page: NewPage) -> None:
    with run_provider("node") as dying:
        owner = site.add_account("Olivia")
        tenant_id = site.add_tenant(owner)
        connection_id = f"{tenant_id}-sso"
        draft = ConnectionDraft(
            name="Acme SSO", provider="generic", issuer=dying.issuer, client_id="c", secret="s"
        )
        site.put_connection(tenant_id, connection_id, draft)
    page = new_page()
    page.goto(f"{site.url}/sign-in/with/{connection_id}")
    page.click("button:has-text('Acme SSO')")
    assert "did not work" in page.inner_text("h1")
    assert "Nothing was lost" in page.inner_text("main")
    page.click("text=Other ways")
    page.fill("[name=email]", owner.address)
    page.fill("[name=password]", PASSWORD)
    page.click("main form:has([name=password]) button")
    assert page.locator(".foot-account").count() == 1


@pytest.mark.covers("W03")
def test_W03_a_sign_in_leads_to_paths_of_ours_only(company: Company, new_page: NewPage) -> None:
    page = new_page()
    leave(page, company, "//evil.example/x")
    consent(page, company.provider, company.employee("vera"))
    page.wait_for_url(f"{company.site.url}/")


@pytest.mark.covers("N08")
def test_no_table_holds_what_would_finish_a_sign_in(company: Company, new_page: NewPage) -> None:
    page = new_page()
    leave(page, company)
    asked = parse_qs(urlsplit(page.url).query)
    secrets = {cookie["value"] for cookie in page.context.cookies(company.site.url)}
    secrets |= {asked[name][0] for name in ("state", "nonce") if name in asked}
    engine = make_engine(company.site.database_url)
    with engine.connect() as connection:
        stored = repr(connection.execute(sa.select(sign_ins)).all())
    engine.dispose()
    assert secrets
    assert not [one for one in secrets if one in stored]


@pytest.mark.covers("ACC-05", "S01", "INT-01")
def test_S01_the_api_refuses_the_same_session_with_its_code(company: Company, new_agent: NewAgent) -> None:
    site, agent = company.site, new_agent()
    members = f"{site.url}/v1/tenants/{company.tenant_id}/members"
    form = {"email": company.owner.address, "password": PASSWORD}
    agent.client.post(f"{site.url}/sign-in", data=form, headers={"sec-fetch-site": "same-origin"})
    assert agent.client.get(members).status_code == 200
    site.put_policy(company.tenant_id, require_connection=company.connection_id)
    refused = agent.client.get(members)
    assert (refused.status_code, refused.json()["code"]) == (403, "connection_required")
    for elsewhere in ("nowhere", "%00", "x" * 300):
        missing = agent.client.get(f"{site.url}/v1/tenants/{elsewhere}/members")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.covers("INT-04")
def test_an_answer_that_the_provider_makes_the_browser_post_arrives_as_well(
    company: Company, new_agent: NewAgent
) -> None:
    agent = new_agent()
    answer = ask(agent, company, "vera")
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}
    place = urlsplit(answer)._replace(query="").geturl()
    foreign = {"sec-fetch-site": "cross-site", "origin": company.issuer}
    turned = httpx2.post(place, data={**query, "user": "{}"}, headers=foreign)
    assert (turned.status_code, turned.headers["location"].split("?")[0]) == (303, urlsplit(answer).path)
    assert agent.bring(company.site.url + turned.headers["location"]).status_code == 303
    assert agent.is_signed_in

# SPDX-License-Identifier: Apache-2.0
"""Policy, domains and connections on the settings screens (TEN-02, TEN-03, INT-04)."""

from __future__ import annotations

import re

import pytest

from tests.identity.providers import run_provider
from tests.pages.conftest import NewPage, Visit, sign_in
from tests.pages.site import Site

TIGHTER = 'schema = 1\nresend_cooldown = "20m"\n'
LOOSER = 'schema = 1\nresend_cooldown = "1m"\n'


@pytest.mark.covers("TEN-02", "INT-04", "D12")
def test_what_tightens_is_in_force_at_once_and_what_loosens_waits_for_a_second_owner(
    site: Site, new_page: NewPage
) -> None:
    olivia, otto = site.add_account("Olivia"), site.add_account("Otto")
    tenant_id = site.add_tenant(olivia)
    site.add_member(tenant_id, otto, "owner")
    screen = f"/tenants/{tenant_id}/settings/policy"
    first, second = new_page(), new_page()
    sign_in(first, site, olivia, screen)
    assert "Not within 5 minutes of the last mail" in first.inner_text("main")

    first.fill("[name=document]", TIGHTER)
    first.click("button:has-text('Show what')")
    assert "5 minutes" in first.inner_text("tr:has-text('resend_cooldown')")
    assert "20 minutes" in first.inner_text("tr:has-text('resend_cooldown')")
    first.click("button:has-text('Put it in force')")
    assert "Not within 20 minutes of the last mail" in first.inner_text("main")

    first.fill("[name=document]", LOOSER)
    first.click("button:has-text('Show what')")
    assert "Loosens" in first.inner_text("tr:has-text('resend_cooldown')")
    first.click("button:has-text('Propose it')")
    assert "waits for a second owner" in first.inner_text("main")
    assert first.locator("main button").all_inner_texts() == ["Withdraw it"], "its author approves nothing"
    first.goto(site.url + screen)
    assert "Not within 20 minutes" in first.inner_text("main"), "nothing has changed yet"

    sign_in(second, site, otto, screen)
    second.click("a:has-text('Decide')")
    assert "Olivia" in second.inner_text("main")
    second.click("button:has-text('Approve this change')")
    second.click("button:has-text('Put it in force')")
    second.goto(site.url + screen)
    assert "Not within 1 minute of the last mail" in second.inner_text("main")
    second.click("a:has-text('Go back to the policy before')")
    second.click("main button:has-text('Go back')")
    assert "Not within 20 minutes" in second.inner_text("main"), "going back tightens, so it is at once"


@pytest.mark.covers("TEN-02")
@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("schema = 1\nseat_limit = 'many'\n", "Line 2"),
        ("schema = 1\n[roles.nobody]\nttl = '9h'\n", "Line 2"),
        ("schema = \n", "Line 1"),
        ('{"seat_limit": "many"}', "seat_limit"),
        ('{\n"seat_limit": 1,\n}', "Line 3"),
        ('{"id": "\\ud800"}', "id"),
        ("[" * 20_000, "Line 1"),
        ('{"a":' * 4_000, "can&#39;t be read"),
        ("seat_limit = " + "9" * 5_000, "can&#39;t be read"),
        ("seat_limit = 1e400", "Line 1"),
        ("seat_limit = 2026-01-01", "Line 1"),
        ('{"seat_limit": NaN}', "seat_limit"),
    ],
    ids=range(12),
)
def test_what_is_no_policy_is_told_its_place_and_never_kept(
    site: Site, visit: Visit, document: str, told: str
) -> None:
    owner = site.add_account("Olivia")
    screen = f"/tenants/{site.add_tenant(owner)}/settings/policy"
    client = visit(owner)
    before = client.get(screen).text
    for road in ("draft", "changes"):
        refused = client.post(f"{screen}/{road}", data={"document": document})
        assert refused.status_code == 422
        assert told in refused.text
    assert client.get(screen).text == before


@pytest.mark.covers("TEN-03", "INT-04")
def test_a_domain_is_named_proved_and_opened(site: Site, new_page: NewPage) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    name = f"{tenant_id}.example.org"
    page = new_page()
    sign_in(page, site, owner, f"/tenants/{tenant_id}/settings/policy")
    page.fill("[name=domain_name]", "gmail.com x")
    page.click("button:has-text('Add domain')")
    assert "Give one whole domain" in page.inner_text("main")
    page.fill("[name=domain_name]", name.upper())
    page.click("button:has-text('Add domain')")
    assert "Not proved" in page.inner_text("main")
    page.select_option("[name=rung]", "auto_join")
    page.click("button:has-text('Save')")
    assert page.get_attribute("[name=rung]", "aria-invalid") == "true"
    assert page.input_value("[name=rung]") == "auto_join"
    page.click("button:has-text('Check now')")
    assert "no TXT record" in page.inner_text("main")
    site.dns.publish(page.input_value("[id$=-name]"), page.input_value("[id$=-value]"))
    page.click("button:has-text('Check now')")
    assert "the domain is proved" in page.inner_text("main")
    page.select_option("[name=rung]", "auto_join")
    page.click("button:has-text('Save')")
    assert "Its people join by themselves, as member" in page.inner_text("main")
    page.click("a:has-text('Remove')")
    page.click("main button.btn-danger")
    assert "No domain is named" in page.inner_text("main")


@pytest.mark.covers("INT-04", "ACC-05", "N08")
def test_a_connection_is_added_checked_disabled_and_removed_and_its_secret_never_shown(
    site: Site, new_page: NewPage
) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    screen = f"/tenants/{tenant_id}/settings/connections"
    page = new_page()
    sign_in(page, site, owner, screen)
    secret = "a-secret-of-the-provider"
    fields = {"connection_id": f"{tenant_id}-sso", "name": "Acme SSO", "client_id": "us"}
    with run_provider("node") as provider:
        for name, value in fields.items():
            page.fill(f"[name={name}]", value)
        page.fill("[name=issuer]", "ftp://nowhere")
        page.fill("[name=client_secret]", secret)
        page.click("button:has-text('Add connection')")
        assert page.get_attribute("[name=issuer]", "aria-invalid") == "true"
        assert page.input_value("[name=name]") == "Acme SSO"
        assert secret not in page.content()
        page.fill("[name=issuer]", provider.issuer)
        page.fill("[name=client_secret]", secret)
        page.click("button:has-text('Add connection')")
        assert f"{site.url}/sign-in/callback/{tenant_id}-sso" in page.content()
        assert secret not in page.content()
        page.click("button:has-text('Check now')")
        assert "answers as it should" in page.inner_text("main")
    page.click("button:has-text('Check now')")
    assert "The check found" in page.inner_text("main")
    page.click("main a:has-text('Change')")
    assert page.input_value("[name=client_secret]") == ""
    page.fill("[name=name]", "Acme sign-in")
    page.click("button:has-text('Save')")
    assert "Kept sealed" in page.inner_text("main"), "left empty, the secret stays"
    page.click("button:has-text('Disable')")
    assert "Disabled" in page.inner_text("main")
    page.click("a:has-text('Remove')")
    page.click("main button.btn-danger")
    assert "None of its own" in page.inner_text("main")


def list_acts(tenant_id: str) -> dict[str, dict[str, str]]:
    """Every form of the three screens that only an owner may send, with what it sends."""
    connection = {"connection_id": "x", "name": "X", "issuer": "https://idp.example", "client_id": "c"}
    return {
        "policy/changes": {"document": TIGHTER},
        "policy/rollback": {},
        "domains": {"domain_name": "acme.example"},
        "domains/acme.example": {"rung": "deny"},
        "domains/acme.example/check": {},
        "domains/acme.example/remove": {},
        "connections": connection,
        f"connections/{tenant_id}-sso": connection,
        f"connections/{tenant_id}-sso/disable": {},
        f"connections/{tenant_id}-sso/remove": {},
    }


@pytest.mark.covers("D12", "K11", "TEN-02", "TEN-03")
def test_an_administrator_who_is_no_owner_looks_and_changes_nothing(site: Site, visit: Visit) -> None:
    owner, administrator = site.add_account("Olivia"), site.add_account("Ada")
    tenant_id = site.add_tenant(owner)
    site.add_member(tenant_id, administrator, "admin")
    client, base = visit(administrator), f"/tenants/{tenant_id}/settings"
    for path in ("policy", "connections"):
        shown = client.get(f"{base}/{path}")
        assert shown.status_code == 200
        assert "Owners change the" in shown.text
        assert not re.search(rf'action="{base}', shown.text), "text, not buttons"
    for path, form in list_acts(tenant_id).items():
        assert client.post(f"{base}/{path}", data=form).status_code in (403, 404), path
    assert client.post(f"{base}/domains", data={"domain_name": "acme.example"}).status_code == 403
    assert visit(owner).post(f"{base}/domains", data={"domain_name": "acme.example"}).status_code == 303


@pytest.mark.covers("D01", "S04", "W01")
@pytest.mark.parametrize("who", ["anonymous", "member", "stranger", "cross-site"])
def test_the_settings_are_nobody_elses(site: Site, visit: Visit, who: str) -> None:
    owner, member, stranger = (site.add_account(name) for name in ("Olivia", "Mel", "Xenia"))
    tenant_id = site.add_tenant(owner)
    site.add_tenant(stranger)
    site.add_member(tenant_id, member, "member")
    people = {"anonymous": None, "member": member, "stranger": stranger, "cross-site": owner}
    expected = {"anonymous": 303, "member": 403, "stranger": 404, "cross-site": 403}[who]
    base, client = f"/tenants/{tenant_id}/settings", visit(people[who])
    if who == "cross-site":
        client.headers["sec-fetch-site"] = "cross-site"
    else:
        pages = ("", "/policy", "/connections", "/policy/rollback", "/policy/changes/c", "/connections/c")
        for path in (*pages, "/approvals/i", "/invitations/i/correct", "/domains/acme.example/remove"):
            assert client.get(base + path).status_code == expected, path
    forms = {f"{base}/{path}": form for path, form in list_acts(tenant_id).items()}
    forms |= {
        f"{base}/invitations": {"email": "a@b.example", "role": "member"},
        f"{base}/policy/draft": {"document": TIGHTER},
        f"{base}/approvals/i/approve": {"digest": ""},
        f"{base}/approvals/i/reject": {"digest": ""},
        f"{base}/reviews/i": {"note": "seen"},
        f"{base}/join-requests/r/approve": {"role": "member"},
        f"{base}/join-requests/r/reject": {},
    }
    for path, form in forms.items():
        answer = client.post(path, data=form)
        assert answer.status_code == expected, (path, answer.text)
        if who == "anonymous":
            assert answer.headers["location"].startswith("/sign-in")
    assert visit(owner).get(f"{base}/policy").status_code == 200

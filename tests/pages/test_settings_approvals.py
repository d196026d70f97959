# SPDX-License-Identifier: Apache-2.0
"""Four eyes on the settings screen: what an approver sees is what is approved, and by whom (ISS-04)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page

from tests.pages.conftest import NewPage, Visit, sign_in
from tests.pages.site import LocalAccount, Site
from vestibule.core.approval import HeldRequest, digest_request
from vestibule.core.email import EmailAddress
from vestibule.core.invitation import Invitation, ResourceGrant
from vestibule.core.stepup import Demand
from vestibule.web.pages.settings.approval_view import Known, describe_request

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A tenant with two owners and an administrator."""

    site: Site
    tenant_id: str
    olivia: LocalAccount
    otto: LocalAccount

    @property
    def path(self) -> str:
        return f"/tenants/{self.tenant_id}/settings"

    def hold(self, client: httpx2.Client, email: str, role: str = "owner") -> str:
        """Whoever is signed in asks for it; the page of the request."""
        form = {"email": email, "role": role, "deliver": "email"}
        asked = client.post(f"{self.path}/invitations", data=form)
        assert "done=held" in asked.headers["location"], asked.text
        listed = client.get(f"{self.path}?state=held").text
        row = re.search(
            rf'href="({self.path}/approvals/[^"]+)"[^>]*>View<span class="vh"> the request', listed
        )
        assert row is not None
        return row[1]


@pytest.fixture
def office(site: Site) -> Office:
    olivia, otto = site.add_account("Olivia"), site.add_account("Otto")
    tenant_id = site.add_tenant(olivia)
    site.add_member(tenant_id, otto, "owner")
    return Office(site=site, tenant_id=tenant_id, olivia=olivia, otto=otto)


def read_digest(client: httpx2.Client, page: str) -> str:
    found = re.search(r'name="digest" value="(sha256:[0-9a-f]{64})"', client.get(page).text)
    assert found is not None
    return found[1]


def ask_for_owner(page: Page, email: str) -> None:
    page.fill("[name=email]", email)
    page.select_option("[name=role]", "owner")
    page.click("button:has-text('Invite')")


@pytest.mark.covers("ISS-04", "INT-04", "D04")
def test_an_owner_is_made_by_two_people_and_only_then_is_anything_sent(
    office: Office, new_page: NewPage
) -> None:
    site, invited = office.site, office.site.add_account("Vera")
    first, second, visitor = new_page(), new_page(), new_page()
    sign_in(first, site, office.olivia, office.path)
    assert "owner (open for 1 day, needs 1 approval)" in first.inner_text("[name=role]")
    ask_for_owner(first, invited.address)
    assert "waits for approval. No mail has left" in first.inner_text("main")
    first.click("a:has-text('View') >> nth=0")
    assert first.locator("button:has-text('Approve')").count() == 0
    assert "others decide" in first.inner_text("main")
    site.wait_for_mail(office.otto.address, "waits for your decision")
    assert site.mailbox.find(to=invited.address, subject="invite") is None

    sign_in(second, site, office.otto, office.path)
    second.click("a:has-text('Decide')")
    shown = second.inner_text("main")
    assert invited.address in shown
    assert "Olivia" in shown
    assert "0 of 1 approval" in shown
    second.click("button:has-text('Approve')")
    assert "The invitation is on its way" in second.inner_text("main")
    visitor.goto(site.find_link(invited.address))
    sign_in(visitor, site, invited, "/invitation")
    visitor.click("text=Accept invitation")
    assert site.members(office.tenant_id)[invited.principal_id] == "owner"


@pytest.mark.covers("ISS-04", "ISS-19")
def test_one_rejection_closes_a_request_and_its_inviter_may_withdraw_it(
    office: Office, new_page: NewPage
) -> None:
    site, refused, withdrawn = office.site, office.site.new_address(), office.site.new_address()
    first, second = new_page(), new_page()
    sign_in(first, site, office.olivia, office.path)
    ask_for_owner(first, refused)
    sign_in(second, site, office.otto, office.path)
    second.click("a:has-text('Decide')")
    page_before = second.url
    second.click("button:has-text('Reject')")
    assert "rejected, and closed for good" in second.inner_text("main")
    second.goto(page_before)
    assert "decided before" in second.inner_text("main")
    ask_for_owner(first, withdrawn)
    first.click("a:has-text('View') >> nth=0")
    first.click("button:has-text('Withdraw')")
    assert "withdrawn. Nothing was sent" in first.inner_text("main")
    first.click("nav a:has-text('Revoked')")
    assert first.locator("tr:has-text('Revoked')").count() == 2
    assert site.mailbox.find(to=refused, subject="") is None
    assert site.mailbox.find(to=withdrawn, subject="") is None


@pytest.mark.covers("ISS-19")
def test_a_mistyped_address_is_corrected_and_the_wrong_link_dies(office: Office, new_page: NewPage) -> None:
    site, wrong, right = office.site, office.site.new_address(), office.site.new_address()
    page, visitor = new_page(), new_page()
    sign_in(page, site, office.olivia, office.path)
    page.fill("[name=email]", wrong)
    page.fill("[name=message]", "Welcome aboard")
    page.click("button:has-text('Invite')")
    link = site.find_link(wrong)
    page.click("a:has-text('Correct')")
    page.fill("[name=email]", "nobody at all")
    page.locator("main form.stack").evaluate("form => form.noValidate = true")
    page.click("button:has-text('Correct the address')")
    assert page.get_attribute("[name=email]", "aria-invalid") == "true"
    assert page.input_value("[name=email]") == "nobody at all"
    page.fill("[name=email]", right)
    page.click("button:has-text('Correct the address')")
    assert "earlier link is dead" in page.inner_text("main")
    assert "Welcome aboard" in site.wait_for_mail(right, "invite").part("plain")
    visitor.goto(link)
    assert "no longer valid" in visitor.inner_text("main")
    visitor.goto(site.find_link(right))
    assert "Acme" in visitor.inner_text("main")


@pytest.mark.covers("ISS-04", "D04")
def test_nobody_approves_what_they_asked_for_even_without_a_button(office: Office, visit: Visit) -> None:
    asker, other = visit(office.olivia), visit(office.otto)
    page = office.hold(asker, office.site.new_address())
    digest = read_digest(asker, page)
    refused = asker.post(f"{page}/approve", data={"digest": digest})
    assert refused.status_code == 403
    assert "Nobody approves a request of one" in refused.text
    assert asker.get(page).status_code == 200, "still held"
    assert other.post(f"{page}/approve", data={"digest": digest}).status_code == 303


@pytest.mark.covers("ISS-04")
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_decision_on_what_has_changed_since_it_was_shown_is_none(
    office: Office, visit: Visit, verb: str
) -> None:
    asker, other = visit(office.olivia), visit(office.otto)
    page = office.hold(asker, office.site.new_address())
    shown = read_digest(other, page)
    office.site.put_policy(office.tenant_id, resend_cooldown=60)
    for stale in (shown, "", "sha256:0"):
        refused = other.post(f"{page}/{verb}", data={"digest": stale})
        assert refused.status_code == 409
        assert "changed since it was shown" in refused.text
    fresh = read_digest(other, page)
    assert fresh != shown
    assert other.post(f"{page}/{verb}", data={"digest": fresh}).status_code == 303


@pytest.mark.covers("ISS-04", "ACC-16")
def test_a_session_too_weak_to_approve_is_sent_to_sign_in_again_and_back(
    office: Office, visit: Visit
) -> None:
    rule = {"approvals": 1, "amr_any": ["hwk"]}
    office.site.put_policy(office.tenant_id, roles={"owner": rule})
    page = office.hold(visit(office.olivia), office.site.new_address())
    other = visit(office.otto)
    sent = other.post(f"{page}/approve", data={"digest": read_digest(other, page)})
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/sign-in/again?next=")
    assert page.rpartition("/")[2] in sent.headers["location"]
    assert "sign-in by hwk" in other.get(page).text


@pytest.mark.covers("LIF-05", "ISS-04")
def test_break_glass_access_is_reviewed_by_somebody_else_with_a_note(office: Office, visit: Visit) -> None:
    breakglass = {"review_within": 3600, "grant_max": 3600}
    assignable = {"owner": ["owner", "member", "breakglass"]}
    office.site.put_policy(office.tenant_id, assignable=assignable, roles={"breakglass": breakglass})
    asker, other = visit(office.olivia), visit(office.otto)
    form = {"email": office.site.new_address(), "role": "breakglass", "deliver": "email"}
    assert asker.post(f"{office.path}/invitations", data=form).status_code == 303
    assert "Nobody reviews a grant of one" in asker.get(office.path).text
    found = re.search(rf'action="({office.path}/reviews/[^"]+)"', other.get(office.path).text)
    assert found is not None
    assert asker.post(found[1], data={"note": "All fine."}).status_code == 403
    silent = other.post(found[1], data={"note": "  "})
    assert silent.status_code == 422
    assert "Say what you found" in silent.text
    assert other.post(found[1], data={"note": "All fine."}).status_code == 303
    assert "Break-glass access to review" not in other.get(office.path).text


def _request(invitation: Invitation, policy_hash: str = "sha256:p") -> HeldRequest:
    return HeldRequest(
        invitation=invitation,
        policy_hash=policy_hash,
        inviter_addresses=frozenset(),
        digest=digest_request(invitation, policy_hash),
        needed=1,
        demand=Demand(),
    )


INVITATION = Invitation(
    invitation_id="i1",
    tenant_id="acme",
    role="owner",
    invited_email=EmailAddress.parse_input("vera@people.example"),
    inviter_principal_id="local|olivia",
    generation=1,
    created_at=NOW,
    expires_at=NOW + timedelta(days=1),
    policy_version=1,
)
CHANGES: dict[str, Callable[[], Any]] = {
    "invitation_id": lambda: "i2",
    "tenant_id": lambda: "other",
    "role": lambda: "admin",
    "invited_email": lambda: EmailAddress.parse_input("vera@evil.example"),
    "inviter_principal_id": lambda: "local|otto",
    "grants_only": lambda: True,
    "grants": lambda: (ResourceGrant(resource_id="r1", role="member", expires_in=61),),
    "scope": lambda: "None",
    "expires_in": lambda: 3601,
    "membership_expires_in": lambda: 86_401,
    "membership_starts_at": lambda: NOW + timedelta(days=3),
    "justification": lambda: "None given",
}


@pytest.mark.covers("ISS-04")
@pytest.mark.parametrize("changed", CHANGES)
def test_whatever_changes_the_digest_changes_what_the_approver_reads(changed: str) -> None:
    known = Known(people={}, resources={})
    before, after = _request(INVITATION), _request(replace(INVITATION, **{changed: CHANGES[changed]()}))
    assert before.digest != after.digest
    shown = [
        [(one.label, one.value) for one in describe_request(request, known) if one.value != request.digest]
        for request in (before, after)
    ]
    assert shown[0] != shown[1]
    other_policy = describe_request(_request(INVITATION, "sha256:q"), known)
    assert [one.value for one in other_policy if one.label == "Policy"] == ["sha256:q"]

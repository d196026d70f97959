# SPDX-License-Identifier: Apache-2.0
"""The pages as a client without a browser meets them: hostile paths, forms of other sites, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.pages.site import PASSWORD, LocalAccount, Site

HOSTILE = ("%00", "a%00b", "%ED%A0%80", "..%2f..", "x" * 5000, "%F0%9F%98%80", "'%20OR%201=1--")

HOSTILE_FORM = {
    "email": "a@b.example",
    "role": "-",
    "grant:%00": "member",
    "grant:": "x" * 300,
    "membership_starts_at": "9999-12-31T23:59",
    "membership_expires_in": "31536000",
    "justification": "\x1b\u202e",
    "digest": "\ud7ff",
    "document": "{",
    "domain_name": "x" * 300 + ".example",
    "rung": "auto_join",
    "connection_id": "local",
    "provider": "entra_single",
    "note": "\u202e",
}


@pytest.fixture(params=["site", "postgresql_site"])
def either_site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def visitor(either_site: Site) -> Iterator[httpx2.Client]:
    headers = {"origin": either_site.url}
    with httpx2.Client(base_url=either_site.url, headers=headers, timeout=60) as client:
        yield client


def sign_in(visitor: httpx2.Client, who: LocalAccount) -> None:
    answer = visitor.post("/sign-in", data={"email": who.address, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


def issue_link(visitor: httpx2.Client, tenant_id: str, address: str) -> str:
    form = {"email": address, "role": "member", "deliver": "link"}
    page = visitor.post(f"/tenants/{tenant_id}/settings/invitations", data=form)
    found = re.search(r'value="http://[^/"]+(/i/vst_[^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


@pytest.mark.covers("S04", "INT-06")
@pytest.mark.parametrize("part", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_path_is_no_page_and_no_failure(
    either_site: Site, visitor: httpx2.Client, part: str
) -> None:
    owner = either_site.add_account("Olivia")
    tenant_id = either_site.add_tenant(owner)
    sign_in(visitor, owner)
    base = f"/tenants/{tenant_id}/settings"
    read = [f"/tenants/{part}", f"/tenants/{part}/settings", f"/i/{part}", f"/static/{part}"]
    read += [f"{base}/invitations/{part}/revoke", f"{base}/members/{part}/remove"]
    read += [f"{base}?state={part}", f"{base}?cursor={part}", f"{base}?members={part}", f"/{part}"]
    posted = [f"{base}/invitations/{part}/{verb}" for verb in ("resend", "link", "revoke")]
    posted += [f"{base}/members/{part}/remove", f"/tenants/{part}/settings/invitations"]
    posted += [f"/my/invitations/{part}/{verb}" for verb in ("accept", "decline")]
    read += [f"{base}/approvals/{part}", f"{base}/policy/changes/{part}", f"{base}/connections/{part}"]
    read += [f"{base}/invitations/{part}/correct", f"{base}/domains/{part}/remove", f"{base}?done={part}"]
    read += [f"{base}/policy?changes={part}", f"{base}/policy?domains={part}"]
    posted += [f"{base}/approvals/{part}/{verb}" for verb in ("approve", "reject")]
    posted += [f"{base}/policy/changes/{part}/{verb}" for verb in ("approve", "activate", "withdraw")]
    posted += [f"{base}/domains/{part}", f"{base}/domains/{part}/check", f"{base}/reviews/{part}"]
    posted += [f"{base}/connections/{part}{verb}" for verb in ("", "/check", "/disable", "/remove")]
    posted += [f"{base}/join-requests/{part}/{verb}" for verb in ("approve", "reject")]
    posted += [f"{base}/invitations/{part}/correct"]
    answers = [visitor.get(path) for path in read]
    answers += [visitor.post(path, data={"email": "a@b.example", "role": part}) for path in posted]
    answers += [
        visitor.post(path, data=HOSTILE_FORM) for path in [*posted, f"{base}/domains", f"{base}/connections"]
    ]
    assert {str(one.url.raw_path): one.status_code for one in answers if one.status_code >= 500} == {}
    assert visitor.get(base).status_code == 200


@pytest.mark.covers("S04", "LIF-05", "ISS-18")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("membership_starts_at", "9999-12-31T23:59"),
        ("membership_starts_at", "2001-01-01T00:00"),
        ("membership_starts_at", "soon"),
        ("membership_expires_in", "-1"),
        ("membership_expires_in", "9" * 40),
        ("grant:nowhere", "member"),
        ("grant:\0", "member"),
        ("grant:" + "x" * 4000, "member"),
        ("justification", "\x1b"),
        ("role", "-"),
        ("deliver", "none"),
    ],
)
def test_what_no_field_of_the_form_would_send_is_refused_and_nothing_issued(
    either_site: Site, visitor: httpx2.Client, name: str, value: str
) -> None:
    owner = either_site.add_account("Olivia")
    sign_in(visitor, owner)
    base = f"/tenants/{either_site.add_tenant(owner)}/settings"
    form = {"email": either_site.new_address(), "role": "member", "deliver": "email"}
    assert visitor.post(f"{base}/invitations", data=form | {name: value}).status_code == 422
    assert form["email"] not in visitor.get(f"{base}?state=all").text
    assert visitor.post(f"{base}/invitations", data=form).status_code == 303


@pytest.mark.covers("ACC-01", "ACC-02", "G10", "W07")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_form_does_no_get_does(either_site: Site, visitor: httpx2.Client, method: str) -> None:
    owner = either_site.add_account("Olivia")
    tenant_id = either_site.add_tenant(owner)
    sign_in(visitor, owner)
    base = f"/tenants/{tenant_id}/settings/invitations"
    visitor.get(issue_link(visitor, tenant_id, either_site.new_address()))
    acts = [
        "/invitation/accept",
        "/invitation/decline",
        "/invitation/request-new",
        "/verify/resend",
        "/sign-out",
    ]
    acts += [f"/my/invitations/1/{verb}" for verb in ("accept", "decline")]
    acts += [base, f"{base}/1/resend", f"{base}/1/link"]
    answers = {path: visitor.request(method, path).status_code for path in acts}
    assert answers == dict.fromkeys(acts, 405)


@pytest.mark.covers("ACC-04")
def test_a_sign_up_is_counted_before_its_password_is_hashed(
    either_site: Site, visitor: httpx2.Client
) -> None:
    owner = either_site.add_account("Olivia")
    sign_in(visitor, owner)
    path = issue_link(visitor, either_site.add_tenant(owner), either_site.new_address())
    visitor.cookies.clear()
    visitor.get(path)
    form = {"name": "Vera", "password": PASSWORD}
    statuses = [visitor.post("/sign-up", data=form).status_code for _ in range(6)]
    assert statuses == [303, 303, 303, 303, 303, 429]


@pytest.mark.covers("N03")
def test_what_is_no_address_is_refused_as_a_wrong_password_is(visitor: httpx2.Client) -> None:
    tried = [
        visitor.post("/sign-in", data={"email": typed, "password": "not the password"})
        for typed in ("nobody at all", "nobody@people.example")
    ]
    assert [answer.status_code for answer in tried] == [403, 403]
    assert all("not right" in answer.text for answer in tried)


@pytest.mark.covers("OBS-01", "DEL-02")
def test_metrics_know_the_outbox_without_asking_a_worker(either_site: Site, visitor: httpx2.Client) -> None:
    text = visitor.get("/metrics").text
    assert re.search(r"^vestibule_outbox_due \d", text, re.MULTILINE)
    assert re.search(r"^vestibule_outbox_oldest_seconds \d", text, re.MULTILINE)
    assert either_site.url not in text

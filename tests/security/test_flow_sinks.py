# SPDX-License-Identifier: Apache-2.0
"""The sinks of ``test_sinks`` after every other flow: held requests, providers, directories, doors, refused mail.

Each planted value may stand in the columns that are about it, named here, and nowhere else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.identity.openid import Agent
from tests.identity.providers import run_provider
from tests.pages.company import Company, ask, found_company
from tests.pages.site import PASSWORD, LocalAccount, Site
from tests.scim.provisioner import USER
from tests.security.test_sinks import _columns, _spellings, watched
from vestibule.actions.api_keys import create_key
from vestibule.core.identity import HostKey, RequestContext
from vestibule.metrics import render_metrics

__all__ = ["watched"]
_OURS = {"sec-fetch-site": "same-origin"}
_CONTEXT = RequestContext(correlation_id="tests")
# What somebody wrote for other people to read.
_WORDS = {
    "justification-canary": {("vestibule_invitations", "justification")},
    "note-canary": {("vestibule_reviews", "note")},
    "directory-canary": {("vestibule_directory_users", "document")},
}
# Whoever may come another way than a tenant demands: an address here is part of the policy.
_POLICIES = {
    ("vestibule_tenants", "policy"),
    ("vestibule_policy_documents", "document"),
}
# Where addresses are sealed, only this is readable still (docs/privacy.md).
_PLAIN_ANYWAY = (_POLICIES, _WORDS["note-canary"])
# An address, and where it may stand because the column is about it.
_ADDRESSES = {
    "held-canary@people.example": {("vestibule_invitations", "invited_email")},
    "provisioned-canary@people.example": {
        ("vestibule_directory_users", "user_name"),
        ("vestibule_directory_users", "document"),
        ("vestibule_directory_bars", "subject"),
    },
    "suppressed-canary@people.example": {("vestibule_suppressions", "address")},
    "guest-canary@people.example": _POLICIES,
}


@pytest.mark.covers("OBS-04", "TOK-02", "AUD-01", "INT-04", "ISS-04", "ISS-20", "LIF-03", "K06", "B05")
def test_no_sink_holds_what_another_column_is_about(watched: tuple[Site, io.StringIO]) -> None:
    site, sink = watched
    with run_provider("mock") as provider:
        company = found_company(site, provider)
        secrets = _sign_in(site, company)
        secrets |= _decide(site, company)
        secrets |= _provision(site, company)
    places = {"log": sink.getvalue(), "metrics": render_metrics().decode()}
    assert '"event": "request"' in places["log"], "there is a log to search"
    columns = _columns(site)
    for secret in secrets:
        assert len(secret) > 8
        for spelling in _spellings(secret):
            assert not [place for place, text in places.items() if spelling in text], "a secret"
            assert not [column for column, text in columns.items() if spelling in text], "a secret"
    is_sealed = bool(columns["vestibule_subjects", "sealed"])
    for planted, allowed in (_ADDRESSES | _WORDS).items():
        stands_in = {column for column, text in columns.items() if planted in text}
        assert stands_in <= allowed, planted
        assert bool(stands_in) is (not is_sealed or allowed in _PLAIN_ANYWAY), planted
        assert not [place for place, text in places.items() if planted in text], planted


def _sign_in(site: Site, company: Company) -> set[str]:
    """A sign-in at the company's provider, with wrong answers beside it; what went over the wire."""
    agent = Agent(site.url)
    with agent.client:
        answer = ask(agent, company, "vera")
        wire = parse_qs(urlsplit(answer).query)
        agent.client.get(answer.replace("state=", "state=x"))
        agent.client.get(answer + "&error=access_denied")
        again = ask(agent, company, "vera")
        assert agent.bring(again).status_code == 303
        assert agent.is_signed_in
        cookies = {cookie.value for cookie in agent.client.cookies.jar if cookie.value}
    wire_again = parse_qs(urlsplit(again).query)
    return {
        values[0]
        for found in (wire, wire_again)
        for name, values in found.items()
        if name in {"code", "state"}
    } | {value for value in cookies if value.startswith("vss_")}


def _decide(site: Site, company: Company) -> set[str]:
    """A held request with its reason, a suppression, a policy that names a guest."""
    partner = site.add_account("Partner")
    site.add_member(company.tenant_id, partner, "owner")
    roles = {"rescuer": {"grant_max": 3600, "review_within": 7200}}
    site.put_policy(
        company.tenant_id,
        roles=roles,
        assignable={"owner": ["owner", "admin", "member", "rescuer"]},
        connection_exceptions=["guest-canary@people.example"],
    )
    home = f"/v1/tenants/{company.tenant_id}"
    with _office(site, company.owner) as office, _office(site, partner) as second:
        body = {
            "email": "held-canary@people.example",
            "role": "owner",
            "justification": "justification-canary",
        }
        held = office.post(home + "/invitations", json=body)
        assert held.json()["state"] == "held", held.text
        one = f"{home}/invitations/{held.json()['invitation_id']}"
        digest = second.get(one + "/approval").json()["digest"]
        second.post(one + "/approve", json={"digest": "sha256:" + "0" * 64})
        assert second.post(one + "/approve", json={"digest": digest}).json()["state"] == "pending"
        glass = office.post(home + "/invitations", json={"email": "oncall@people.example", "role": "rescuer"})
        review = f"{home}/reviews/{glass.json()['invitation_id']}"
        assert second.post(review, json={"note": "note-canary"}).status_code == 200
        draft = {"policy": {"connection_exceptions": ["guest-canary@people.example", "people.example"]}}
        assert office.post(home + "/policy/changes", json=draft).status_code == 201
        connection = {"name": "Other", "issuer": "https://127.0.0.1", "client_id": "c"}
        secret = "client-secret-canary-" + "x" * 20
        made = office.put(
            home + f"/connections/{company.connection_id}-2", json=connection | {"client_secret": secret}
        )
        assert made.status_code == 201, made.text
        office.put(home + "/connections/x", json=connection | {"client_secret": secret, "unknown": secret})
    return {secret}


def _provision(site: Site, company: Company) -> set[str]:
    """A directory that says who comes and who goes, well and badly; an address that wants no mail."""
    bound, free = _make_key(site, company.tenant_id), _make_key(site, None)
    with httpx2.Client(base_url=site.url) as client:
        scim = {"authorization": f"Bearer {bound}", "content-type": "application/scim+json"}
        body = {
            "schemas": [USER],
            "userName": "provisioned-canary@people.example",
            "displayName": "directory-canary",
            "password": "password-canary-of-a-directory",
            "active": True,
        }
        made = client.post("/scim/v2/Users", headers=scim, content=json.dumps(body))
        assert made.status_code == 201, made.text
        road = f"/scim/v2/Users/{made.json()['id']}"
        client.post("/scim/v2/Users", headers=scim, content=json.dumps(body))
        client.patch(road, headers=scim, content=b'{"Operations": "provisioned-canary@people.example"}')
        client.get(
            "/scim/v2/Users",
            headers=scim,
            params={"filter": 'userName eq "provisioned-canary@people.example"'},
        )
        client.get(
            "/scim/v2/Users", headers=scim, params={"filter": 'nonsense "provisioned-canary@people.example'}
        )
        off = client.put(road, headers=scim, content=json.dumps(body | {"active": False}))
        assert off.json()["active"] is False
        key = {"authorization": f"Bearer {free}"}
        put = client.put("/v1/suppressions/suppressed-canary@people.example", headers=key)
        assert put.status_code == 201, put.text
        client.get("/v1/suppressions/suppressed-canary@people.example", headers=key)
    return {bound, free, "password-canary-of-a-directory"}


def _make_key(site: Site, tenant_id: str | None) -> str:
    made = site.runner.run(
        create_key,
        HostKey(key_id="tests"),
        name="sinks",
        scopes=frozenset({"directory"} if tenant_id else {"principals"}),
        tenant_id=tenant_id,
        context=_CONTEXT,
    )
    return made.secret


@contextmanager
def _office(site: Site, who: LocalAccount) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=site.url, headers=_OURS) as client:
        client.post("/sign-in", data={"email": who.address, "password": PASSWORD, "next": "/"})
        yield client

# SPDX-License-Identifier: Apache-2.0
"""Domains and joining over HTTP: what an owner sets, what a person is told, and what nobody learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.web.harness import PLATFORM, Person, World, person

MakeWorld = Callable[..., World]


def strip(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that two answers may not differ in."""
    body = answer.content.replace(answer.headers["x-request-id"].encode(), b"")
    skipped = {"x-request-id", "date", "ratelimit-reset", "retry-after"}
    return answer.status_code, body, sorted(h for h in answer.headers.items() if h[0] not in skipped)


def scene(world: World, rung: str, **policy: Any) -> tuple[str, str, Person]:
    """A tenant with a proved domain on that rung, and somebody there who is no member."""
    tenant_id = world.new_tenant(owner=world.new_person("owner"), **policy)
    domain = f"{tenant_id}.example.org"
    world.open_domain(tenant_id, domain, rung)
    return tenant_id, domain, person(world.fresh("ann"), f"{world.fresh('ann')}@{domain}")


@pytest.mark.covers("TEN-03", "INT-01")
def test_an_owner_names_proves_and_opens_a_domain(world: World) -> None:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    path = f"/v1/tenants/{tenant_id}/domains/{tenant_id}.Example.ORG"
    made = world.call("PUT", path, owner, body={})
    assert made.status_code == 201
    shown = made.json()
    assert shown["domain"] == f"{tenant_id}.example.org"
    assert (shown["rung"], shown["rung_in_force"], shown["role"]) == ("invite_only", "invite_only", "member")
    assert shown["record"]["name"] == f"_vestibule.{tenant_id}.example.org"
    assert shown["record"]["value"].startswith("vestibule-domain=")
    early = world.call("PUT", path, owner, body={"rung": "auto_join"})
    assert (early.status_code, early.json()["code"]) == (409, "domain_not_proved")
    assert world.call("POST", f"{path}/check", owner).json()["finding"] == "no_record"
    world.dns.publish(shown["record"]["name"], shown["record"]["value"])
    checked = world.call("POST", f"{path}/check", owner).json()
    assert (checked["finding"], checked["proof_expires_at"] is not None) == ("proved", True)
    raised = world.call("PUT", path, owner, body={"rung": "auto_join"})
    assert (raised.status_code, raised.json()["rung_in_force"]) == (200, "auto_join")
    [listed] = world.call("GET", f"/v1/tenants/{tenant_id}/domains", owner).json()["items"]
    assert listed == world.call("GET", path, owner).json()
    assert world.call("DELETE", path, owner).status_code == 204
    assert world.call("GET", path, owner).status_code == 404


@pytest.mark.covers("S03", "S04", "ISS-09")
@pytest.mark.parametrize(
    "text",
    [
        "acme.com\0.evil.com",
        "acme.com\n",
        "acme.com.",
        "*.acme.com",
        "acme",
        "x@acme.com",
        "acme.com%00",
        "co.uk",
        "á b.com",
    ],
)
def test_S04_what_is_no_domain_is_422_with_its_place(world: World, text: str) -> None:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    answer = world.call("PUT", f"/v1/tenants/{tenant_id}/domains/{quote(text, safe='')}", owner, body={})
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/domain"]
    assert world.call("GET", f"/v1/tenants/{tenant_id}/domains", owner).json()["items"] == []


@pytest.mark.covers("INT-01", "TEN-03")
@pytest.mark.parametrize(
    "body,pointer",
    [
        ({"rung": "open"}, "/rung"),
        ({"rung": 1}, "/rung"),
        ({"role": "Owner"}, "/role"),
        ({"role": "owner"}, "/role"),
        ({"role": "nobody"}, "/role"),
        ({"challenge": "mine"}, "/challenge"),
        ({"proved_at": "2026-01-01T00:00:00Z"}, "/proved_at"),
    ],
)
def test_a_wrong_member_of_a_domain_is_named(world: World, body: dict[str, Any], pointer: str) -> None:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    answer = world.call("PUT", f"/v1/tenants/{tenant_id}/domains/acme.com", owner, body=body)
    assert (answer.status_code, [f["pointer"] for f in answer.json()["errors"]]) == (422, [pointer])


@pytest.mark.covers("TEN-03", "ACC-02")
def test_a_person_of_a_proved_domain_is_told_and_joins(world: World) -> None:
    tenant_id, domain, ann = scene(world, "auto_join")
    told = world.call("GET", "/v1/me/tenants", ann).json()
    name = f"Name of {tenant_id}"
    assert told["items"] == [{"tenant_id": tenant_id, "tenant_name": name, "domain": domain, "door": "join"}]
    assert world.call("POST", f"/v1/tenants/{tenant_id}/join", ann).status_code == 204
    assert world.members(tenant_id)[ann.principal_id] == "member"
    assert world.call("GET", "/v1/me/tenants", ann).json()["items"] == []
    again = world.call("POST", f"/v1/tenants/{tenant_id}/join", ann)
    assert (again.status_code, again.json()["code"]) == (409, "already_member")


@pytest.mark.covers("N07", "TEN-03", "S03", "TEN-06")
def test_N07_every_reason_not_to_join_has_one_answer(world: World) -> None:
    open_id, domain, _ = scene(world, "auto_join")
    asked_id, asked_domain, _ = scene(world, "request")
    full_id, full_domain, _ = scene(world, "auto_join", seat_limit=1)
    sso_id, sso_domain, _ = scene(world, "auto_join", require_connection="idp")
    suspended_id, suspended_domain, _ = scene(world, "auto_join")
    assert world.call("POST", f"/v1/tenants/{suspended_id}/suspend", PLATFORM).status_code == 200
    tries = [
        ("nowhere", f"a@{domain}"),
        (open_id, "a@example.com"),
        (open_id, f"a@sub.{domain}"),
        (open_id, f"a@{domain}.evil.example"),
        (asked_id, f"a@{asked_domain}"),
        (full_id, f"a@{full_domain}"),
        (sso_id, f"a@{sso_domain}"),
        (suspended_id, f"a@{suspended_domain}"),
    ]
    answers = [
        strip(world.call("POST", f"/v1/tenants/{tenant}/join", person(world.fresh("a"), email)))
        for tenant, email in tries
    ]
    assert {answer[0] for answer in answers} == {404}
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.covers("N07", "TEN-04")
def test_N07_asking_has_one_answer_whatever_became_of_it(world: World) -> None:
    asked_id, domain, ann = scene(world, "request")
    told_id, told_domain, _ = scene(world, "suggest")
    tries = [
        (asked_id, ann),
        (asked_id, ann),
        ("nowhere", ann),
        (told_id, person(world.fresh("a"), f"a@{told_domain}")),
        (asked_id, person(world.fresh("a"), f"a@evil{domain}")),
    ]
    answers = [strip(world.call("POST", f"/v1/tenants/{tenant}/join-requests", who)) for tenant, who in tries]
    assert answers[0][:2] == (202, b"")
    assert all(answer == answers[0] for answer in answers)
    unverified = Person(principal_id=world.fresh("a"), unverified=(f"a@{domain}",))
    for tenant in (asked_id, "nowhere"):
        refused = world.call("POST", f"/v1/tenants/{tenant}/join-requests", unverified)
        assert (refused.status_code, refused.json()["code"]) == (403, "email_unverified")


@pytest.mark.covers("TEN-04", "DEL-01")
def test_a_request_is_decided_and_the_invitation_arrives(make_world: MakeWorld) -> None:
    world = make_world({}, delivers=True)
    owner = world.new_person("owner")
    tenant_id = world.new_tenant()
    world.put_member(tenant_id, owner, "owner", email=owner.emails[0])
    domain = f"{tenant_id}.example.org"
    world.open_domain(tenant_id, domain, "request")
    ann = person(world.fresh("ann"), f"{world.fresh('ann')}@{domain}")
    request_id = world.ask_to_join(tenant_id, ann)
    mail = world.read_mail(owner.emails[0])
    assert "asks to join" in mail.subject
    assert "/settings" in mail.part()
    assert request_id not in mail.part() + mail.part("html")
    base = f"/v1/tenants/{tenant_id}/join-requests"
    [listed] = world.call("GET", f"{base}?state=open", owner).json()["items"]
    assert (listed["request_id"], listed["email"], listed["state"]) == (request_id, ann.emails[0], "open")
    decided = world.call("POST", f"{base}/{request_id}/approve", owner, body={"role": "member"})
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    again = world.call("POST", f"{base}/{request_id}/reject", owner)
    assert (again.status_code, again.json()["code"]) == (409, "join_decided")
    assert "/i/" in world.read_mail(ann.emails[0]).part()
    own = f"/v1/me/invitations/{decided.json()['invitation_id']}/accept"
    assert world.call("POST", own, ann).status_code == 204
    assert world.has_member(tenant_id, ann)

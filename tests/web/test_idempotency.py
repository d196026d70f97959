# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: a retry has no second effect, is authorised anew, and never gets the secret again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import sqlalchemy as sa

from tests.web.harness import PLATFORM, Person, World
from vestibule.storage.schema import audit_events, idempotency_keys, outbox_messages

BODY = {"email": "vera@example.com", "role": "member", "deliver": "link"}


def arrange(world: World) -> tuple[str, Person]:
    owner = world.new_person("owner")
    return f"/v1/tenants/{world.new_tenant(owner=owner)}/invitations", owner


def issue(world: World, path: str, who: Person, key: str = "key-1", **changes: object) -> httpx2.Response:
    return world.call("POST", path, who, body=BODY | changes, headers={"idempotency-key": key})


@pytest.mark.covers("ISS-11")
def test_a_repeat_answers_the_first_201_without_the_link_and_says_so(world: World) -> None:
    path, owner = arrange(world)
    first = issue(world, path, owner)
    again = issue(world, path, owner)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    shown = first.json()
    assert shown.pop("link")
    assert again.json() == shown
    assert len(world.call("GET", path, owner).json()["items"]) == 1


@pytest.mark.covers("ISS-11")
@pytest.mark.parametrize("fate", ["revoked", "accepted", "declined", "resent", "superseded"])
def test_a_repeat_answers_the_first_201_whatever_became_of_it(world: World, fate: str) -> None:
    path, owner = arrange(world)
    vera = world.new_person("vera")
    first = issue(world, path, owner, email=vera.emails[0]).json()
    one, token = f"{path}/{first['invitation_id']}", first.pop("link").rpartition("/")[2]
    done = {
        "revoked": lambda: world.call("DELETE", one, owner),
        "accepted": lambda: world.call("POST", f"/v1/invitations/{token}/accept", vera),
        "declined": lambda: world.call("POST", f"/v1/invitations/{token}/decline", vera),
        "resent": lambda: world.call("POST", one + "/resend", owner),
        "superseded": lambda: issue(world, path, owner, key="key-2", email=vera.emails[0]),
    }[fate]()
    assert done.status_code < 300
    before = world.dump()
    again = issue(world, path, owner, email=vera.emails[0])
    assert (again.status_code, again.json()) == (201, first)
    assert world.dump() == before


@pytest.mark.covers("ISS-11")
def test_the_key_belongs_to_one_body_one_path_and_one_principal(world: World) -> None:
    path, owner = arrange(world)
    colleague = world.new_person("admin")
    world.put_member(path.split("/")[3], colleague, "admin")
    issue(world, path, owner)
    other_body = issue(world, path, owner, email="will@example.com")
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    by_other = issue(world, path, colleague)
    assert (by_other.status_code, "idempotent-replayed" in by_other.headers) == (201, False)
    other_path, other_owner = arrange(world)
    assert "idempotent-replayed" not in issue(world, other_path, other_owner).headers


@pytest.mark.covers("ISS-11", "E10")
@pytest.mark.parametrize("drift,status", [("removed", 404), ("demoted", 403), ("suspended", 423)])
def test_a_repeat_is_authorised_anew(world: World, drift: str, status: int) -> None:
    path, _ = arrange(world)
    tenant_id = path.split("/")[3]
    admin = world.new_person("admin")
    world.put_member(tenant_id, admin, "admin")
    assert issue(world, path, admin).status_code == 201
    if drift == "removed":
        world.remove_member(tenant_id, admin)
    elif drift == "demoted":
        world.put_member(tenant_id, admin, "member")
    else:
        world.call("POST", f"/v1/tenants/{tenant_id}/suspend", PLATFORM)
    assert issue(world, path, admin).status_code == status


@pytest.mark.covers("ISS-11")
def test_a_refused_first_keeps_nothing(world: World) -> None:
    path, owner = arrange(world)
    assert issue(world, path, owner, role="nobody").json()["code"] == "invalid_request"
    assert issue(world, path, owner).status_code == 201


@pytest.mark.covers("ISS-11", "F05", "B09")
def test_twenty_at_once_are_one(world: World) -> None:
    path, owner = arrange(world)
    tenant_id = path.split("/")[3]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: issue(world, path, owner), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["invitation_id"] for answer in answers}) == 1
    assert sum("link" in answer.json() for answer in answers) == 1
    issued = sa.select(audit_events.c.kind).where(
        audit_events.c.tenant_id == tenant_id, audit_events.c.kind == "invitation.issued"
    )
    assert len(world.rows(issued)) == 1
    token = next(answer.json()["link"] for answer in answers if "link" in answer.json()).rpartition("/")[2]
    kept = repr(world.rows(sa.select(idempotency_keys))) + repr(world.rows(sa.select(outbox_messages)))
    assert token not in kept
    assert "vera@example.com" not in kept


@pytest.mark.covers("ISS-11", "ACC-02")
@pytest.mark.parametrize("road", ["link", "own"])
def test_an_accept_with_a_key_may_be_repeated(world: World, road: str) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    path = invited.road if road == "link" else f"/v1/me/invitations/{invited.invitation_id}"
    keyed = {"idempotency-key": "once"}
    statuses = [world.call("POST", path + "/accept", vera, headers=keyed).status_code for _ in range(3)]
    assert statuses == [204, 204, 204]
    assert world.call("POST", path + "/accept", vera).status_code == 404
    assert world.call("POST", path + "/accept", world.new_person(), headers=keyed).status_code == 404

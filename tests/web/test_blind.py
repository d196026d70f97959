# SPDX-License-Identifier: Apache-2.0
"""What the API tells of a tenant that keeps no addresses, and what it asks for again."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import MakeWorld
from tests.web.harness import PLATFORM, World
from vestibule.storage.schema import metadata


def _dump(world: World) -> str:
    return repr([world.rows(table.select()) for table in metadata.sorted_tables])


@pytest.mark.covers("TOK-08", "ISS-01", "ISS-12", "AUD-04", "ACC-01")
def test_no_answer_holds_an_address_that_is_not_kept_and_a_resend_asks_for_it(make_world: MakeWorld) -> None:
    world = make_world({"ADDRESSES": "sealed"}, delivers=True)
    owner, vera, mallory = world.new_person("olga"), world.new_person("vera"), world.new_person("mallory")
    tenant_id = world.new_tenant(owner=owner, address_storage="blind", resend_cooldown=0)
    place = f"/v1/tenants/{tenant_id}/invitations"
    body = {"email": vera.emails[0], "role": "member", "metadata": {"label": "row 7 of our list"}}
    issued = world.call("POST", place, owner, body=body, headers={"idempotency-key": "once"})
    assert issued.json()["email"] == vera.emails[0]
    first = world.read_mail(vera.emails[0])
    one = f"{place}/{issued.json()['invitation_id']}"
    while (shown := world.call("GET", one, owner).json())["send_count"] == 0:
        pass
    assert (shown["email"], shown["metadata"]) == (None, {"label": "row 7 of our list"})
    assert world.call("GET", f"{place}?email={vera.emails[0]}", owner).json()["items"] == [shown]
    assert world.call("GET", f"{place}?email={mallory.emails[0]}", owner).json()["items"] == []
    again = world.call("POST", place, owner, body=body, headers={"idempotency-key": "once"})
    assert again.json()["email"] == vera.emails[0]

    for sent in ({}, {"email": mallory.emails[0]}):
        refused = world.call("POST", f"{one}/resend", owner, body=sent)
        assert refused.status_code == 422
        assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/email"]
    assert world.call("POST", f"{one}/resend", owner, body={"email": vera.emails[0]}).status_code == 200
    found = re.search(r"/i/(\S+)", world.read_mail(vera.emails[0], after=first.index).part("plain"))
    assert found is not None
    token = found[1]
    hint = world.call("GET", f"/v1/invitations/{token}").json()["invited_email_hint"]
    assert hint == "an address that is not kept"
    assert world.call("POST", f"/v1/invitations/{token}/accept", mallory).status_code == 404
    assert world.call("POST", f"/v1/invitations/{token}/accept", vera).status_code == 204
    listed = world.call("GET", f"/v1/tenants/{tenant_id}/members", PLATFORM).json()["items"]
    assert {one["principal_id"]: one["email"] for one in listed}[vera.principal_id] is None
    assert world.call("POST", place, owner, body=body).json()["code"] == "already_member"
    assert vera.emails[0] not in _dump(world)


@pytest.mark.covers("TOK-08", "TEN-02")
def test_a_database_that_holds_plain_addresses_refuses_the_policy(world: World) -> None:
    if world.settings.addresses == "sealed":
        pytest.skip("this run seals")
    owner = world.new_person("olga")
    tenant_id = world.new_tenant(owner=owner)
    body = {"name": "Acme", "policy": {"address_storage": "blind"}}
    refused = world.call("PUT", f"/v1/tenants/{tenant_id}", PLATFORM, body=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/policy/address_storage"
    proposed = world.call(
        "POST", f"/v1/tenants/{tenant_id}/policy/changes", owner, body={"policy": body["policy"]}
    )
    assert proposed.status_code == 422
    body["policy"] = {"address_storage": "kept"}
    assert world.call("PUT", f"/v1/tenants/{tenant_id}", PLATFORM, body=body).status_code == 200

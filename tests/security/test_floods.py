# SPDX-License-Identifier: Apache-2.0
"""Cheap requests that would cost us dearly: slow hashes, and rows that throttling should have stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import sqlalchemy as sa

from tests.web.harness import World
from vestibule.core.token import mint_claim_token
from vestibule.identity import passwords
from vestibule.storage.schema import idempotency_keys

MakeWorld = Callable[[Mapping[str, str]], World]
_FORM = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("address", ["", "no-address", "a@b@c"])
def test_signing_in_as_nobody_is_throttled_before_a_password_is_hashed(
    make_world: MakeWorld, address: str
) -> None:
    world = make_world({"LIMIT_SIGN_IN_PER_IP": "2/600"})
    form = f"email={address}&password=x"
    answers = [world.client.post("/sign-in", content=form, headers=_FORM).status_code for _ in range(3)]
    assert answers == [403, 403, 429]


def test_signing_up_is_throttled_before_a_password_is_hashed(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world({"LIMIT_CODE_PER_ADDRESS": "1/600"})
    owner = world.new_person("owner")
    link = world.invite(world.new_tenant(owner=owner), owner, "vera@example.com").token
    hashed: list[str] = []

    def hash_password(text: str) -> str:
        hashed.append(text)
        return "hash"

    monkeypatch.setattr(passwords, "hash_password", hash_password)
    headers = {**_FORM, "cookie": f"__Host-vestibule-link={link}"}
    form = "name=Vera&password=a+quite+long+password"
    answers = [world.client.post("/sign-up", content=form, headers=headers).status_code for _ in range(3)]
    assert answers == [303, 429, 429]
    assert len(hashed) == 1


@pytest.mark.covers("ISS-11")
def test_a_refused_claim_keeps_no_idempotency_key(world: World) -> None:
    stranger = world.new_person("stranger")
    counted = sa.select(sa.func.count()).select_from(idempotency_keys)
    before = world.rows(counted)
    for number in range(5):
        road = f"/v1/invitations/{mint_claim_token().reveal()}/accept"
        answer = world.call("POST", road, stranger, headers={"idempotency-key": f"key-{number}"})
        assert answer.status_code == 404
    assert world.rows(counted) == before


@pytest.mark.covers("ISS-11")
def test_a_refused_claim_may_be_repeated_with_its_key_until_it_succeeds(world: World) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant = world.new_tenant(owner=owner, seat_limit=1)
    invited = world.invite(tenant, owner, vera.emails[0])
    key = {"idempotency-key": "one"}
    assert world.call("POST", f"{invited.road}/accept", vera, headers=key).status_code == 404
    world.put_policy(tenant, seat_limit=2)
    assert world.call("POST", f"{invited.road}/accept", vera, headers=key).status_code == 204
    assert world.call("POST", f"{invited.road}/accept", vera, headers=key).status_code == 204


def test_a_dead_link_in_the_browser_does_not_keep_its_owner_from_signing_in(make_world: MakeWorld) -> None:
    world = make_world({"LIMIT_PREVIEW_PER_IP": "1/600"})
    headers = {"cookie": f"__Host-vestibule-link={mint_claim_token().reveal()}"}
    answers = [world.client.get("/sign-in?next=/invitation", headers=headers).status_code for _ in range(3)]
    assert answers == [200, 200, 200]

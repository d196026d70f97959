# SPDX-License-Identifier: Apache-2.0
"""Offboarding by the host's signature: for one principal, once, within a minute, and for nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.identity.signing import EdSigner, b64, dump
from tests.web.harness import ISSUER, PUBLIC_URL, Key, Person, World
from vestibule.core.token import mint_id


def order(
    world: World,
    who: Person,
    *,
    signer: EdSigner | None = None,
    typ: str = "vestibule-act+jwt",
    **changes: object,
) -> Key:
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": PUBLIC_URL,
        "iat": now - 5,
        "exp": now + 50,
        "sub": who.principal_id,
        "act": "offboard",
        "jti": mint_id(),
        **changes,
    }
    by = signer or world.signer
    head, payload = (
        dump({"alg": "EdDSA", "kid": by.kid, "typ": typ}),
        dump({name: value for name, value in claims.items() if value is not ...}),
    )
    return Key(f"{head}.{payload}.{b64(by.sign(f'{head}.{payload}'.encode()))}")


def offboard(world: World, who: Person, by: Key) -> httpx2.Response:
    return world.call("POST", f"/v1/principals/{who.principal_id}/offboard", by)


@pytest.mark.covers("LIF-03", "E10", "E01")
def test_a_signed_order_offboards_once(world: World) -> None:
    owner, leaver = world.new_person("owner"), world.new_person("leaver")
    tenant = world.new_tenant(owner=owner)
    world.put_member(tenant, leaver, "member")
    signed = order(world, leaver)
    assert offboard(world, leaver, signed).json()["memberships_removed"] == 1
    assert not world.has_member(tenant, leaver)
    world.put_member(tenant, leaver, "member")
    assert offboard(world, leaver, signed).status_code == 401
    assert world.has_member(tenant, leaver)


@pytest.mark.covers("LIF-03", "F08")
def test_of_many_copies_of_an_order_at_once_one_is_carried_out(world: World) -> None:
    leaver = world.new_person("leaver")
    signed = order(world, leaver)
    with ThreadPoolExecutor(8) as pool:
        answers = [one.status_code for one in pool.map(lambda _: offboard(world, leaver, signed), range(8))]
    assert sorted(answers) == [200] + [401] * 7


WRONG: dict[str, dict[str, object]] = {
    "too long": {"exp": int(time.time()) + 600},
    "over": {"iat": int(time.time()) - 100, "exp": int(time.time()) - 50},
    "another issuer": {"iss": "https://else.example"},
    "another audience": {"aud": "https://else.example"},
    "another act": {"act": "promote"},
    "no act": {"act": ...},
    "no jti": {"jti": ...},
    "an empty jti": {"jti": ""},
    "an unknown claim": {"tenant": "acme"},
    "no sub": {"sub": ...},
    "another type": {"typ": "JWT"},
    "another key": {"signer": EdSigner()},
}


@pytest.mark.covers("LIF-03", "E10")
@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_order_of_the_host_opens_nothing(world: World, case: str) -> None:
    owner, leaver = world.new_person("owner"), world.new_person("leaver")
    tenant = world.new_tenant(owner=owner)
    world.put_member(tenant, leaver, "member")
    signed = order(world, leaver, **WRONG[case])  # type: ignore[arg-type]
    assert offboard(world, leaver, signed).status_code == 401
    assert world.has_member(tenant, leaver)
    assert offboard(world, leaver, order(world, leaver)).status_code == 200


@pytest.mark.covers("LIF-03", "D03")
def test_an_order_is_for_its_principal_and_for_its_road_only(world: World) -> None:
    owner, leaver = world.new_person("owner"), world.new_person("leaver")
    tenant = world.new_tenant(owner=owner)
    signed = order(world, leaver)
    assert offboard(world, owner, signed).status_code == 403
    assert world.has_member(tenant, owner)
    for method, path in (
        ("GET", f"/v1/tenants/{tenant}"),
        ("GET", "/v1/me/invitations"),
        ("PUT", "/v1/suppressions/a@example.com"),
        ("POST", f"/v1/tenants/{tenant}/suspend"),
        ("GET", "/metrics"),
    ):
        answer = world.call(method, path, signed, headers={"x-forwarded-for": "203.0.113.9"})
        assert answer.status_code in {401, 404}, path
    # An assertion of identity is no order, and an order is no identity.
    identity = Key(world.assert_identity(leaver))
    assert offboard(world, leaver, identity).status_code == 403

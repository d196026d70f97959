# SPDX-License-Identifier: Apache-2.0
"""Signed links over HTTP: a filter for the edge, and never more than the record says."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.servers import PostgresServer
from tests.vectors.tokens import make
from tests.web.harness import ENGINES, PLATFORM, PUBLIC_URL, Person, World, read_token
from tests.web.ringed import Ring, read_parts, ring_settings
from tests.web.test_refusal import strip
from vestibule.core.keys import KeySchedule
from vestibule.core.token import mint_claim_token
from vestibule.errors import KeyProviderError
from vestibule.storage.schema import audit_events, invitations, outbox_messages

DAY = timedelta(days=1)
_ROADS = {"vestibule.actions.links.open_link", "vestibule.actions.invitations.preview"}


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("signed")
    url = f"sqlite:///{directory / 'vestibule.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    made = World(url, directory, ring_settings(directory), delivers=True).start()
    Ring(made).create()
    yield made
    made.stop()


@pytest.fixture
def ring(world: World) -> Ring:
    return Ring(world)


@pytest.fixture
def owner(world: World) -> Person:
    return world.new_person("owner")


@pytest.fixture
def tenant_id(world: World, owner: Person) -> str:
    return world.new_tenant(owner=owner, token="signed")


def accept(world: World, token: str, who: Person) -> Any:
    return world.call("POST", f"/v1/invitations/{token}/accept", who)


def refused(world: World, token: str, who: Person) -> bool:
    """Exactly as a token that never was."""
    answers = [strip(accept(world, one, who)) for one in (token, mint_claim_token().reveal())]
    assert answers[0] == answers[1]
    return answers[0][0] == 404


def reasons(world: World, who: Person) -> list[str]:
    query = sa.select(audit_events.c.body).where(
        audit_events.c.kind == "claim.rejected", audit_events.c.actor_id == who.principal_id
    )
    return [re.findall(r'"reason":"(\w+)"', row.body)[0] for row in world.rows(query)]


@pytest.mark.covers("TOK-03", "TOK-02", "DEL-01")
def test_a_link_is_signed_where_policy_asks_and_opens_every_road(
    world: World, owner: Person, tenant_id: str, logs: io.StringIO
) -> None:
    vera, dora = world.new_person("vera"), world.new_person("dora")
    mine, other = (world.invite(tenant_id, owner, one.emails[0]) for one in (vera, dora))
    assert mine.token.startswith("eyJ")
    assert world.call("GET", mine.road).json()["state"] == "pending"
    assert world.call("POST", mine.road + "/request-new").status_code == 202
    assert accept(world, mine.token, vera).status_code == 204
    assert world.has_member(tenant_id, vera)
    assert world.call("POST", other.road + "/decline", dora).status_code == 204
    assert refused(world, mine.token, vera)
    shown = f"/v1/tenants/{tenant_id}/invitations"
    for answer in (world.call("GET", shown, owner), world.call("GET", mine.path, owner)):
        assert "eyJ" not in answer.text
    for secret in (mine.token, read_parts(mine.token)[1]["jti"]):
        assert secret not in logs.getvalue()
        assert not any(secret in repr(rows) for rows in world.contents().values())


@pytest.mark.covers("TOK-03", "DEL-01")
def test_a_mail_carries_a_signed_link_that_the_pages_take(
    world: World, owner: Person, tenant_id: str
) -> None:
    vera = world.new_person("vera")
    body = {"email": vera.emails[0], "role": "member"}
    assert world.call("POST", f"/v1/tenants/{tenant_id}/invitations", owner, body=body).status_code == 201
    [link] = set(re.findall(rf"{PUBLIC_URL}/i/[A-Za-z0-9_.-]+", world.read_mail(vera.emails[0]).part()))
    token = read_token(link)
    assert token.startswith("eyJ")
    moved = world.client.get(f"/i/{token}", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (303, "/invitation")
    cookie = moved.headers["set-cookie"].partition(";")[0]
    assert token in cookie
    page = world.client.get("/invitation", headers={"cookie": cookie})
    assert f"Name of {tenant_id}" in page.text
    assert accept(world, token, vera).status_code == 204


@pytest.mark.covers("TOK-03")
def test_an_invitation_that_is_resent_under_another_policy_changes_its_kind(
    world: World, owner: Person, tenant_id: str
) -> None:
    vera = world.new_person("vera")
    signed = world.invite(tenant_id, owner, vera.emails[0])
    world.put_policy(tenant_id, token="opaque", resend_cooldown=0)
    again = world.call("POST", signed.path + "/resend", owner, body={"deliver": "link"}).json()
    opaque = read_token(again["link"])
    assert opaque.startswith("vst_")
    assert refused(world, signed.token, vera)
    world.put_policy(tenant_id, token="signed", resend_cooldown=0)
    third = world.call("POST", signed.path + "/resend", owner, body={"deliver": "link"}).json()
    assert refused(world, opaque, vera)
    assert accept(world, read_token(third["link"]), vera).status_code == 204


@pytest.mark.covers("TOK-03", "C01")
def test_a_thief_of_the_signing_key_forges_nothing(
    world: World, ring: Ring, owner: Person, tenant_id: str
) -> None:
    vera = world.new_person("vera")
    real = world.invite(tenant_id, owner, vera.emails[0])
    now = datetime.now(UTC)
    forged = ring.forge(ring.active(), issued_at=now, expires_at=now + DAY)
    before = read_count(world, "unknown")
    assert refused(world, forged, vera)
    assert reasons(world, vera) == ["unknown", "unknown"]
    assert read_count(world, "unknown") == before + 2
    assert accept(world, real.token, vera).status_code == 204


def read_count(world: World, outcome: str) -> float:
    text = world.call("GET", "/metrics", PLATFORM).text
    found = re.search(rf'vestibule_claims_total{{act="accept",outcome="{outcome}"}} (\S+)', text)
    return float(found[1]) if found else 0


@pytest.mark.covers("C01", "C02", "C03", "C04", "C05", "C10", "TOK-03")
def test_every_bad_golden_token_gets_the_one_refusal(world: World, ring: Ring) -> None:
    vera = world.new_person("vera")
    expected = strip(accept(world, mint_claim_token().reveal(), vera))
    for name, token, verdict in make.signed_cases():
        if verdict != "probable" and "/" not in token and token.isprintable() and " " not in token:
            assert strip(accept(world, token, vera)) == expected, name


@pytest.mark.covers("C05", "TOK-04")
@pytest.mark.parametrize("purpose", ["schedule", "receipt", "checkpoint"])
def test_a_token_signed_with_a_key_for_something_else_is_refused(
    world: World, ring: Ring, owner: Person, tenant_id: str, purpose: str
) -> None:
    vera = world.new_person("vera")
    found = ring.do(lambda uow: uow.keys.find_active(purpose)) or ring.create(purpose)
    now = datetime.now(UTC)
    assert refused(world, ring.forge(found, issued_at=now, expires_at=now + DAY), vera)
    # The same claims, and even the right secret, under the wrong key.
    real = world.invite(tenant_id, owner, vera.emails[0])
    head, claims = read_parts(real.token)
    signed = f"{make.dump({**head, 'kid': found.key_id})}.{make.dump(claims)}"
    signature = make.b64(ring.provider.sign(found, signed.encode()))
    assert refused(world, f"{signed}.{signature}", vera)
    assert world.assert_identity(vera).count(".") == 2
    assert refused(world, world.assert_identity(vera), vera)
    assert accept(world, real.token, vera).status_code == 204


@pytest.mark.covers("TOK-04", "C06")
def test_a_rotated_key_verifies_in_its_grace_and_a_compromised_one_nowhere_at_once(
    world: World, ring: Ring, owner: Person, tenant_id: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    people = [world.new_person("vera") for _ in range(4)]
    first, second = (world.invite(tenant_id, owner, one.emails[0]) for one in people[:2])
    old = ring.active()
    new = ring.rotate()
    third, fourth = (world.invite(tenant_id, owner, one.emails[0]) for one in people[2:])
    assert read_parts(first.token)[0]["kid"] == old.key_id
    assert read_parts(third.token)[0]["kid"] == new.key_id
    assert accept(world, first.token, people[0]).status_code == 204
    # A second process, with a cold cache, that has verified nothing yet; and this one, that has.
    elsewhere = second_process(world, tmp_path_factory.mktemp("elsewhere"))
    try:
        assert accept(elsewhere, third.token, people[2]).status_code == 204
        ring.compromise(new.key_id)
        for place in (world, elsewhere):
            assert refused(place, fourth.token, people[3])
        ring.compromise(old.key_id)
        for place in (world, elsewhere):
            assert refused(place, second.token, people[1])
    finally:
        elsewhere.client.close()
        elsewhere._server.should_exit = True
        elsewhere._thread.join(30)
        elsewhere.dns.stop()
    # The invitation itself is alive: its owner accepts it without the link.
    own = f"/v1/me/invitations/{fourth.invitation_id}/accept"
    assert world.call("POST", own, people[3]).status_code == 204


def second_process(world: World, directory: Any) -> World:
    """Another service on the same database and key store."""
    other = World.__new__(World)
    other.__dict__.update({**world.__dict__, "_mailbox": None})
    other.settings = replace(world.settings)
    other.dns = type(world.dns)()
    return other.start()


@pytest.mark.covers("C06", "TOK-04")
def test_after_its_grace_a_rotated_key_verifies_nothing(
    world: World, ring: Ring, owner: Person, tenant_id: str
) -> None:
    vera = world.new_person("vera")
    invited = world.invite(tenant_id, owner, vera.emails[0])
    ring.rotate(verify_for=-KeySchedule().leeway)
    assert refused(world, invited.token, vera)


@pytest.mark.covers("C09", "LIF-02", "LIF-03")
@pytest.mark.parametrize("end", ["revoke", "suspend", "expire", "demote"])
def test_a_signature_does_not_outlive_the_state_of_its_invitation(
    world: World, owner: Person, tenant_id: str, end: str
) -> None:
    vera = world.new_person("vera")
    invited = world.invite(tenant_id, owner, vera.emails[0])
    if end == "revoke":
        assert world.call("DELETE", invited.path, owner).status_code == 204
    elif end == "suspend":
        world.call("POST", f"/v1/tenants/{tenant_id}/suspend", PLATFORM)
    elif end == "expire":
        world.expire(invited.invitation_id)
    else:
        world.put_member(tenant_id, world.new_person("other"), "owner")
        world.put_member(tenant_id, owner, "member")
    assert refused(world, invited.token, vera)


@pytest.mark.covers("C07", "LIF-01")
def test_the_databases_end_decides_though_the_envelope_says_later(
    world: World, owner: Person, tenant_id: str
) -> None:
    vera = world.new_person("vera")
    invited = world.invite(tenant_id, owner, vera.emails[0])
    change = sa.update(invitations).where(invitations.c.invitation_id == invited.invitation_id)
    with world.engine.begin() as connection:
        connection.execute(change.values(expires_at=datetime.now(UTC) - timedelta(milliseconds=1)))
    assert read_parts(invited.token)[1]["exp"] > datetime.now(UTC).timestamp() + 86_400
    assert refused(world, invited.token, vera)


@pytest.mark.covers("C08", "B07")
def test_a_refreshed_link_is_never_the_old_one(world: World, owner: Person, tenant_id: str) -> None:
    world.put_policy(tenant_id, token="signed", resend_cooldown=0)
    invited = world.invite(tenant_id, owner, world.new_person("vera").emails[0])
    seen = {read_parts(invited.token)[1]["jti"]}
    for _ in range(5):
        again = world.call("POST", invited.path + "/resend", owner, body={"deliver": "link"}).json()
        seen.add(read_parts(read_token(again["link"]))[1]["jti"])
    assert len(seen) == 6


@pytest.mark.covers("TOK-03", "OBS-01")
def test_what_is_no_token_never_reaches_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    kind = type(world.deployment.runner)
    for name in ("run", "read", "claim"):
        real = getattr(kind, name)

        def spy(self: Any, action: Any, *args: Any, _real: Any = real, **kwargs: Any) -> Any:
            if action.__module__ in _ROADS:
                asked.append(action.__name__)
            return _real(self, action, *args, **kwargs)

        monkeypatch.setattr(kind, name, spy)
    shapeless = [
        token for _, token, verdict in make.signed_cases() if verdict == "shape" and "/" not in token
    ]
    for token in shapeless:
        if token.isprintable() and " " not in token:
            assert world.call("GET", f"/v1/invitations/{token}").status_code in {404, 405}
    assert asked == []
    assert world.call("GET", f"/v1/invitations/{make.make()}").status_code == 404
    assert list(dict.fromkeys(asked)) == ["open_link", "preview"]


@pytest.mark.covers("TOK-03", "TOK-08")
def test_no_token_that_was_ever_issued_here_says_who_or_what_or_where(
    world: World, owner: Person, tenant_id: str
) -> None:
    vera = world.new_person("vera")
    for role in ("member",):
        invited = world.invite(tenant_id, owner, vera.emails[0], role=role, message="Dear Vera")
        head, claims = read_parts(invited.token)
        assert set(head) == {"alg", "kid", "typ"}
        assert set(claims) == {"iss", "aud", "iat", "exp", "jti", "scp"}
        for personal in (
            vera.emails[0],
            "vera",
            tenant_id,
            role,
            owner.principal_id,
            "Dear",
            invited.invitation_id,
        ):
            assert personal not in repr({**head, **claims} | {"jti": ""})


@pytest.mark.covers("TOK-05", "DEL-02")
def test_while_the_provider_is_down_links_are_taken_letters_wait_and_nothing_is_lost(
    world: World, ring: Ring, owner: Person, tenant_id: str, make_broken: Any, logs: io.StringIO
) -> None:
    vera, wanda, opal = (world.new_person("vera") for _ in range(3))
    invited = world.invite(tenant_id, owner, vera.emails[0])
    path = f"/v1/tenants/{tenant_id}/invitations"
    opaque_tenant = world.new_tenant(owner=owner)
    with make_broken(world):
        answer = world.call(
            "POST", path, owner, body={"email": wanda.emails[0], "role": "member", "deliver": "link"}
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "key_provider_failed")
        assert world.call("GET", f"{path}?email={wanda.emails[0]}", owner).json()["items"] == []
        again = world.call("POST", invited.path + "/resend", owner, body={"deliver": "link"})
        assert again.status_code == 503
        assert accept(world, invited.token, vera).status_code == 204
        mailed = {"email": wanda.emails[0], "role": "member"}
        waiting = world.call("POST", path, owner, body=mailed).json()
        plain = {"email": opal.emails[0], "role": "member"}
        assert (
            world.call("POST", f"/v1/tenants/{opaque_tenant}/invitations", owner, body=plain).status_code
            == 201
        )
        assert "/i/vst_" in world.read_mail(opal.emails[0]).part()
        shown = world.call("GET", f"{path}/{waiting['invitation_id']}", owner).json()
        assert (shown["state"], shown["send_count"]) == ("pending", 0)
        assert "delivery_waits_for_key" in logs.getvalue()
    with world.engine.begin() as connection:
        connection.execute(sa.update(outbox_messages).values(due_at=datetime.now(UTC)))
    assert "/i/eyJ" in world.read_mail(wanda.emails[0]).part()


@pytest.fixture
def make_broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    @contextmanager
    def breaking(world: World) -> Iterator[None]:
        provider = world.deployment.provider
        kind = type(provider)

        def down(*_: Any, **__: Any) -> bytes:
            raise KeyProviderError("down")

        with monkeypatch.context() as patch:
            patch.setattr(kind, "sign", down)
            yield

    return breaking

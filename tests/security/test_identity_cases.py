# SPDX-License-Identifier: Apache-2.0
"""What nobody can say of oneself: that an address is verified, or that it is one's own already."""

from __future__ import annotations

import dataclasses
import re

import httpx2
import pytest
import sqlalchemy as sa

from tests.pages.site import PASSWORD, Site, make_site
from tests.scim.provisioner import USER, Provisioner
from tests.web.harness import PLATFORM, Person, World
from vestibule.storage.engine import make_engine
from vestibule.storage.schema import accounts

_CLAIM = {"email": "v@acme.example", "email_verified": True, "emailVerified": True}
_SELVES = (
    "/v1/me",
    "/v1/me/emails",
    "/v1/me/profile",
    "/v1/principals/me",
    "/me",
    "/my/account",
    "/v1/accounts",
)


@pytest.mark.covers("A05", "ACC-03")
def test_A05_nobody_verifies_an_address_of_ones_own_by_saying_so(world: World) -> None:
    owner, mallory, vera = world.new_person("owner"), world.new_person("mallory"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    before = world.dump()
    said = _CLAIM | {"email": vera.emails[0]}
    for path in _SELVES:
        for method in ("PATCH", "PUT", "POST"):
            for body in (said, {"user": said}, {"emails": [said]}):
                assert world.call(method, path, mallory, body=body).status_code in {404, 405}
    for body in (said, {"identity": said}):
        # Accept reads no body: who asks is said by the assertion alone.
        assert world.call("POST", invited.road + "/accept", mallory, body=body).status_code == 404
    # Neither does the host's word about something else make it verified.
    nested = dataclasses.replace(
        mallory,
        emails=(),
        unverified=(vera.emails[0],),
        extra={"email_verified": True, "email": vera.emails[0]},
    )
    assert world.call("POST", invited.road + "/accept", nested).json()["code"] == "email_unverified"
    assert {
        name
        for name, rows in world.dump().items()
        if rows != before.get(name)
        and name not in {"vestibule_audit_events", "vestibule_log_queue", "vestibule_principals"}
    } <= {"vestibule_principal_addresses"}
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204


@pytest.mark.covers("A05", "LIF-03")
def test_A05_a_directory_verifies_no_address_of_its_people(world: World) -> None:
    directory = Provisioner(world)
    mallory, vera = world.new_person("mallory"), world.new_person("vera")
    invited = world.invite(directory.tenant_id, directory.owner, vera.emails[0])
    said = {
        "schemas": [USER],
        "userName": vera.emails[0],
        "externalId": mallory.principal_id,
        "active": True,
        "emails": [{"value": vera.emails[0], "primary": True}],
    }
    assert directory.call("POST", "/Users", said).status_code == 201
    for road in (invited.road, f"/v1/me/invitations/{invited.invitation_id}"):
        assert world.call("POST", road + "/accept", mallory).status_code == 404
    assert world.call("GET", "/v1/me/invitations", mallory).json()["items"] == []
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204


@pytest.mark.covers("A06", "ACC-03")
def test_A06_what_is_only_asked_for_is_not_ones_address(world: World) -> None:
    owner, vera, mallory = world.new_person("owner"), world.new_person("vera"), world.new_person("mallory")
    tenant_id = world.new_tenant(owner=owner)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    # A change that its host has not confirmed: the old address verified, the new one not.
    pending = dataclasses.replace(mallory, unverified=(vera.emails[0],))
    assert world.call("POST", invited.road + "/accept", pending).status_code == 404
    # What the host's backend wrote of a member is for notices, and lets nobody in.
    other = world.new_tenant(owner=owner)
    world.put_member(other, mallory, "member", email=vera.emails[0])
    assert world.call("POST", invited.road + "/accept", mallory).status_code == 404
    assert world.call("GET", "/v1/me/invitations", pending).json()["items"] == []
    assert not world.has_member(tenant_id, mallory)
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204


@pytest.mark.covers("A06", "A11", "A02", "ACC-04")
def test_A11_whoever_signs_up_by_a_link_gets_the_invited_address_or_none(tmp_path: object) -> None:
    site = make_site(tmp_path)  # type: ignore[arg-type]
    try:
        _sign_up_as_somebody_else(site)
    finally:
        site.stop()


def _sign_up_as_somebody_else(site: Site) -> None:
    owner = site.add_account("Olivia")
    tenant_id = site.add_tenant(owner)
    address, own = "vera@people.example", "mallory@evil.example"
    ours = {"sec-fetch-site": "same-origin"}
    with (
        httpx2.Client(base_url=site.url, headers=ours) as office,
        httpx2.Client(base_url=site.url, headers=ours) as visitor,
    ):
        office.post("/sign-in", data={"email": owner.address, "password": PASSWORD, "next": "/"})
        office.post(
            f"/tenants/{tenant_id}/settings/invitations",
            data={"email": address, "role": "member", "deliver": "email"},
        )
        visitor.get(httpx2.URL(site.find_link(address)).path)
        form = {"name": "Mallory", "password": PASSWORD, "email": own, "address": own, "verified": "true"}
        visitor.post("/sign-up", data=form)
        code = site.find_code(address)
        # Asked for is not confirmed: no session, no account, and accepting needs both.
        assert (
            visitor.post("/invitation/accept", data={"claim_ref": "0"})
            .headers["location"]
            .startswith("/sign-in")
        )
        assert _addresses(site) == {owner.address}
        visitor.post("/verify", data={"code": code, "email": own})
        assert _addresses(site) == {owner.address, address}
        page = visitor.get("/invitation").text
        found = re.search(r'name="claim_ref" value="([0-9a-f]+)"', page)
        assert found is not None
        joined = visitor.post("/invitation/accept", data={"claim_ref": found[1], "email": own})
        assert joined.headers["location"] == "/invitation?joined=new"


def _addresses(site: Site) -> set[str]:
    engine = make_engine(site.database_url)
    with engine.connect() as connection:
        found = set(connection.execute(sa.select(accounts.c.address)).scalars())
    engine.dispose()
    return found


@pytest.mark.covers("N05", "ISS-20")
def test_N05_whom_one_invites_tells_nothing_of_whom_there_is(world: World) -> None:
    owner = world.new_person("owner")
    path = f"/v1/tenants/{world.new_tenant(owner=owner)}/invitations"
    known, gone = world.new_person("known"), world.new_person("gone")
    world.put_member(world.new_tenant(owner=known), known, "owner")
    world.put_member(world.new_tenant(owner=world.new_person("else")), gone, "member", email=gone.emails[0])
    world.offboard(gone)
    suppressed = f"{world.fresh('suppressed')}@example.com"
    assert world.call("PUT", f"/v1/suppressions/{suppressed}", PLATFORM).status_code == 201
    seen = [
        _shape(world, path, owner, email)
        for email in (f"{world.fresh('new')}@example.com", known.emails[0], gone.emails[0], suppressed)
    ]
    assert all(one == seen[0] for one in seen), seen
    assert seen[0][0] == 201


@pytest.mark.covers("N05", "ISS-09")
def test_N05_the_rules_of_a_tenant_are_read_by_whoever_may_and_by_nobody_else(world: World) -> None:
    owner, member = world.new_person("owner"), world.new_person("member")
    tenant_id = world.new_tenant(owner=owner, allowed_domains=["secret-partner.example"])
    world.put_member(tenant_id, member, "member")
    path = f"/v1/tenants/{tenant_id}/invitations"
    for who in (member, world.new_person("stranger")):
        told = {
            (answer.status_code, answer.json()["code"])
            for email in ("a@example.com", "a@secret-partner.example", member.emails[0])
            for answer in [world.call("POST", path, who, body={"email": email, "role": "member"})]
        }
        assert len(told) == 1, "one answer, whatever the address"
    refused = world.call("POST", path, owner, body={"email": "a@example.com", "role": "member"})
    assert (refused.status_code, refused.json()["code"]) == (422, "domain_not_allowed")
    assert "secret-partner" not in refused.text
    sound = {"email": "a@secret-partner.example", "role": "member"}
    assert world.call("POST", path, owner, body=sound).status_code == 201


def _shape(world: World, path: str, who: Person, email: str) -> tuple[int, list[str], list[str]]:
    """An answer without what is that one invitation's."""
    answer = world.call("POST", path, who, body={"email": email, "role": "member"})
    shown = answer.json()
    own = ("invitation_id", "email", "created_at", "expires_at", "request_id")
    kept = [f"{name}={value}" for name, value in sorted(shown.items()) if name not in own]
    return answer.status_code, kept, sorted(name for name in answer.headers if name != "date")

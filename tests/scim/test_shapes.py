# SPDX-License-Identifier: Apache-2.0
"""Deactivations in the shapes that directories really send, and what none of them may ever do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.scim.provisioner import ENTERPRISE, GROUP, PATCH, USER, Provisioner, make_directory_key
from tests.web.harness import PLATFORM, Key

Send = Callable[[Provisioner, str, str], httpx2.Response]


def by_patch(*operations: dict[str, Any]) -> Send:
    return lambda directory, user_id, _: directory.patch(user_id, *operations)


def by_put(directory: Provisioner, user_id: str, user_name: str) -> httpx2.Response:
    # Okta replaces the whole user.
    body = {
        "schemas": [USER],
        "id": user_id,
        "userName": user_name,
        "name": {"givenName": "Vera", "familyName": "V"},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "active": False,
        "groups": [],
        "meta": {"resourceType": "User"},
    }
    return directory.call("PUT", f"/Users/{user_id}", body)


def by_delete(directory: Provisioner, user_id: str, _: str) -> httpx2.Response:
    return directory.call("DELETE", f"/Users/{user_id}")


DEACTIVATIONS: dict[str, Send] = {
    "standard": by_patch({"op": "replace", "path": "active", "value": False}),
    "entra: capitals and a text": by_patch({"op": "Replace", "path": "active", "value": "False"}),
    "entra: no path and a text": by_patch({"op": "Replace", "value": {"active": "False"}}),
    "entra: with other changes": by_patch(
        {"op": "Replace", "path": "displayName", "value": "Gone"},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": "58342554"},
        {"op": "Add", "path": 'emails[type eq "home"].value', "value": "home@example.org"},
        {"op": "Replace", "path": "active", "value": "False"},
    ),
    "entra: dotted names without a path": by_patch(
        {"op": "Replace", "value": {"name.givenName": "V", "active": False}}
    ),
    "okta: no path": by_patch({"op": "replace", "value": {"active": False}}),
    "okta: put": by_put,
    "onelogin: add": by_patch({"op": "add", "value": {"active": False}}),
    "a path with its schema": by_patch({"op": "replace", "path": f"{USER}:active", "value": False}),
    "other capitals": by_patch({"op": "REPLACE", "path": "Active", "value": "false"}),
    "delete": by_delete,
}


@pytest.mark.covers("LIF-03", "E01", "E10", "TEN-01")
@pytest.mark.parametrize("shape", DEACTIVATIONS)
def test_whom_the_directory_deactivates_is_out_with_everything(directory: Provisioner, shape: str) -> None:
    world = directory.world
    leaver, user_id = directory.member("admin")
    issued = world.invite(directory.tenant_id, leaver, f"{world.fresh('guest')}@example.com")
    spare = world.invite(directory.tenant_id, directory.owner, f"{world.fresh('other')}@example.com")
    answer = DEACTIVATIONS[shape](directory, user_id, leaver.emails[0])
    assert answer.status_code in {200, 204}, answer.text
    if answer.status_code == 200:
        assert answer.json()["active"] is False
    assert not world.has_member(directory.tenant_id, leaver)
    shown = world.call("GET", issued.path, directory.owner).json()
    assert (shown["state"], shown["revoked_reason"]) == ("revoked", "inviter_deactivated")
    assert world.call("GET", spare.path, directory.owner).json()["state"] == "pending"
    [told] = directory.events("directory.user_deactivated")
    assert (told["memberships_ended"], told["invitations_revoked"], told["last_owner_kept"]) == (1, 1, False)
    assert {event["reason"] for event in directory.events("invitation.revoked")} == {"inviter_deactivated"}
    assert [event["reason"] for event in directory.events("membership.removed")] == ["deactivated"]


REFUSED: dict[str, dict[str, Any]] = {
    "an unknown operation": {"op": "disable", "path": "active", "value": False},
    "an unknown path": {"op": "replace", "path": "actve", "value": False},
    "an unknown name": {"op": "replace", "value": {"accountEnabled": False}},
    "not a truth": {"op": "replace", "path": "active", "value": "perhaps"},
    "a list for a truth": {"op": "replace", "path": "active", "value": [False]},
    "no value": {"op": "add", "path": "active"},
    "a filter that can not be read": {"op": "remove", "path": "emails[type eq"},
}


@pytest.mark.covers("LIF-03")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_understood_is_refused_and_never_answered_with_200(
    directory: Provisioner, case: str
) -> None:
    staff, user_id = directory.member()
    valid = {"op": "replace", "path": "displayName", "value": "New"}
    answer = directory.patch(user_id, valid, REFUSED[case])
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert "displayName" not in directory.call("GET", f"/Users/{user_id}").json()
    assert directory.world.has_member(directory.tenant_id, staff)


@pytest.mark.covers("LIF-03")
@pytest.mark.parametrize("body", [{"Operations": []}, {"Operations": "x"}, {}, {"Operations": [None]}])
def test_a_patch_without_operations_is_refused(directory: Provisioner, body: dict[str, Any]) -> None:
    user_id = directory.add(f"{directory.world.fresh('u')}@example.com")
    answer = directory.call("PATCH", f"/Users/{user_id}", {"schemas": [PATCH], **body})
    assert answer.status_code == 400, answer.text


@pytest.mark.covers("LIF-03", "D15")
def test_adding_and_reactivating_grant_nothing_and_restore_nothing(directory: Provisioner) -> None:
    world = directory.world
    leaver, user_id = directory.member()
    directory.patch(user_id, {"op": "replace", "path": "active", "value": False})
    answer = directory.patch(user_id, {"op": "Replace", "path": "active", "value": "True"})
    assert answer.json()["active"] is True
    assert not world.has_member(directory.tenant_id, leaver)
    newcomer = world.new_person("newcomer")
    directory.add(newcomer.emails[0], active=True, externalId=newcomer.principal_id)
    assert not world.has_member(directory.tenant_id, newcomer)
    # Active again, an address may be invited again.
    invited = world.invite(directory.tenant_id, directory.owner, leaver.emails[0])
    assert world.call("POST", f"{invited.road}/accept", leaver).status_code == 204


@pytest.mark.covers("D15", "LIF-03")
def test_D15_an_address_that_the_directory_has_deactivated_is_neither_invited_nor_claims(
    directory: Provisioner,
) -> None:
    world = directory.world
    vera = world.new_person("vera")
    user_id = directory.add(vera.emails[0], active=False)
    body = {"email": vera.emails[0], "role": "member"}
    road = f"/v1/tenants/{directory.tenant_id}/invitations"
    refused = world.call("POST", road, directory.owner, body=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "directory_barred")
    # Another of her addresses, which the directory does not know: she is barred by her principal.
    directory.call(
        "PUT",
        f"/Users/{user_id}",
        {"schemas": [USER], "userName": vera.emails[0], "externalId": vera.principal_id},
    )
    invited = world.invite(directory.tenant_id, directory.owner, f"{world.fresh('second')}@example.com")
    both = type(vera)(principal_id=vera.principal_id, emails=(invited.email,))
    assert world.call("POST", f"{invited.road}/accept", both).status_code == 404
    directory.patch(user_id, {"op": "replace", "path": "active", "value": True})
    assert world.call("POST", f"{invited.road}/accept", both).status_code == 204


@pytest.mark.covers("LIF-03", "TEN-01")
def test_the_last_owner_is_kept_without_force_and_the_directory_hears_200(directory: Provisioner) -> None:
    world = directory.world
    user_id = directory.add(directory.owner.emails[0], externalId=directory.owner.principal_id)
    answer = directory.patch(user_id, {"op": "Replace", "path": "active", "value": "False"})
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    [told] = directory.events("directory.user_deactivated")
    assert told["last_owner_kept"] is True
    [stripped] = directory.events("membership.stripped")
    assert (stripped["principal_id"], stripped["reason"]) == (directory.owner.principal_id, "deactivated")
    body = {"email": "x@example.com", "role": "member"}
    refused = world.call("POST", f"/v1/tenants/{directory.tenant_id}/invitations", directory.owner, body=body)
    assert refused.status_code == 404
    world.put_member(directory.tenant_id, directory.owner, "owner")
    assert world.has_member(directory.tenant_id, directory.owner)


@pytest.mark.covers("LIF-03", "TEN-06")
def test_a_directory_reaches_its_own_tenant_only(directory: Provisioner) -> None:
    world = directory.world
    other = Provisioner(world)
    guest, _ = other.member()
    world.put_member(directory.tenant_id, guest, "member", email=guest.emails[0])
    theirs = other.add(f"{world.fresh('theirs')}@example.com")
    for method in ("GET", "DELETE"):
        assert directory.call(method, f"/Users/{theirs}").status_code == 404
    user_id = directory.add(guest.emails[0], active=False)
    assert not world.has_member(directory.tenant_id, guest)
    assert world.has_member(other.tenant_id, guest)
    assert directory.call("GET", f"/Users/{user_id}").status_code == 200
    # Nor does its key open anything but the directory.
    assert world.call("GET", f"/v1/tenants/{directory.tenant_id}", directory.key).status_code == 403
    assert world.call("GET", f"/v1/tenants/{other.tenant_id}", directory.key).status_code in {403, 404}


@pytest.mark.covers("LIF-03", "D03")
def test_nobody_else_speaks_for_a_directory(directory: Provisioner) -> None:
    world = directory.world
    members_key = make_directory_key(world, directory.tenant_id, "members")
    for who, status in (
        (None, 401),
        (Key("vsk_" + "x" * 40), 401),
        (directory.owner, 403),
        (PLATFORM, 403),
        (members_key, 403),
        (directory.key, 200),
    ):
        for path in ("/Users", "/Groups"):
            answer = world.call("GET", f"/scim/v2{path}", who)
            assert (path, answer.status_code) == (path, status)
            assert answer.headers["content-type"] == "application/scim+json"
    directory.world.call("DELETE", f"/v1/tenants/{directory.tenant_id}", PLATFORM)
    assert directory.call("GET", "/Users").status_code == 404


@pytest.mark.covers("LIF-03")
def test_users_are_found_by_name_external_id_and_id_and_paged(directory: Provisioner) -> None:
    names = [f"{directory.world.fresh('u')}@Example.com" for _ in range(5)]
    ids = [directory.add(name, externalId=f"ext-{number}") for number, name in enumerate(names)]

    def ask(**query: object) -> dict[str, Any]:
        text = str(httpx2.QueryParams({name: str(value) for name, value in query.items()}))
        found: dict[str, Any] = directory.call("GET", f"/Users?{text}").json()
        return found

    for asked in (f'userName eq "{names[2].lower()}"', 'externalId eq "ext-2"', f'ID Eq "{ids[2]}"'):
        page = ask(filter=asked)
        assert (page["totalResults"], [one["id"] for one in page["Resources"]]) == (1, [ids[2]])
    assert ask(filter='userName eq "nobody"')["totalResults"] == 0
    first, rest = ask(startIndex=1, count=2), ask(startIndex=3, count=10)
    assert [one["id"] for one in [*first["Resources"], *rest["Resources"]]] == ids
    assert (first["totalResults"], first["itemsPerPage"], rest["startIndex"]) == (5, 2, 3)
    assert ask(count=0)["totalResults"] == 5
    assert set(ask(attributes="userName", count=1)["Resources"][0]) == {"schemas", "id", "userName"}
    for wrong in (
        "startIndex=x",
        "filter=active+eq+true",
        "filter=userName+co+%22a%22",
        "attributes=no/thing",
    ):
        assert directory.call("GET", f"/Users?{wrong}").status_code == 400


@pytest.mark.covers("LIF-03")
def test_a_name_is_one_user_in_any_spelling(directory: Provisioner) -> None:
    name = f"{directory.world.fresh('u')}@example.com"
    directory.add(name)
    again = directory.call("POST", "/Users", {"schemas": [USER], "userName": name.upper()})
    assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    other = directory.add(f"{directory.world.fresh('u')}@example.com")
    renamed = directory.patch(other, {"op": "replace", "path": "userName", "value": name})
    assert (renamed.status_code, renamed.json()["scimType"]) == (409, "uniqueness")


@pytest.mark.covers("LIF-03")
def test_whoever_is_renamed_while_inactive_is_out_by_every_name(directory: Provisioner) -> None:
    world = directory.world
    vera = world.new_person("vera")
    user_id = directory.add(vera.emails[0], active=False)
    second = f"{world.fresh('second')}@example.com"
    directory.patch(user_id, {"op": "replace", "path": "userName", "value": second})
    for address in (vera.emails[0], second):
        body = {"email": address, "role": "member"}
        answer = world.call(
            "POST", f"/v1/tenants/{directory.tenant_id}/invitations", directory.owner, body=body
        )
        assert answer.status_code == 409
    directory.call("DELETE", f"/Users/{user_id}")
    world.invite(directory.tenant_id, directory.owner, second)


@pytest.mark.covers("LIF-03")
def test_no_password_is_kept_or_shown(directory: Provisioner) -> None:
    name = f"{directory.world.fresh('u')}@example.com"
    body = {"schemas": [USER], "userName": name, "password": "correct horse"}
    made = directory.call("POST", "/Users", body)
    assert made.headers["location"] == made.json()["meta"]["location"]
    directory.patch(made.json()["id"], {"op": "replace", "path": "password", "value": "correct horse"})
    assert "correct horse" not in made.text + directory.call("GET", f"/Users/{made.json()['id']}").text
    assert "correct horse" not in repr(directory.world.contents())


@pytest.mark.covers("LIF-03")
def test_groups_are_kept_and_give_nothing(directory: Provisioner) -> None:
    world = directory.world
    staff = world.new_person("staff")
    user_id = directory.add(staff.emails[0])
    body = {"schemas": [GROUP], "displayName": "Owners", "members": [{"value": user_id}]}
    group_id = directory.call("POST", "/Groups", body).json()["id"]
    assert not world.has_member(directory.tenant_id, staff)
    found = directory.call("GET", '/Groups?filter=displayName+eq+"owners"&excludedAttributes=members').json()
    assert [one["id"] for one in found["Resources"]] == [group_id]
    assert "members" not in found["Resources"][0]
    removal = {"op": "Remove", "path": "members", "value": [{"value": user_id}]}
    patched = directory.call("PATCH", f"/Groups/{group_id}", {"schemas": [PATCH], "Operations": [removal]})
    assert patched.status_code == 200, patched.text
    assert "members" not in patched.json()
    assert directory.call("DELETE", f"/Groups/{group_id}").status_code == 204


@pytest.mark.covers("G07")
@pytest.mark.parametrize("path", ["/Me", "/Users/x/y", "/Bulk", "", "/Users/%00", "/Schemas/urn:none"])
def test_there_is_nothing_else(directory: Provisioner, path: str) -> None:
    assert directory.call("GET", path).status_code == 404
    assert directory.call("POST", "/Users", 7).status_code == 400
    assert directory.call("POST", "/Users", {"userName": "x"}, kind="text/plain").status_code == 415
    assert directory.call("PUT", "/Users", {}).status_code == 405

# SPDX-License-Identifier: Apache-2.0
"""Lists: ordered, bounded, filtered; a cursor belongs to one list under one filter and can't be bent."""

from __future__ import annotations

import pytest

from tests.web.harness import PLATFORM, Person, World
from vestibule.core.paging import make_cursor

FILTERS = ["state=pending", "state=revoked", "email=p3@example.com", ""]


def arrange(world: World, count: int) -> tuple[str, Person]:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    for number in range(count):
        world.invite(tenant_id, owner, f"p{number}@example.com")
    return tenant_id, owner


def walk(world: World, path: str, who: object, limit: int) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor = ""
    while True:
        joint = "&" if "?" in path else "?"
        shown = world.call("GET", f"{path}{joint}limit={limit}{cursor}", who).json()  # type: ignore[arg-type]
        key = "invitation_id" if "invitations" in path else "principal_id"
        pages.append([one[key] for one in shown["items"]])
        if shown["next_cursor"] is None:
            return pages
        cursor = f"&cursor={shown['next_cursor']}"


@pytest.mark.covers("INT-01", "AUD-04")
def test_pages_hold_everything_once_in_order_whatever_their_size(world: World) -> None:
    tenant_id, owner = arrange(world, 7)
    path = f"/v1/tenants/{tenant_id}/invitations"
    whole = walk(world, path, owner, 100)[0]
    shown = world.call("GET", path, owner).json()["items"]
    assert [one["email"] for one in shown] == [f"p{number}@example.com" for number in reversed(range(7))]
    for size in (1, 2, 3, 7):
        pages = walk(world, path, owner, size)
        assert [one for page in pages for one in page] == whole
        assert all(len(page) == size for page in pages[:-1])


@pytest.mark.covers("INT-01")
def test_members_and_ones_own_are_paged_too(world: World) -> None:
    tenant_id, owner = arrange(world, 0)
    vera = world.new_person("vera")
    for number in range(5):
        world.put_member(tenant_id, world.new_person(f"m{number}-"), "member")
        other = world.new_person("owner")
        world.invite(world.new_tenant(owner=other), other, vera.emails[0])
    members = walk(world, f"/v1/tenants/{tenant_id}/members", PLATFORM, 2)
    own = walk(world, "/v1/me/invitations", vera, 2)
    assert [len(page) for page in members] == [2, 2, 2]
    assert [len(page) for page in own] == [2, 2, 1]
    assert (len({one for page in members for one in page}), len({one for page in own for one in page})) == (
        6,
        5,
    )
    assert members[0][0] == owner.principal_id


@pytest.mark.covers("INT-01", "LIF-01")
def test_each_state_lists_what_is_in_it(world: World) -> None:
    owner, vera, will = world.new_person("owner"), world.new_person("vera"), world.new_person("will")
    tenant_id = world.new_tenant(owner=owner)
    made = {
        "pending": world.invite(tenant_id, owner, "p@example.com"),
        "accepted": world.invite(tenant_id, owner, vera.emails[0]),
        "declined": world.invite(tenant_id, owner, will.emails[0]),
        "revoked": world.invite(tenant_id, owner, "r@example.com"),
        "expired": world.invite(tenant_id, owner, "x@example.com"),
    }
    assert world.call("POST", made["accepted"].road + "/accept", vera).status_code == 204
    assert world.call("POST", made["declined"].road + "/decline", will).status_code == 204
    assert world.call("DELETE", made["revoked"].path, owner).status_code == 204
    world.expire(made["expired"].invitation_id)
    path = f"/v1/tenants/{tenant_id}/invitations"
    for state, invited in made.items():
        items = world.call("GET", f"{path}?state={state}", owner).json()["items"]
        assert [(one["invitation_id"], one["state"]) for one in items] == [(invited.invitation_id, state)]
    assert world.call("GET", f"{path}?state=held", owner).json()["items"] == []
    by_email = world.call("GET", f"{path}?email=P@EXAMPLE.com", owner).json()["items"]
    assert [one["invitation_id"] for one in by_email] == [made["pending"].invitation_id]


@pytest.mark.covers("INT-01", "TEN-06", "K07")
def test_a_cursor_of_another_list_filter_or_tenant_is_refused(world: World) -> None:
    tenant_id, owner = arrange(world, 4)
    other_id = world.new_tenant(owner=owner)
    world.put_member(tenant_id, world.new_person(), "member")
    path = f"/v1/tenants/{tenant_id}/invitations"
    cursor = world.call("GET", f"{path}?limit=1", owner).json()["next_cursor"]
    assert world.call("GET", f"{path}?cursor={cursor}", owner).status_code == 200
    elsewhere = [
        f"/v1/tenants/{other_id}/invitations?cursor={cursor}",
        f"/v1/tenants/{tenant_id}/members?cursor={cursor}",
        f"/v1/me/invitations?cursor={cursor}",
        *(f"{path}?{wanted}&cursor={cursor}" for wanted in FILTERS if wanted),
        *(
            f"{path}?cursor={bent}"
            for bent in (cursor[:-1], cursor + "A", "A" + cursor[1:], cursor.swapcase(), "")
        ),
        *(f"{path}?cursor={bent}" for bent in ("x" * 1025, "%00", "%FF", "null", "..")),
    ]
    for road in elsewhere:
        answer = world.call("GET", road, owner)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), road
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/cursor"]


@pytest.mark.covers("INT-01")
@pytest.mark.parametrize(
    "after",
    [
        ("2026-01-01", "x"),
        ("2026-01-01T00:00:00", "x"),
        ("0001-01-01T00:00:00+23:59", "x"),
        ("9999-12-31T23:59:59-23:59", "x"),
        ("2026-01-01T00:00:00+00:00", "a\0b"),
        ("2026-01-01T00:00:00+00:00", "\ud800"),
        ("2026-01-01T00:00:00+00:00", "x" * 500),
        ("nonsense", "x"),
        ("", ""),
    ],
)
def test_a_cursor_that_somebody_made_up_is_refused_or_harmless(world: World, after: tuple[str, str]) -> None:
    tenant_id, owner = arrange(world, 1)
    cursor = make_cursor(f"invitations:{tenant_id}::", after)
    answer = world.call("GET", f"/v1/tenants/{tenant_id}/invitations?cursor={cursor}", owner)
    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert answer.json()["errors"][0]["pointer"] == "/cursor"


@pytest.mark.covers("INT-01")
@pytest.mark.parametrize(
    "query,pointer",
    [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=1.0", "/limit"),
        ("limit=1_0", "/limit"),
        ("limit=%2B1", "/limit"),
        ("limit=%201", "/limit"),
        ("limit=\u0661", "/limit"),
        ("limit=", "/limit"),
        ("limit=99999999999999999999", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("state=open", "/state"),
        ("state=PENDING", "/state"),
        ("state=", "/state"),
        ("state=pending&state=revoked", "/state"),
        ("sort=email", "/sort"),
        ("offset=3", "/offset"),
        ("tenant_id=other", "/tenant_id"),
        ("%00=1", "/\0"),
    ],
)
def test_a_bad_query_is_named(world: World, query: str, pointer: str) -> None:
    tenant_id, owner = arrange(world, 0)
    answer = world.call("GET", f"/v1/tenants/{tenant_id}/invitations?{query}", owner)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "query", ["email=x", "email=", "email=%00", "email=a@b@c.de", "email=a@example.com%0a%0aBcc"]
)
def test_a_bad_address_to_filter_by_is_an_invalid_address(world: World, query: str) -> None:
    tenant_id, owner = arrange(world, 0)
    answer = world.call("GET", f"/v1/tenants/{tenant_id}/invitations?{query}", owner)
    assert (answer.status_code, answer.json()["code"]) == (422, "email_invalid")


@pytest.mark.covers("E06")
def test_E06_a_list_outlives_its_inviter(world: World) -> None:
    tenant_id, owner = arrange(world, 0)
    admin = world.new_person("admin")
    world.put_member(tenant_id, admin, "admin")
    invited = world.invite(tenant_id, admin, "p@example.com")
    world.offboard(admin)
    shown = world.call("GET", f"/v1/tenants/{tenant_id}/invitations", owner)
    (one,) = shown.json()["items"]
    assert (one["invitation_id"], one["state"], one["revoked_reason"]) == (
        invited.invitation_id, "revoked", "inviter_offboarded",
    )  # fmt: skip

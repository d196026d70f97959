# SPDX-License-Identifier: Apache-2.0
"""One invitation grants several things at once, all or none; what a membership carried ends with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lanes import Call
from tests.world import ADAM, HOST, MIA, OLGA, VERA, World, by_id, person
from vestibule.actions.resources.manage import delete_resource, list_grants, put_resource
from vestibule.core.invitation import InvitationState, ResourceGrant
from vestibule.core.resource import HeldGrant, Resource
from vestibule.errors import (
    AlreadyMemberError,
    FieldFault,
    InvalidRequestError,
    NotPermittedError,
    RejectReason,
    RoleNotAssignableError,
)
from vestibule.storage.schema import grants

_POLICY = {
    "assignable": {
        "owner": ["owner", "admin", "member", "editor", "operator"],
        "admin": ["member", "editor"],
        "member": ["operator"],
    },
    "roles": {"operator": {"approvals": 1, "grant_default": 3600, "grant_max": 7200, "justification": True}},
}


def on(resource: str, role: str = "editor", expires_in: int | None = None) -> ResourceGrant:
    return ResourceGrant(resource_id=resource, role=role, expires_in=expires_in)


def put(world: World, resource: str, tenant: str = "acme", by: Any = HOST) -> Call[tuple[Resource, bool]]:
    return Call(
        "run", lambda uow: put_resource(uow, by, tenant, resource, resource.title(), context=world.context)
    )


def delete(world: World, resource: str, tenant: str = "acme") -> Call[None]:
    return Call("run", lambda uow: delete_resource(uow, HOST, tenant, resource, context=world.context))


def held_by(world: World, who: str, tenant: str = "acme") -> dict[str, HeldGrant]:
    found = world.do(Call("read", lambda uow: list_grants(uow, HOST, tenant, who)))
    return {one.resource_id: one for one in found}


@pytest.fixture
def founded(every_world: World) -> World:
    every_world.found(_POLICY)
    for resource in ("docs", "site"):
        every_world.do(put(every_world, resource))
    return every_world


@pytest.mark.covers("ISS-18")
def test_everything_is_granted_at_once_each_with_its_own_role_and_end(founded: World) -> None:
    world = founded
    issued = world.do(world.issue(VERA, "member", grants=(on("docs"), on("site", "member", 600))))
    world.do(world.accept(VERA, issued))
    assert world.members()["vera"] == "member"
    held = held_by(world, "vera")
    assert {name: one.role for name, one in held.items()} == {"docs": "editor", "site": "member"}
    assert held["docs"].expires_at is None
    ends = held["site"].expires_at
    assert ends is not None
    assert abs(ends - held["site"].created_at - timedelta(seconds=600)) < timedelta(seconds=1)
    world.pass_time(601)
    assert set(held_by(world, "vera")) == {"docs"}, "ended by the clock, whether a sweeper lives or not"
    assert world.do(world.sweep()) == 1
    assert [event["body"]["reason"] for event in world.events("grant.ended")] == ["expired"]


@pytest.mark.covers("ISS-18", "E05")
@pytest.mark.parametrize("target", ["unknown", "foreign", "deleted"])
def test_E05_a_foreign_or_deleted_target_is_refused_at_issue(founded: World, target: str) -> None:
    world = founded
    world.do(world.put_tenant({}, tenant="other"))
    world.do(put(world, "foreign", "other"))
    world.do(put(world, "deleted"))
    world.do(delete(world, "deleted"))
    with pytest.raises(InvalidRequestError) as refusal:
        world.do(world.issue(VERA, "member", grants=(on("docs"), on(target))))
    assert [fault.pointer for fault in refusal.value.faults] == ["/grants/1/resource_id"]
    world.do(world.issue(VERA, "member", grants=(on("docs"),)))


@pytest.mark.covers("ISS-18", "E05", "ACC-09")
def test_E05_a_target_that_is_gone_ends_the_whole_invitation(founded: World) -> None:
    world = founded
    gone = world.do(world.issue(VERA, "member", grants=(on("docs"), on("site"))))
    world.do(delete(world, "site"))
    assert world.refuse(world.accept(VERA, gone)) is RejectReason.REVOKED
    assert (world.members().get("vera"), held_by(world, "vera")) == (None, {})
    # The same, where nobody revoked: storage and the rule look again by themselves.
    again = world.do(world.issue(VERA, "member", grants=(on("docs"),)))
    world.execute("UPDATE vestibule_resources SET deleted_at = created_at WHERE resource_id = 'docs'")
    assert world.refuse(world.accept(VERA, again)) is RejectReason.TARGET_GONE
    world.execute("UPDATE vestibule_resources SET deleted_at = NULL WHERE resource_id = 'docs'")
    world.do(world.accept(VERA, again))
    assert set(held_by(world, "vera")) == {"docs"}


@pytest.mark.covers("ISS-18", "D01", "D11")
def test_D11_the_right_to_grant_is_checked_for_every_role_in_the_bundle(founded: World) -> None:
    world = founded
    with pytest.raises(RoleNotAssignableError):
        world.do(world.issue(VERA, "member", by=ADAM, grants=(on("docs", "admin"),)))
    with pytest.raises(RoleNotAssignableError):
        world.do(world.issue(VERA, "admin", by=ADAM, grants=(on("docs", "editor"),)))
    with pytest.raises(NotPermittedError):
        world.do(world.issue(VERA, "member", by=MIA, grants=(on("docs", "operator"),)))
    world.do(world.issue(VERA, "member", by=ADAM, grants=(on("docs", "editor"),)))


@pytest.mark.covers("ISS-18", "E04")
@pytest.mark.parametrize("end", ["removed", "offboarded", "expired"])
def test_E04_what_a_membership_carried_ends_with_it(founded: World, end: str) -> None:
    world = founded
    issued = world.do(world.issue(VERA, "member", grants=(on("docs"),), membership_expires_in=600))
    world.do(world.accept(VERA, issued))
    assert set(held_by(world, "vera")) == {"docs"}
    if end == "expired":
        world.pass_time(601)
        assert held_by(world, "vera") == {}, "before any sweeper"
        world.do(world.sweep())
    else:
        acts: dict[str, Call[Any]] = {"removed": world.remove(VERA), "offboarded": world.offboard(VERA)}
        world.do(acts[end])
    assert world.rows(grants) == []
    if end != "offboarded":
        plain = world.do(world.issue(VERA, "member"))
        world.do(world.accept(VERA, plain))
        assert held_by(world, "vera") == {}, "nothing survives into the next membership"


@pytest.mark.covers("ISS-18", "ISS-04", "LIF-05")
def test_a_member_asks_for_time_bound_access_beside_its_role(founded: World) -> None:
    world = founded
    with pytest.raises(InvalidRequestError, match="stated reason"):
        world.do(world.issue(MIA, None, by=MIA, grants=(on("docs", "operator"),)))
    with pytest.raises(InvalidRequestError, match="at most 7200"):
        world.do(
            world.issue(MIA, None, by=MIA, grants=(on("docs", "operator", 7201),), justification="outage")
        )
    asked = world.do(world.issue(MIA, None, by=MIA, grants=(on("docs", "operator"),), justification="outage"))
    assert asked.state is InvitationState.HELD
    with pytest.raises(NotPermittedError):
        world.do(world.approve(asked, by=MIA))
    assert world.do(world.approve(asked, by=OLGA)).state is InvitationState.PENDING
    world.do(world.accept(MIA, by_id(asked)))
    assert world.members()["mia"] == "member", "her role is what it was"
    held = held_by(world, "mia")["docs"]
    assert held.expires_at is not None
    assert abs(held.expires_at - held.created_at - timedelta(hours=1)) < timedelta(seconds=1)
    world.pass_time(3601)
    assert held_by(world, "mia") == {}


@pytest.mark.covers("ISS-18", "ISS-10", "D08")
def test_D08_only_grants_go_to_a_member_and_a_role_only_to_who_is_none(founded: World) -> None:
    world = founded
    with pytest.raises(AlreadyMemberError):
        world.do(world.issue(MIA, "admin", grants=(on("docs"),)))
    with pytest.raises(InvalidRequestError) as refusal:
        world.do(world.issue(VERA, None, grants=(on("docs"),)))
    assert refusal.value.faults[0].pointer == "/role"
    with pytest.raises(InvalidRequestError) as empty:
        world.do(world.issue(VERA, None))
    assert empty.value.faults == (FieldFault("/role", "Required, unless grants are given."),)
    added = world.do(world.issue(MIA, None, grants=(on("docs"),)))
    world.do(world.remove(MIA))
    assert world.refuse(world.accept(MIA, added)) is RejectReason.REVOKED
    world.do(world.put_member(MIA, "member"))
    again = world.do(world.issue(MIA, None, grants=(on("docs"),)))
    world.execute("DELETE FROM vestibule_memberships WHERE principal_id = 'mia'")
    assert world.refuse(world.accept(MIA, again)) is RejectReason.NOT_A_MEMBER
    assert world.rows(grants) == []


@pytest.mark.covers("ISS-18", "D08")
def test_a_grant_that_is_held_already_is_kept_as_it_is(founded: World) -> None:
    world = founded
    first = world.do(world.issue(VERA, "member", grants=(on("docs", "member"),)))
    world.do(world.accept(VERA, first))
    second = world.do(world.issue(VERA, None, grants=(on("docs", "editor"), on("site", "editor"))))
    world.do(world.accept(VERA, second))
    assert {name: one.role for name, one in held_by(world, "vera").items()} == {
        "docs": "member",
        "site": "editor",
    }


@pytest.mark.covers("ISS-18", "F07")
def test_a_resource_deleted_while_it_is_being_accepted_leaves_all_or_nothing(founded: World) -> None:
    world = founded
    for round_ in range(6):
        who = person(f"racer{round_}")
        world.do(put(world, "brief"))
        issued = world.do(world.issue(who, "member", grants=(on("docs"), on("brief"))))
        world.race(world.accept(who, issued), delete(world, "brief"))
        is_member = who.principal_id in world.members()
        assert set(held_by(world, who.principal_id)) == ({"docs"} if is_member else set())

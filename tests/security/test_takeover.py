# SPDX-License-Identifier: Apache-2.0
"""Roads to more than one was granted, as somebody took them who wanted in."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from tests.actions.approvers import people, wait_over
from tests.actions.test_ensure import corrected
from tests.actions.test_time_bound import review
from tests.lanes import LaneKeeper
from tests.world import ADAM, MIA, OLGA, VERA, World, by_id, person
from vestibule.errors import (
    AlreadyMemberError,
    NotPermittedError,
    RoleNotAssignableError,
    StepUpRequiredError,
)
from vestibule.storage.schema import memberships

OTTO = person("otto")
_BOOTSTRAP = {"single_owner_bootstrap": 3600}
_STRICT = {"roles": {"admin": {"amr_any": ["mfa"]}}}


@pytest.fixture(params=["sqlite-plain", "postgresql-plain"])
def world(request: pytest.FixtureRequest, lanes: LaneKeeper) -> World:
    return World(lanes.open(request.param))


@pytest.mark.covers("ISS-04")
@pytest.mark.parametrize("change", [{"roles": {"owner": {"approvals": 5}}}, {"separation": 300 * 86_400}])
def test_what_policy_makes_impossible_is_waited_for_by_nobody(
    world: World, change: dict[str, object]
) -> None:
    world.found(_BOOTSTRAP)
    people(world, OTTO)
    world.do(world.put_tenant({**_BOOTSTRAP, **change}))
    world.do(world.issue("zoe@example.com", "owner"))
    world.pass_time(hours=2)
    assert wait_over(world) == 0


@pytest.mark.covers("ISS-04")
def test_one_able_approver_is_enough_to_end_the_waiting(world: World) -> None:
    world.found({**_BOOTSTRAP, "roles": {"owner": {"approvals": 2}}})
    people(world, OTTO)
    world.do(world.issue("zoe@example.com", "owner"))
    world.pass_time(hours=2)
    assert wait_over(world) == 0


@pytest.mark.covers("ISS-04", "D13")
def test_D13_who_removes_the_other_owner_does_not_wait_in_its_place(world: World) -> None:
    world.found(_BOOTSTRAP)
    people(world, OTTO)
    world.do(world.remove(OTTO, by=OLGA))
    early = world.do(world.issue("zoe@example.com", "owner"))
    world.pass_time(hours=2)
    assert wait_over(world) == 0
    world.do(world.reject(early, by=OLGA))
    world.do(world.issue("zoe@example.com", "owner"))
    world.pass_time(hours=2)
    assert wait_over(world) == 1, "long after the removal it is an ordinary single owner"


@pytest.mark.covers("ISS-04", "TEN-06")
def test_one_tenants_stuck_request_keeps_no_other_waiting(world: World) -> None:
    stuck = {**_BOOTSTRAP, "seat_limit": 3, "seats_count_pending": True}
    world.found(stuck, tenant="stuck")
    for number in range(12):
        world.do(world.issue(f"zed{number}@example.com", "owner", tenant="stuck"))
    world.found(_BOOTSTRAP)
    for who in (ADAM, MIA):
        world.do(world.remove(who))
    world.do(world.issue(VERA, "owner"))
    world.pass_time(hours=2)
    assert sum(wait_over(world) for _ in range(3)) == 1
    assert wait_over(world) == 0, "what can't be issued is looked at again later, not at once"


@pytest.mark.covers("LIF-05", "ISS-07")
def test_an_extension_begins_now_or_is_refused(world: World) -> None:
    world.found({"roles": {"admin": {"grant_max": 7200}}})
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_expires_in=3600))))
    late = world.lane.now() + timedelta(days=3000)
    with pytest.raises(AlreadyMemberError):
        world.do(world.issue(VERA, "admin", membership_expires_in=7200, membership_starts_at=late))
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_expires_in=7200))))


@pytest.mark.covers("LIF-05", "D01")
def test_nobody_extends_its_own_membership_alone(world: World) -> None:
    world.found(
        {
            "assignable": {"owner": ["owner", "admin", "member"], "admin": ["admin", "member"]},
            "roles": {"admin": {"grant_max": 7200}},
        }
    )
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin", membership_expires_in=7200))))
    with pytest.raises(NotPermittedError):
        world.do(world.issue(VERA, "admin", by=VERA, membership_expires_in=7200))
    world.do(world.issue(VERA, "admin", by=ADAM, membership_expires_in=7200))


@pytest.mark.covers("ISS-04", "TEN-05")
@pytest.mark.parametrize("puppet", ["recipient", "same address", "invited"])
def test_who_came_by_the_broken_glass_does_not_review_it(world: World, puppet: str) -> None:
    world.found({"roles": {"admin": {"review_within": 7200}}})
    addresses = ["zoe@example.com", "olga@example.com"] if puppet == "same address" else ["zoe@example.com"]
    zoe = person("zoe", *addresses)
    issued = world.do(world.issue("zoe@example.com", "admin", by=OLGA))
    world.do(world.accept(zoe, issued))
    reviewer = zoe
    if puppet == "invited":
        reviewer = person("yara")
        world.do(world.accept(reviewer, world.do(world.issue(reviewer, "admin", by=OLGA))))
    with pytest.raises(NotPermittedError):
        world.do(review(world, issued.invitation.invitation_id, by=reviewer))
    world.do(review(world, issued.invitation.invitation_id, by=ADAM))


@pytest.mark.covers("S02", "S09")
def test_S02_what_another_tenants_connection_says_of_a_session_counts_for_nothing(world: World) -> None:
    world.found(_STRICT)
    issued = world.do(world.issue(VERA, "admin"))
    now = world.lane.now()
    strong = dataclasses.replace(VERA, amr=("mfa",), authenticated_at=now, connection="sso")
    for owner in ("evil", "other"):
        with pytest.raises(StepUpRequiredError):
            world.do(world.accept(dataclasses.replace(strong, connection_tenant_id=owner), issued))
    world.do(world.accept(dataclasses.replace(strong, connection_tenant_id="acme"), issued))


@pytest.mark.covers("S02", "ACC-05")
def test_S02_a_connection_of_that_name_in_another_tenant_is_not_the_one_that_is_required(
    world: World,
) -> None:
    world.found({"require_connection": "acme-sso"})
    issued = world.do(world.issue(VERA))
    through = dataclasses.replace(VERA, connection="acme-sso")
    assert world.refuse(world.accept(dataclasses.replace(through, connection_tenant_id="evil"), issued))
    world.do(world.accept(dataclasses.replace(through, connection_tenant_id="acme"), issued))


@pytest.mark.covers("ACC-16", "S09")
def test_the_right_person_comes_back_by_the_stronger_account(world: World) -> None:
    world.found(_STRICT)
    issued = world.do(world.issue(VERA, "admin"))
    now = world.lane.now()
    local = dataclasses.replace(VERA, principal_id="local|1", amr=("pwd",), authenticated_at=now)
    with pytest.raises(StepUpRequiredError):
        world.do(world.accept(local, issued))
    world.do(world.accept(dataclasses.replace(local, principal_id="idp|1", amr=("mfa",)), issued))


@pytest.mark.covers("ISS-03", "ISS-06", "D07")
def test_D07_nobody_replaces_what_it_may_not_end(world: World) -> None:
    world.found(
        {"assignable": {"owner": ["owner", "admin", "member"], "admin": ["member"], "member": ["guest"]}}
    )
    people(world, OTTO)
    held = world.do(world.issue(VERA, "owner"))
    with pytest.raises(RoleNotAssignableError):
        world.do(world.issue(VERA, "guest", by=MIA))
    assert world.invitation(held)["revoked_at"] is None
    world.do(world.issue("xena@example.com", "guest", by=MIA))


@pytest.mark.covers("ACC-09", "TEN-02", "LIF-05")
def test_what_policy_allows_no_longer_is_neither_released_nor_renewed_nor_given(world: World) -> None:
    lax = {"roles": {"admin": {"approvals": 1}}, "separation": 0}
    strict = {"roles": {"admin": {"approvals": 1, "grant_max": 3600}}, "separation": 0}
    world.found(lax)
    people(world, OTTO)
    year = 300 * 86_400
    pending = world.do(world.issue(VERA, "admin", membership_expires_in=year))
    world.do(world.approve(pending, by=OTTO))
    waiting = world.do(world.issue("xena@example.com", "admin", membership_expires_in=year))
    world.do(world.put_tenant(strict))
    with pytest.raises(RoleNotAssignableError):
        world.do(world.approve(waiting, by=OTTO))
    with pytest.raises(RoleNotAssignableError):
        world.do(world.resend(pending))
    world.do(world.accept(VERA, by_id(pending)))
    [row] = world.rows(memberships, principal_id="vera")
    assert row["expires_at"] <= world.lane.now() + timedelta(seconds=3700)


@pytest.mark.covers("ISS-19")
def test_a_correction_after_the_start_begins_at_once(world: World) -> None:
    world.found()
    start = world.lane.now() + timedelta(hours=1)
    wrong = world.do(world.issue("wrong@example.com", membership_starts_at=start))
    world.pass_time(hours=2)
    assert world.do(corrected(world, wrong, "vera@example.com")).invitation.membership_starts_at is None

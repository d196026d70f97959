# SPDX-License-Identifier: Apache-2.0
"""What one owner can't do alone to a tenant's policy, and who is a second person."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa

from tests.actions.approvers import opened
from tests.actions.offices import Office
from tests.lanes import Call, LaneKeeper
from tests.world import HOST, MIA, OLGA, XENIA, World, person
from vestibule.core.connection import Connection
from vestibule.errors import (
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    PolicyNotApprovedError,
    PolicyStaleError,
)
from vestibule.ports import UnitOfWork
from vestibule.storage.schema import tenants

pytestmark = pytest.mark.covers("TEN-02")
PETER = person("peter")
LOOSER: dict[str, Any] = {"ttl": {"member": 30 * 86_400}}
TIGHTER: dict[str, Any] = {"ttl": {"member": 3600}}


@pytest.fixture
def office(world: World) -> Office:
    world.found()
    return Office(world)


def add_connection(world: World, name: str, tenant_id: str) -> None:
    connection = Connection(
        connection_id=name,
        tenant_id=tenant_id,
        name=name,
        provider="generic",
        issuer="https://idp.example",
        client_id="client",
    )

    def add(uow: UnitOfWork) -> None:
        assert uow.connections.add(connection)
        uow.commit()

    world.do(Call("run", add))


@pytest.mark.covers("D12", "ISS-04")
def test_D12_one_person_with_two_accounts_is_no_second_person(world: World, office: Office) -> None:
    same_address = person("olga-2", "olga@example.com")
    later_seen = person("olga-3", "other@example.com")
    for one in (PETER, same_address, later_seen):
        world.do(world.put_member(one, "owner"))
    change_id = world.do(office.propose(LOOSER)).change.change_id
    both = dataclasses.replace(later_seen, addresses=(*later_seen.addresses, *OLGA.addresses))
    for twin in (same_address, both):
        with pytest.raises(NotPermittedError):
            world.do(office.approve(change_id, by=twin))
    assert world.do(office.approve(change_id, by=PETER)).approver_id == "peter"


@pytest.mark.covers("D12", "ISS-04")
def test_D12_whom_the_author_has_just_invited_is_no_second_person(world: World, office: Office) -> None:
    world.do(world.put_tenant({"separation": 3600}))
    world.do(world.put_member(person("otto"), "owner"))
    opened(world, PETER, by=OLGA)
    opened(world, person("quinn"), by=person("otto"))
    change_id = world.do(office.propose(LOOSER)).change.change_id
    with pytest.raises(NotPermittedError):
        world.do(office.approve(change_id, by=PETER))
    assert world.do(office.approve(change_id, by=person("quinn"))).state == "approved"
    world.pass_time(3601)
    again = world.do(office.propose({**LOOSER, "id": "again"})).change.change_id
    assert world.do(office.approve(again, by=PETER)).state == "approved"


@pytest.mark.covers("D12")
def test_D12_what_somebody_proposed_who_has_left_is_proposed_again(world: World, office: Office) -> None:
    world.do(world.put_member(PETER, "owner"))
    change_id = world.do(office.propose(LOOSER)).change.change_id
    world.do(world.remove(OLGA, by=OLGA))
    with pytest.raises(PolicyStaleError):
        world.do(office.approve(change_id, by=PETER))
    assert world.do(office.propose(LOOSER, by=PETER)).change.is_loosening


@pytest.mark.covers("D12", "ACC-05")
def test_D12_no_owner_alone_shuts_the_others_out_by_a_connection(world: World, office: Office) -> None:
    world.do(world.put_member(PETER, "owner"))
    nowhere = {"require_connection": "nowhere", "connection_exceptions": ["olga@example.com"]}
    change_id = world.do(office.propose(nowhere)).change.change_id
    with pytest.raises(PolicyNotApprovedError):
        world.do(office.activate(change_id))
    by_password = dataclasses.replace(PETER, connection="local", is_session=True)
    world.do(office.approve(change_id, by=by_password))
    assert world.do(office.activate(change_id)).state == "active"


@pytest.mark.covers("D12", "ISS-04")
def test_D12_no_owner_alone_turns_an_approval_into_a_wait(world: World, office: Office) -> None:
    waiting = {"single_owner_bootstrap": 3600}
    world.do(world.put_tenant(waiting))
    world.do(world.put_member(PETER, "owner"))
    change_id = world.do(office.propose({**waiting, "roles": {"owner": {"approvals": 5}}})).change.change_id
    with pytest.raises(PolicyNotApprovedError):
        world.do(office.activate(change_id))
    stricter = world.do(office.propose({**waiting, **TIGHTER})).change.change_id
    assert world.do(office.activate(stricter)).state == "active"


@pytest.mark.covers("D12", "TEN-06")
def test_D12_a_connection_of_another_tenant_is_not_for_an_owner_to_require(
    world: World, office: Office
) -> None:
    world.do(world.put_tenant(tenant="globex"))
    add_connection(world, "theirs", "globex")
    add_connection(world, "ours", "acme")
    add_connection(world, "everybodys", "")
    early = world.do(office.propose({"require_connection": "late"})).change.change_id
    with pytest.raises(InvalidRequestError) as caught:
        world.do(office.propose({"require_connection": "theirs"}))
    assert [fault.pointer for fault in caught.value.faults] == ["/policy/require_connection"]
    for name in ("ours", "everybodys", "of-the-host"):
        assert world.do(office.propose({"require_connection": name})).change.is_loosening
    world.do(office.approve(early, by=HOST))
    add_connection(world, "late", "globex")
    with pytest.raises(InvalidRequestError):
        world.do(office.activate(early))
    assert world.do(office.activate(early, by=HOST)).state == "active"


@pytest.mark.covers("TEN-06")
def test_who_has_no_say_does_not_wait_for_who_has(lanes: LaneKeeper) -> None:
    # On PostgreSQL: SQLite has one writer, and everybody waits for it.
    world = World(lanes.open("postgresql-loop"))
    world.found()
    office = Office(world)
    with world.lane.engine.connect() as busy:
        busy.execute(sa.select(tenants.c.tenant_id).with_for_update()).all()
        with pytest.raises(NotFoundError):
            world.do(office.propose(TIGHTER, by=XENIA))
        with pytest.raises(NotPermittedError):
            world.do(office.propose(TIGHTER, by=MIA))
    assert world.do(office.propose(TIGHTER)).change.state == "proposed"

# SPDX-License-Identifier: Apache-2.0
"""Whatever changed between loading and settling, the settling statement finds it and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.lanes import Call
from tests.world import MIA, VERA, World, by_id, key_of
from vestibule.actions.invitations.accept import _draw_up
from vestibule.core.binding import judge_claim
from vestibule.core.issuing import IssuedInvitation
from vestibule.ports import ClaimKey, Settlement, UnitOfWork
from vestibule.storage.schema import deployment, invitations, memberships, metadata, tenants

Change = Callable[[World, IssuedInvitation], None]
OLGA_IS = sa.and_(memberships.c.tenant_id == "acme", memberships.c.principal_id == "olga")


@pytest.fixture(autouse=True)
def _written_by_hand(world: World) -> None:
    world.meddle()


def write(world: World, change: sa.Update | sa.Delete) -> None:
    with world.lane.engine.begin() as connection:
        assert connection.execute(change).rowcount == 1


def next_generation(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(invitations).values(generation=2))


def other_link(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(invitations).values(claim_token_hash=b"?" * 32))


def expired(world: World, _: IssuedInvitation) -> None:
    world.pass_time(days=8)


def revoked(world: World, issued: IssuedInvitation) -> None:
    world.do(world.revoke(issued))


def tenant_suspended(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(tenants).values(suspended_at=world.lane.now()))


def tenant_deleted(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(tenants).values(deleted_at=world.lane.now()))


def other_policy(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(tenants).values(policy_version=tenants.c.policy_version + 1))


def other_policy_of_the_deployment(world: World, _: IssuedInvitation) -> None:
    with world.lane.engine.begin() as connection:
        connection.execute(sa.insert(deployment).values(deployment_id=1, policy="{}", policy_version=1))


def inviter_has_another_role(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(memberships).where(OLGA_IS).values(role="member"))


def inviter_gone(world: World, _: IssuedInvitation) -> None:
    write(world, sa.delete(memberships).where(OLGA_IS))


def inviter_without_force(world: World, _: IssuedInvitation) -> None:
    write(world, sa.update(memberships).where(OLGA_IS).values(suspended_at=world.lane.now()))


def inviter_ended(world: World, _: IssuedInvitation) -> None:
    before = world.lane.now() - timedelta(seconds=1)
    write(world, sa.update(memberships).where(OLGA_IS).values(expires_at=before))


def claimant_offboarded(world: World, _: IssuedInvitation) -> None:
    world.do(world.offboard(VERA))


def last_seat_taken(world: World, _: IssuedInvitation) -> None:
    shards = metadata.tables["vestibule_seat_shards"]
    with world.lane.engine.begin() as connection:
        connection.execute(sa.update(shards).values(used=shards.c.allowance))


def member_already(world: World, _: IssuedInvitation) -> None:
    world.do(world.put_member(VERA, "admin"))


BY_EITHER = (
    expired,
    revoked,
    tenant_suspended,
    tenant_deleted,
    other_policy,
    other_policy_of_the_deployment,
    inviter_has_another_role,
    inviter_gone,
    inviter_without_force,
    inviter_ended,
    claimant_offboarded,
    last_seat_taken,
    member_already,
)


def draw_up(world: World, key: ClaimKey) -> Settlement:
    """An acceptance as it is before its settling: loaded, and judged good."""
    snapshot = world.lane.do(Call("run", lambda uow: uow.claims.load(key, "vera")))
    decision = judge_claim(snapshot, VERA)
    assert decision.reason is None
    return _draw_up(snapshot, decision, VERA, key, world.context)


def settle(world: World, settlement: Settlement) -> bool:
    def work(uow: UnitOfWork) -> bool:
        settled_at = uow.claims.settle_accept(settlement)
        uow.commit()
        return settled_at is not None

    return world.lane.do(Call("run", work))


def story(world: World) -> IssuedInvitation:
    world.found({"seat_limit": 10})
    return world.do(world.issue(VERA))


@pytest.mark.covers("F09", "ACC-09", "ACC-06", "B11", "E01")
@pytest.mark.parametrize(
    "change, by_link",
    [(next_generation, False), (other_link, True)]
    + [(change, by_link) for change in BY_EITHER for by_link in (True, False)],
)
def test_what_changed_since_it_was_loaded_is_found_by_the_settling_statement(
    world: World, change: Change, by_link: bool
) -> None:
    issued = story(world)
    settlement = draw_up(world, key_of(issued) if by_link else by_id(issued))
    change(world, issued)
    before = {table.name: world.rows(table) for table in metadata.sorted_tables}
    assert not settle(world, settlement)
    assert {table.name: world.rows(table) for table in metadata.sorted_tables} == before


@pytest.mark.covers("ACC-06")
@pytest.mark.parametrize("by_link", [True, False])
def test_what_did_not_change_is_settled(world: World, by_link: bool) -> None:
    issued = story(world)
    settlement = draw_up(world, key_of(issued) if by_link else by_id(issued))
    world.do(world.remove(MIA))
    assert settle(world, settlement)
    assert world.members() == {"olga": "owner", "adam": "admin", "vera": "member"}
    world.check()

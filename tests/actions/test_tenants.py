# SPDX-License-Identifier: Apache-2.0
"""Tenants: put, suspended, resumed, deleted; and what becomes of their invitations."""

from __future__ import annotations

import pytest

from tests.lanes import Act, Call
from tests.world import ADAM, HOST, MIA, OLGA, VERA, XENIA, World
from vestibule.actions.tenants.review_tenant import get_tenant
from vestibule.core.identity import HostKey
from vestibule.errors import (
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    RejectReason,
    TenantDeletedError,
)


@pytest.mark.covers("TEN-01", "TEN-02", "AUD-01")
def test_a_tenant_is_put_and_each_change_of_its_policy_has_a_version(world: World) -> None:
    tenant, is_new = world.do(world.put_tenant({"seat_limit": 5}))
    assert (tenant.policy_version, is_new) == (1, True)
    for policy, version in ((None, 1), ({"seat_limit": 5}, 1), ({"seat_limit": 6}, 2), ({}, 3)):
        tenant, is_new = world.do(world.put_tenant(policy, name="Acme again"))
        assert (tenant.policy_version, tenant.name, is_new) == (version, "Acme again", False)
    assert [e["body"]["policy_version"] for e in world.events("tenant.put")] == [1, 1, 1, 2, 3]


@pytest.mark.covers("TEN-02", "D12")
def test_only_the_host_sets_policy_and_only_a_possible_one(world: World) -> None:
    world.found()
    for policy in ({"seats": 5}, {"seat_limit": -1}, {"ttl": {"member": 1}}):
        with pytest.raises(InvalidRequestError):
            world.do(world.put_tenant(policy))
    for actor in (OLGA, HostKey(key_id="k", scopes=frozenset({"members"}))):
        with pytest.raises(NotPermittedError):
            world.do(world.put_tenant(None, by=actor))
    world.do(world.put_tenant({"seat_limit": 10}))


@pytest.mark.covers("E03", "LIF-03", "TEN-01")
def test_suspension_revokes_what_is_pending_and_resuming_revives_nothing(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 10, "seats_count_pending": True})
    world.found(tenant="other")
    links = [world.do(world.issue(who)) for who in (VERA, XENIA)]
    elsewhere = world.do(world.issue(VERA, tenant="other"))
    assert world.do(world.suspend()).state == "suspended"
    world.do(world.suspend())
    [event] = world.events("tenant.suspended")
    assert event["body"] == {"revoked_count": 2}
    assert world.seats() == (3, 10)
    assert world.refuse(world.accept(VERA, links[0])) is RejectReason.REVOKED
    assert world.do(world.resume()).state == "active"
    world.do(world.resume())
    assert len(world.events("tenant.resumed")) == 1
    assert world.refuse(world.accept(VERA, links[0])) is RejectReason.REVOKED
    world.do(world.accept(VERA, elsewhere))
    world.do(world.accept(VERA, world.do(world.issue(VERA))))


@pytest.mark.covers("E03", "LIF-03", "TEN-01")
def test_deletion_is_final(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    world.do(world.delete())
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.REVOKED
    calls: list[Act] = [world.suspend(), world.resume(), world.put_member(VERA, "member"), world.remove(MIA)]
    for call in calls:
        with pytest.raises(NotFoundError):
            world.do(call)
    with pytest.raises(NotFoundError):
        world.do(world.delete())
    with pytest.raises(TenantDeletedError):
        world.do(world.put_tenant())
    with pytest.raises(NotFoundError):
        world.do(Call("read", lambda uow: get_tenant(uow, OLGA, "acme")))
    with pytest.raises(NotFoundError):
        world.do(Call("read", lambda uow: get_tenant(uow, HOST, "acme")))
    assert len(world.events("tenant.deleted")) == 1
    world.found(tenant="acme2")


@pytest.mark.covers("TEN-06", "D03")
def test_a_tenant_is_shown_to_its_host_and_its_administrators(world: World) -> None:
    world.found({"seat_limit": 9})
    view = world.do(Call("read", lambda uow: get_tenant(uow, ADAM, "acme")))
    assert view.seats == (3, 9)
    assert view.standing is not None
    assert world.do(Call("read", lambda uow: get_tenant(uow, HOST, "acme"))).standing is None
    with pytest.raises(NotPermittedError):
        world.do(Call("read", lambda uow: get_tenant(uow, MIA, "acme")))
    with pytest.raises(NotFoundError):
        world.do(Call("read", lambda uow: get_tenant(uow, XENIA, "acme")))
    with pytest.raises(NotPermittedError):
        world.do(world.suspend(by=OLGA))

# SPDX-License-Identifier: Apache-2.0
"""People who approve, and the world's own hand on what no action may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lanes import Call
from tests.world import World
from vestibule.actions.invitations.decide import list_waited, release_waited
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.policy import Policy

_IMMUTABLE = "vestibule_invitations_immutable"


def people(world: World, *who: VerifiedIdentity, role: str = "owner") -> None:
    """They are members by an administrative act."""
    for one in who:
        world.do(world.put_member(one, role))


def opened(world: World, who: VerifiedIdentity, *, by: VerifiedIdentity) -> None:
    """Came by an invitation of *by*, and was made an owner by the host since."""
    issued = world.do(world.issue(who, "admin", by=by))
    world.do(world.accept(who, issued))
    world.do(world.put_member(who, "owner"))


def wait_over(world: World) -> int:
    """What a worker does for requests whose waiting period is over; how many were issued."""
    due = world.do(Call("read", lambda uow: list_waited(uow, limit=10)))
    return sum(world.do(_release(world, tenant, one)) for tenant, one in due)


def _release(world: World, tenant: str, invitation_id: str) -> Call[bool]:
    return Call("run", lambda uow: release_waited(uow, tenant, invitation_id, context=world.context))


def policy_of(world: World, tenant: str = "acme") -> Policy:
    found = world.do(Call("read", lambda uow: uow.tenants.find(tenant)))
    assert found is not None
    return found.policy


@contextmanager
def held(world: World, *, immutable: bool) -> Iterator[None]:
    """Somebody with the database's keys switches the guard off for a moment."""
    if not immutable:
        yield
        return
    if world.lane.is_sqlite:
        with world.lane.engine.connect() as connection:
            sql = connection.exec_driver_sql(
                f"SELECT sql FROM sqlite_master WHERE name = '{_IMMUTABLE}'"
            ).scalar_one()
        world.execute(f"DROP TRIGGER {_IMMUTABLE}")
        yield
        world.execute(sql.replace(":", "\\:"))
        return
    world.execute(f"ALTER TABLE vestibule_invitations DISABLE TRIGGER {_IMMUTABLE}")
    yield
    world.execute(f"ALTER TABLE vestibule_invitations ENABLE TRIGGER {_IMMUTABLE}")

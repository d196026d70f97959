# SPDX-License-Identifier: Apache-2.0
"""What a database's administrator can do behind the service's back, and what the log holds then."""

from __future__ import annotations

import sqlalchemy as sa

from tests.web.harness import World
from vestibule.storage.schema import audit_events, log_leaves


def edit_event(world: World, event_id: str, actor_id: str) -> None:
    """Somebody else did it."""
    change = sa.update(audit_events).where(audit_events.c.event_id == event_id).values(actor_id=actor_id)
    _go_round(world, "update", change)


def erase_event(world: World, event_id: str) -> None:
    """It never happened."""
    _go_round(world, "delete", sa.delete(audit_events).where(audit_events.c.event_id == event_id))


def sealed_leaves(world: World) -> set[bytes]:
    """The leaf hashes of every tenant's tree."""
    return {bytes(row.leaf_hash) for row in world.rows(sa.select(log_leaves.c.leaf_hash))}


def kinds(world: World) -> set[str]:
    """What has happened in the deployment, of all kinds."""
    return {row.kind for row in world.rows(sa.select(audit_events.c.kind))}


def _go_round(world: World, act: str, statement: sa.Update | sa.Delete) -> None:
    """The guard is dropped first, as somebody who owns the tables can."""
    is_sqlite = world.engine.dialect.name == "sqlite"
    guard = f"no_{act}" if is_sqlite else "append_only"
    on = "" if is_sqlite else " ON vestibule_audit_events"
    with world.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER vestibule_audit_events_{guard}{on}")
        assert connection.execute(statement).rowcount == 1

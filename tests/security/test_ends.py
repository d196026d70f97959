# SPDX-License-Identifier: Apache-2.0
"""What the end of a time-bound role takes with it, and sessions that outlive their principal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.security.test_paths import sign_in
from tests.web.harness import World
from vestibule.actions.delivery.sweep import sweep
from vestibule.bootstrap import build_plain_runner
from vestibule.core.identity import RequestContext
from vestibule.core.token import digest
from vestibule.storage.schema import audit_events, memberships, principals, sessions


@pytest.mark.covers("E01", "LIF-04")
def test_the_end_of_a_time_bound_administrator_revokes_what_it_had_pending(world: World) -> None:
    owner, admin, vera = world.new_person("owner"), world.new_person("admin"), world.new_person("vera")
    tenant = world.new_tenant(owner=owner)
    soon = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.put_member(tenant, admin, "admin", expires_at=soon)
    invited = world.invite(tenant, admin, vera.emails[0])
    _end(world, tenant, admin.principal_id)
    _sweep(world)
    shown = world.call("GET", invited.path, owner).json()
    assert (shown["state"], shown["revoked_reason"]) == ("revoked", "inviter_ended")
    kinds = sa.select(audit_events.c.kind).where(audit_events.c.invitation_id == invited.invitation_id)
    assert "invitation.revoked" in [row.kind for row in world.rows(kinds)]
    # Coming back does not bring the promises of the earlier term back.
    world.put_member(tenant, admin, "admin")
    assert world.call("POST", f"{invited.road}/accept", vera).status_code == 404


@pytest.mark.covers("E10")
def test_a_session_that_slipped_past_an_offboarding_opens_nothing(world: World) -> None:
    secret = sign_in(world).partition("=")[2]
    account = sa.select(sessions.c.principal_id).where(sessions.c.session_hash == digest(secret))
    account_id = world.rows(account)[0][0]
    cookie = {"cookie": f"__Host-vestibule-session={secret}"}
    assert world.call("GET", "/v1/me/invitations", headers=cookie).status_code == 200
    # Opened while the offboarding commits: it looked before, and wrote after.
    with world.engine.begin() as connection:
        change = sa.update(principals).where(principals.c.principal_id == account_id)
        connection.execute(change.values(offboarded_at=datetime.now(UTC)))
    assert world.call("GET", "/v1/me/invitations", headers=cookie).status_code == 401


def _end(world: World, tenant_id: str, principal_id: str) -> None:
    with world.engine.begin() as connection:
        change = sa.update(memberships).where(
            memberships.c.tenant_id == tenant_id, memberships.c.principal_id == principal_id
        )
        connection.execute(change.values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))


def _sweep(world: World) -> None:
    runner = build_plain_runner(world.settings)
    runner.run(sweep, limit=500, context=RequestContext(correlation_id="tests"))
    runner.close()

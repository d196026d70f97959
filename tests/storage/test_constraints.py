# SPDX-License-Identifier: Apache-2.0
"""What the database refuses by itself, whoever asks: the truth does not depend on our code."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import Act
from tests.world import OLGA, VERA, XENIA, World, person
from vestibule.core.email import EmailAddress
from vestibule.storage.schema import audit_events, invitations, memberships

_IMMUTABLE = ("invitation_id", "tenant_id", "role", "invited_email", "inviter_principal_id")


@pytest.fixture(autouse=True)
def _written_by_hand(world: World) -> None:
    world.meddle()


def _refuses(world: World, sql: str, **values: Any) -> None:
    with pytest.raises(sa.exc.DBAPIError), world.lane.engine.begin() as connection:
        connection.execute(sa.text(sql), values)
    world.check()


def _copy_of(world: World, row: dict[str, Any], **changes: Any) -> None:
    with world.lane.engine.begin() as connection:
        connection.execute(sa.insert(invitations).values(**{**row, **changes}))


@pytest.mark.covers("TOK-02", "B07")
def test_a_hash_belongs_to_one_invitation(world: World) -> None:
    world.found()
    row = world.invitation(world.do(world.issue(VERA)))
    other = {"invitation_id": "other", "invited_email": "o@example.com"}
    with pytest.raises(sa.exc.IntegrityError):
        _copy_of(world, row, **other)
    _copy_of(world, row, **other, claim_token_hash=None)
    _copy_of(world, row, invitation_id="third", invited_email="t@example.com", claim_token_hash=None)


@pytest.mark.covers("ISS-06", "F05", "D09")
def test_a_target_has_one_open_invitation_and_any_number_of_ended_ones(world: World) -> None:
    world.found()
    row = world.invitation(world.do(world.issue(VERA)))
    fresh = {"invitation_id": "other", "claim_token_hash": None}
    with pytest.raises(sa.exc.IntegrityError):
        _copy_of(world, row, **fresh)
    ended = {"revoked_at": world.lane.now(), "revoked_reason": "revoked"}
    _copy_of(world, row, **fresh, **ended)
    _copy_of(world, row, **{**fresh, "invitation_id": "third"}, **ended)


@pytest.mark.covers("F01", "ACC-02")
def test_a_principal_has_one_membership_in_a_tenant(world: World) -> None:
    world.found()
    [row] = world.rows(memberships, principal_id="mia")
    for changes, is_refused in (({}, True), ({"role": "admin"}, True), ({"principal_id": "mi"}, False)):
        with world.lane.engine.connect() as connection:
            statement = sa.insert(memberships).values(**{**row, **changes})
            if is_refused:
                with pytest.raises(sa.exc.IntegrityError):
                    connection.execute(statement)
            else:
                connection.execute(statement)
            connection.rollback()


@pytest.mark.parametrize("column", _IMMUTABLE)
@pytest.mark.covers("ISS-05", "D10")
def test_what_was_promised_cannot_be_edited(world: World, column: str) -> None:
    world.found()
    world.found(tenant="other")
    row = world.invitation(world.do(world.issue(VERA)))
    _refuses(world, f"UPDATE vestibule_invitations SET {column} = :value", value="other")
    world.execute(f"UPDATE vestibule_invitations SET {column} = :value", value=row[column])
    world.execute("UPDATE vestibule_invitations SET message = 'changed'")


@pytest.mark.parametrize("end", ["accept", "decline", "revoke", "sweep"])
@pytest.mark.covers("LIF-01", "E08")
def test_a_final_state_cannot_be_left_and_not_be_reached_twice(world: World, end: str) -> None:
    world.found()
    issued = world.do(world.issue(VERA, expires_in=900))
    if end == "sweep":
        world.pass_time(901)
        world.do(world.sweep())
    else:
        ends: dict[str, Act] = {
            "accept": world.accept(VERA, issued),
            "decline": world.decline(VERA, issued),
            "revoke": world.revoke(issued),
        }
        world.do(ends[end])
    for columns in (
        ("consumed_at", "consumed_by_principal_id"),
        ("revoked_at", "revoked_reason"),
        ("declined_at",),
        ("expired_at",),
    ):
        is_reached = world.invitation(issued)[columns[0]] is not None
        undo = ", ".join(f"{column} = NULL" for column in columns)
        reach = ", ".join(
            f"{column} = " + ("expires_at" if column.endswith("_at") else "'x'") for column in columns
        )
        _refuses(world, f"UPDATE vestibule_invitations SET {reach}")
        if is_reached:
            _refuses(world, f"UPDATE vestibule_invitations SET {undo}")


@pytest.mark.covers("LIF-01")
def test_a_final_state_is_whole(world: World) -> None:
    world.found()
    world.do(world.issue(VERA))
    _refuses(world, "UPDATE vestibule_invitations SET consumed_at = created_at")
    _refuses(world, "UPDATE vestibule_invitations SET consumed_by_principal_id = 'vera'")
    _refuses(world, "UPDATE vestibule_invitations SET revoked_at = created_at")
    _refuses(world, "UPDATE vestibule_invitations SET declined_at = created_at, expired_at = created_at")
    world.execute("UPDATE vestibule_invitations SET revoked_at = NULL")


@pytest.mark.covers("AUD-02", "K08")
def test_the_trail_can_only_grow(world: World) -> None:
    world.found()
    before = world.rows(audit_events)
    _refuses(world, "UPDATE vestibule_audit_events SET actor_id = 'somebody else'")
    _refuses(world, "DELETE FROM vestibule_audit_events")
    if not world.lane.is_sqlite:
        _refuses(world, "TRUNCATE audit_events")
        _refuses(world, "TRUNCATE audit_events, tenants CASCADE")
    assert world.rows(audit_events) == before
    world.do(world.issue(VERA))
    assert len(world.rows(audit_events)) > len(before)


@pytest.mark.covers("TEN-06")
def test_nothing_belongs_to_a_tenant_that_is_not_there(world: World) -> None:
    world.found()
    row = world.invitation(world.do(world.issue(VERA)))
    with pytest.raises(sa.exc.IntegrityError):
        _copy_of(world, row, invitation_id="o", tenant_id="nowhere", claim_token_hash=None)
    _refuses(world, "DELETE FROM vestibule_tenants")


@pytest.mark.covers("A15", "A16", "ACC-03", "F05")
def test_addresses_and_ids_are_compared_byte_by_byte(world: World) -> None:
    world.found()
    row = world.invitation(world.do(world.issue(VERA)))
    keys = ("jose@example.com", "josé@example.com", "JOSE@example.com", "josE@example.com", "jos@example.com")
    for number, key in enumerate(keys):
        _copy_of(world, row, invitation_id=f"i{number}", invited_email=key, claim_token_hash=None)
    with world.lane.engine.connect() as connection:
        ordered = connection.execute(
            sa.select(invitations.c.invited_email)
            .where(invitations.c.invitation_id.like("i_"))
            .order_by(invitations.c.invited_email)
        ).scalars()
        assert list(ordered) == sorted(keys, key=str.encode)
        for key in keys:
            same = sa.select(sa.func.count()).where(invitations.c.invited_email == key)
            assert connection.execute(same).scalar_one() == 1


@pytest.mark.covers("TEN-06", "D05")
def test_tenants_and_people_that_differ_in_case_are_different(world: World) -> None:
    world.found(tenant="acme")
    world.found(tenant="Acme")
    loud = person("VERA", "vera@example.com")
    world.do(world.accept(VERA, world.do(world.issue(VERA))))
    issued = world.do(world.issue(EmailAddress("vera@example.com").key, tenant="Acme"))
    world.do(world.accept(loud, issued))
    assert "VERA" not in world.members()
    assert "vera" not in world.members("Acme")
    assert OLGA.principal_id in world.members("Acme")
    assert XENIA.principal_id not in world.members()

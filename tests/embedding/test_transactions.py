# SPDX-License-Identifier: Apache-2.0
"""Whose transaction it is: the host's, on both engines, from a connection, a session and async code."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from tests.embedding.host import MALLORY, OLGA, VERA, VERAS, Complete, Notes, count_rows, found_acme, invite
from tests.servers import PostgresServer
from vestibule import (
    AlreadyMemberError,
    ClaimRejectedError,
    EmailUnverifiedError,
    InvitationDraft,
    InvitationState,
    Membership,
    MisuseError,
    NotFoundError,
    Vestibule,
    host_identity,
    keep_refusals,
)


def rejected(engine: sa.Engine) -> int:
    return count_rows(engine, "vestibule_audit_events", kind="claim.rejected")


@pytest.mark.covers("INT-02")
def test_F07_what_the_host_rolls_back_is_as_if_it_never_was(
    engine: sa.Engine, vestibule: Vestibule, notes: Notes
) -> None:
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)

    with pytest.raises(RuntimeError, match="the host's own"), engine.begin() as connection:  # noqa: PT012 - the host fails last
        vestibule.accept(connection, VERA, token)
        notes.write(connection, "joined")
        raise RuntimeError("the host's own")
    assert count_rows(engine, "vestibule_memberships", principal_id="vera") == 0
    assert count_rows(engine, "vestibule_audit_events", kind="invitation.accepted") == 0
    assert notes.kept() == []

    with engine.begin() as connection:
        assert vestibule.accept(connection, VERA, token).role == "member"
        notes.write(connection, "joined")
    assert count_rows(engine, "vestibule_memberships", principal_id="vera") == 1
    assert count_rows(engine, "vestibule_audit_events", kind="invitation.accepted") == 1
    assert notes.kept() == ["joined"]


@pytest.mark.covers("INT-02")
def test_even_when_the_library_is_the_first_to_use_the_connection(
    engine: sa.Engine, vestibule: Vestibule
) -> None:
    # Python's sqlite3 begins no transaction before a SAVEPOINT; releasing that would commit.
    with engine.connect() as connection:
        vestibule.put_tenant(connection, "acme", name="Acme")
        connection.rollback()

    assert count_rows(engine, "vestibule_tenants") == 0


@pytest.mark.covers("INT-02")
def test_a_failed_action_leaves_the_hosts_own_work_intact(
    engine: sa.Engine, vestibule: Vestibule, notes: Notes
) -> None:
    found_acme(engine, vestibule)

    with engine.begin() as connection:
        notes.write(connection, "before")
        with pytest.raises(AlreadyMemberError):
            vestibule.issue(
                connection, OLGA, "acme", InvitationDraft(email=OLGA.addresses[0].address, role="member")
            )
        with pytest.raises(NotFoundError):
            vestibule.issue(connection, MALLORY, "acme", InvitationDraft(email=VERAS, role="member"))
        notes.write(connection, "after")

    assert notes.kept() == ["after", "before"]
    assert count_rows(engine, "vestibule_invitations") == 0


def test_a_database_error_inside_an_action_leaves_the_hosts_transaction_usable(
    engine: sa.Engine, vestibule: Vestibule, notes: Notes
) -> None:
    with engine.begin() as connection:
        notes.write(connection, "before")
        with pytest.raises(sa.exc.DBAPIError):
            vestibule.put_tenant(connection, None, name="Acme")  # type: ignore[arg-type]
        notes.write(connection, "after")

    assert notes.kept() == ["after", "before"]
    assert count_rows(engine, "vestibule_tenants") == 0


@pytest.mark.covers("INT-02", "ACC-07")
def test_a_refusal_is_recorded_in_the_hosts_transaction(
    engine: sa.Engine, vestibule: Vestibule, notes: Notes
) -> None:
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)

    with engine.begin() as connection:
        notes.write(connection, "before")
        with pytest.raises(ClaimRejectedError):
            vestibule.accept(connection, MALLORY, token)
    assert notes.kept() == ["before"]
    assert rejected(engine) == 1

    with pytest.raises(ClaimRejectedError), engine.begin() as connection:
        vestibule.accept(connection, MALLORY, token)
    assert rejected(engine) == 1, "rolled back by the host"

    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        vestibule.accept(connection, MALLORY, token)
    assert rejected(engine) == 2

    with keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, token)
    assert count_rows(engine, "vestibule_memberships", principal_id="vera") == 1


def test_keep_refusals_rolls_back_for_everything_else(
    engine: sa.Engine, vestibule: Vestibule, notes: Notes
) -> None:
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)

    with pytest.raises(ZeroDivisionError), keep_refusals(engine) as connection:  # noqa: PT012 - the host fails last
        vestibule.accept(connection, VERA, token)
        notes.write(connection, str(1 / 0))

    assert notes.kept() == []
    assert count_rows(engine, "vestibule_memberships", principal_id="vera") == 0


@pytest.mark.covers("INT-02")
def test_a_session_works_as_a_connection_does_and_its_pending_rows_are_seen(
    engine: sa.Engine, vestibule: Vestibule
) -> None:
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)
    sessions = sessionmaker(engine)

    with pytest.raises(RuntimeError), sessions.begin() as session:  # noqa: PT012 - the host fails last
        vestibule.accept(session, VERA, token)
        raise RuntimeError
    with keep_refusals(sessions) as session:
        assert vestibule.preview(session, token).state is InvitationState.PENDING
        vestibule.accept(session, VERA, token)

    assert count_rows(engine, "vestibule_memberships", principal_id="vera") == 1


def test_what_is_neither_connection_nor_session_is_named(engine: sa.Engine, vestibule: Vestibule) -> None:
    with pytest.raises(MisuseError, match="run_sync"):
        vestibule.put_tenant(engine, "acme", name="Acme")  # type: ignore[arg-type]


def test_a_connection_that_commits_by_itself_is_refused(
    vestibule: Vestibule, postgres_server: PostgresServer
) -> None:
    engine = sa.create_engine(postgres_server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(MisuseError, match="autocommit"):
        vestibule.put_tenant(connection, "acme", name="Acme")
    engine.dispose()


def test_no_verified_address_is_told_before_the_link_is_looked_at(
    engine: sa.Engine, vestibule: Vestibule
) -> None:
    nobody = host_identity("nobody")
    with engine.begin() as connection, pytest.raises(EmailUnverifiedError):
        vestibule.accept(connection, nobody, "not a token at all")
    with engine.begin() as connection, pytest.raises(ClaimRejectedError):
        vestibule.accept(connection, VERA, "not a token at all")


@pytest.mark.covers("INT-02")
def test_async_hosts_accept_in_their_own_transaction(
    vestibule: Vestibule, postgres_server: PostgresServer
) -> None:
    name = postgres_server.create_database()
    engine = create_async_engine(postgres_server.url(name))

    async def story() -> str:
        async with engine.begin() as connection:
            await connection.run_sync(vestibule.create_schema)
            await connection.run_sync(lambda c: vestibule.put_tenant(c, "acme", name="Acme"))
        plain = sa.create_engine(postgres_server.url(name))
        found_acme(plain, vestibule)
        _, token = invite(plain, vestibule)
        plain.dispose()
        with pytest.raises(RuntimeError):  # noqa: PT012 - the host fails last
            async with engine.begin() as connection:
                await connection.run_sync(lambda c: vestibule.accept(c, VERA, token))
                raise RuntimeError
        async with engine.begin() as connection:
            accepted = await connection.run_sync(lambda c: vestibule.accept(c, VERA, token))
        await engine.dispose()
        return accepted.role

    assert asyncio.run(story()) == "member"
    postgres_server.drop_database(name)


@pytest.mark.covers("INT-02")
def test_F07_a_membership_that_cant_be_written_leaves_the_invitation_pending(
    engine: sa.Engine, notes: Notes
) -> None:
    class Full(Complete):
        def put(self, membership: Membership) -> None:
            if membership.principal_id == "vera":
                raise LookupError("no room in the host's table")
            super().put(membership)

    broken = Vestibule(public_url="https://app.example", members=Full)
    whole = Vestibule(public_url="https://app.example", members=Complete)
    found_acme(engine, whole)
    _, token = invite(engine, whole)

    with engine.begin() as connection:
        notes.write(connection, "before")
        with pytest.raises(LookupError):
            broken.accept(connection, VERA, token)
    assert notes.kept() == ["before"]
    assert count_rows(engine, "vestibule_audit_events", kind="invitation.accepted") == 0

    with Session(engine) as session, session.begin():
        whole.accept(session, VERA, token)
    assert count_rows(engine, "people", person="vera") == 1

# SPDX-License-Identifier: Apache-2.0
"""The host's own membership table: what it must offer, what it may, and what is said when it doesn't."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from tests.embedding.host import (
    MALLORY,
    OLGA,
    VERA,
    VERAS,
    Complete,
    Minimal,
    Notes,
    count_rows,
    found_acme,
    invite,
    notes,
    people,
)
from vestibule import (
    AlreadyMemberError,
    ClaimRejectedError,
    EmailAddress,
    InvitationDraft,
    MemberDraft,
    MisuseError,
    RejectReason,
    SeatLimitError,
    Vestibule,
    keep_refusals,
)
from vestibule.testing import Letters, make_identity


@pytest.fixture
def minimal() -> Vestibule:
    return Vestibule(public_url="https://app.example", members=Minimal)


@pytest.fixture
def complete() -> Vestibule:
    return Vestibule(public_url="https://app.example", members=Complete)


def someone(number: int) -> EmailAddress:
    return EmailAddress.parse_input(f"p{number}@example.com")


@pytest.mark.covers("INT-02")
def test_three_methods_are_enough_to_invite_and_to_accept(engine: sa.Engine, minimal: Vestibule) -> None:
    found_acme(engine, minimal)
    issued, token = invite(engine, minimal)
    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        minimal.accept(connection, MALLORY, token)
    with keep_refusals(engine) as connection:
        minimal.accept(connection, VERA, token)

    assert count_rows(engine, "people", person="vera", invitation_id=issued.invitation.invitation_id) == 1
    assert count_rows(engine, "vestibule_memberships") == 0, "ours stays empty"
    with engine.begin() as connection, pytest.raises(AlreadyMemberError):
        minimal.issue(connection, OLGA, "acme", InvitationDraft(email=VERAS, role="member"))
    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        minimal.accept(connection, VERA, token)


@pytest.mark.covers("ACC-10")
def test_an_existing_row_of_the_host_is_never_changed_by_accepting(
    engine: sa.Engine, minimal: Vestibule
) -> None:
    found_acme(engine, minimal)
    _, token = invite(engine, minimal)
    with engine.begin() as connection:
        minimal.put_member(connection, "acme", "vera", MemberDraft(role="admin"))
        accepted = minimal.accept(connection, VERA, token)

    assert (accepted.kept_role, accepted.role) == (True, "admin")
    assert count_rows(engine, "people", person="vera", role="admin") == 1


@pytest.mark.covers("ACC-09")
def test_an_inviter_who_left_the_hosts_table_invites_nobody(engine: sa.Engine, minimal: Vestibule) -> None:
    found_acme(engine, minimal)
    _, token = invite(engine, minimal)
    with engine.begin() as connection:
        connection.execute(sa.delete(people).where(people.c.person == "olga"))

    with pytest.raises(ClaimRejectedError) as refusal, keep_refusals(engine) as connection:
        minimal.accept(connection, VERA, token)
    assert refusal.value.reason is RejectReason.INVITER_GONE


def test_what_the_hosts_table_lacks_is_named(engine: sa.Engine, minimal: Vestibule) -> None:
    found_acme(engine, minimal)
    _, token = invite(engine, minimal)
    with engine.begin() as connection:
        with pytest.raises(MisuseError, match="count"):
            minimal.put_tenant(connection, "acme", name="Acme", policy={"seat_limit": 3})
        with pytest.raises(MisuseError, match="remove"):
            minimal.remove_member(connection, "acme", "olga")
        with pytest.raises(MisuseError, match="remove"):
            minimal.offboard(connection, "olga")
        with pytest.raises(MisuseError, match="list_administrators"):
            minimal.request_new(connection, token)
        minimal.accept(connection, VERA, token)


@pytest.mark.covers("LIF-03")
def test_removing_and_offboarding_take_the_hosts_rows_and_the_ways_back_in(
    engine: sa.Engine, complete: Vestibule
) -> None:
    found_acme(engine, complete)
    _, token = invite(engine, complete)
    with keep_refusals(engine) as connection:
        complete.accept(connection, VERA, token)
    with engine.begin() as connection:
        complete.remove_member(connection, "acme", "vera", remover=OLGA)
    assert count_rows(engine, "people", person="vera") == 0

    _, token = invite(engine, complete)
    with engine.begin() as connection:
        gone = complete.offboard(connection, "olga")
    assert (gone.memberships_removed, gone.invitations_revoked) == (1, 1)
    assert count_rows(engine, "people") == 0
    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        complete.accept(connection, VERA, token)


@pytest.mark.covers("ACC-13")
def test_the_hosts_administrators_hear_of_a_request_for_a_new_link(
    engine: sa.Engine, complete: Vestibule
) -> None:
    found_acme(engine, complete)
    issued, token = invite(engine, complete)
    with engine.begin() as connection:
        complete.revoke(connection, OLGA, "acme", issued.invitation.invitation_id)
        complete.request_new(connection, token)
        complete.request_new(connection, "nonsense")

    letters = Letters()
    complete.deliver(engine, letters)
    assert [letter.kind for letter in letters.to("olga@example.com")] == ["renewal_notice"]


@pytest.mark.covers("INT-02")
def test_seats_are_counted_in_the_hosts_table(engine: sa.Engine, complete: Vestibule) -> None:
    found_acme(engine, complete, {"seat_limit": 2})
    tokens = [invite(engine, complete, someone(n))[1] for n in range(2)]
    with keep_refusals(engine) as connection:
        complete.accept(connection, make_identity("p0"), tokens[0])

    with pytest.raises(ClaimRejectedError) as refusal, keep_refusals(engine) as connection:
        complete.accept(connection, make_identity("p1"), tokens[1])
    assert refusal.value.reason is RejectReason.NO_SEAT

    with engine.begin() as connection:
        connection.execute(sa.delete(people).where(people.c.person == "p0"))
    with keep_refusals(engine) as connection:
        complete.accept(connection, make_identity("p1"), tokens[1])


def test_a_pending_invitation_keeps_its_seat_when_the_policy_says_so(
    engine: sa.Engine, complete: Vestibule
) -> None:
    found_acme(engine, complete, {"seat_limit": 2, "seats_count_pending": True})
    _, token = invite(engine, complete, someone(0))
    with engine.begin() as connection, pytest.raises(SeatLimitError):
        complete.issue(connection, OLGA, "acme", InvitationDraft(email=someone(1), role="member"))

    with keep_refusals(engine) as connection:
        complete.accept(connection, make_identity("p0"), token)
    assert count_rows(engine, "people") == 2


@pytest.mark.covers("INT-02")
def test_the_last_seat_of_a_hosts_table_is_taken_once(engine: sa.Engine, complete: Vestibule) -> None:
    found_acme(engine, complete, {"seat_limit": 2})
    tokens = [invite(engine, complete, someone(n))[1] for n in range(8)]
    gate = threading.Barrier(len(tokens))
    outcomes: list[str] = []

    def race(number: int) -> None:
        gate.wait()
        try:
            with keep_refusals(engine) as connection:
                complete.accept(connection, make_identity(f"p{number}"), tokens[number])
            outcomes.append("accepted")
        except ClaimRejectedError as refusal:
            outcomes.append(refusal.reason)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(len(tokens))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["accepted"] + ["no_seat"] * 7
    assert count_rows(engine, "people") == 2


def test_issuing_for_the_last_seat_at_once_never_deadlocks(engine: sa.Engine, complete: Vestibule) -> None:
    found_acme(engine, complete, {"seat_limit": 2, "seats_count_pending": True})
    gate = threading.Barrier(6)
    outcomes: list[str] = []

    def race(number: int) -> None:
        gate.wait()
        try:
            invite(engine, complete, someone(number))
            outcomes.append("issued")
        except SeatLimitError as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["issued"] + ["seat_limit"] * 5


def test_the_hosts_rows_and_its_own_work_are_one_transaction(engine: sa.Engine, complete: Vestibule) -> None:
    found_acme(engine, complete)
    _, token = invite(engine, complete)
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:  # noqa: PT012 - the host fails last
        complete.accept(connection, VERA, token)
        connection.execute(sa.insert(notes), [{"text": "twice"}, {"text": "twice"}])

    assert Notes(engine).kept() == []
    assert count_rows(engine, "people", person="vera") == 0

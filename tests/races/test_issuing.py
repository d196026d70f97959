# SPDX-License-Identifier: Apache-2.0
"""Issuing against itself, against limits, and against the end of its inviter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.races.conftest import Arena
from tests.races.outcomes import tally
from tests.world import ADAM, VERA, person
from vestibule.core.identity import IdempotencyRequest
from vestibule.core.limits import Limit, Limits
from vestibule.errors import (
    NotFoundError,
    NotPermittedError,
    RateLimitedError,
    SeatLimitError,
    TenantSuspendedError,
)
from vestibule.storage.schema import invitations, outbox_messages

_SPELLINGS = ("vera@example.com", "Vera@Example.COM", " vera@EXAMPLE.com ")


@pytest.mark.covers("F05", "ISS-06", "D09", "A13")
def test_thirty_issues_to_one_address_leave_one_link_that_works(arena: Arena) -> None:
    for world in arena:
        world.limits = Limits(issue_per_recipient=Limit(1000, 60))
        world.found({"seat_limit": 10, "seats_count_pending": True})
        outcomes = world.race(*[world.issue(_SPELLINGS[number % 3]) for number in range(30)])
        assert tally(outcomes) == {"won": 30}
        assert world.seats() == (4, 10)
        assert sum(_is_open(row) for row in world.rows(invitations)) == 1
        claims = tally(world.race(*[world.accept(VERA, issued) for issued in outcomes]))
        assert claims["won"] == 1
        assert set(claims) <= {"won", "unknown"}


@pytest.mark.covers("F06", "ISS-16")
def test_parallel_issues_never_exceed_a_limit(arena: Arena) -> None:
    for world in arena:
        world.limits = Limits(issue_per_inviter=Limit(5, 36_000))
        world.found()
        calls: list[Any] = [world.issue(f"p{number}@example.com") for number in range(20)]
        outcome = tally(world.race(*calls), RateLimitedError)
        assert outcome == {"won": 5, "rate_limited": 15}
        assert len(world.rows(invitations)) == 5


@pytest.mark.covers("F04", "ACC-09")
def test_parallel_reservations_never_exceed_the_seats(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 7, "seats_count_pending": True})
        calls: list[Any] = [world.issue(f"p{number}@example.com") for number in range(20)]
        outcome = tally(world.race(*calls), SeatLimitError)
        assert outcome == {"won": 4, "seat_limit": 16}
        assert world.seats() == (7, 7)


@pytest.mark.covers("ISS-11", "F08")
def test_one_idempotency_key_issues_once_however_many_at_once(arena: Arena) -> None:
    for world in arena:
        world.found()
        once = IdempotencyRequest(scope_hash=b"s" * 32, body_hash=b"b" * 32)
        outcomes = world.race(*[world.issue(VERA, deliver="email", once=once) for _ in range(20)])
        assert tally(outcomes) == {"won": 20}
        assert len({issued.invitation.invitation_id for issued in outcomes}) == 1
        assert sum(not issued.is_replay for issued in outcomes) == 1
        assert len(world.rows(outbox_messages)) == 1


@pytest.mark.covers("E01", "E10", "LIF-03", "F08")
def test_nothing_stays_pending_of_an_inviter_who_leaves_while_issuing(arena: Arena) -> None:
    for world in arena:
        world.found()
        calls: list[Any] = [world.issue(person(f"p{number}"), by=ADAM) for number in range(10)]
        tally(world.race(*calls, world.remove(ADAM)), NotFoundError)
        assert not any(_is_open(row) for row in world.rows(invitations))


@pytest.mark.covers("E10", "LIF-03", "F08")
def test_nothing_stays_pending_of_an_inviter_who_is_offboarded_while_issuing(arena: Arena) -> None:
    for world in arena:
        world.found()
        calls: list[Any] = [world.issue(person(f"p{number}"), by=ADAM) for number in range(10)]
        tally(world.race(*calls, world.offboard(ADAM)), NotFoundError)
        assert not any(_is_open(row) for row in world.rows(invitations))


@pytest.mark.covers("E02", "F08")
def test_nothing_stays_pending_of_an_inviter_who_is_demoted_while_issuing(arena: Arena) -> None:
    for world in arena:
        world.found()
        calls: list[Any] = [world.issue(person(f"p{number}"), by=ADAM) for number in range(10)]
        tally(world.race(*calls, world.put_member(ADAM, "member")), NotPermittedError)
        assert not any(_is_open(row) for row in world.rows(invitations))


@pytest.mark.covers("E03", "LIF-03", "F08")
def test_nothing_stays_pending_in_a_tenant_that_is_suspended_while_issuing(arena: Arena) -> None:
    for world in arena:
        world.found()
        calls: list[Any] = [world.issue(person(f"p{number}")) for number in range(10)]
        tally(world.race(*calls, world.suspend()), TenantSuspendedError)
        assert not any(_is_open(row) for row in world.rows(invitations))


@pytest.mark.covers("LIF-04", "F08")
def test_many_sweepers_record_each_end_once(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 30, "seats_count_pending": True})
        for number in range(10):
            world.lane.do(world.issue(f"p{number}@example.com", expires_in=900))
        world.pass_time(901)
        swept = world.race(*[world.sweep(limit=4) for _ in range(10)])
        tally(swept)
        while world.do(world.sweep()):
            pass
        assert len(world.events("invitation.expired")) == 10
        assert world.seats() == (3, 30)


@pytest.mark.covers("DEL-02", "F08")
def test_each_message_is_claimed_by_one_worker(arena: Arena) -> None:
    for world in arena:
        world.found()
        for number in range(12):
            world.lane.do(world.issue(f"p{number}@example.com", deliver="email"))
        batches = world.race(*[world.claim_messages(f"w{number}", limit=3) for number in range(8)])
        tally(batches)
        claimed = [message.message_id for batch in batches for message in batch]
        assert len(claimed) == len(set(claimed))
        rest = [message.message_id for message in world.do(world.claim_messages())]
        assert len({*claimed, *rest}) == 12


def _is_open(row: dict[str, object]) -> bool:
    return all(row[name] is None for name in ("consumed_at", "declined_at", "revoked_at", "expired_at"))

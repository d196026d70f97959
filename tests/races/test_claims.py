# SPDX-License-Identifier: Apache-2.0
"""Accept against everything that can happen at the same moment, fifty ways."""

from __future__ import annotations

from typing import Any

import pytest

from tests.races.conftest import Arena
from tests.races.outcomes import tally
from tests.world import ADAM, OLGA, VERA, XENIA, by_id, key_of, person
from vestibule.errors import (
    AlreadyMemberError,
    LastOwnerError,
    NotFoundError,
    NotPendingError,
    SeatLimitError,
)

_WAYS = 50


@pytest.mark.covers("F01", "ACC-02", "B08", "B19")
def test_fifty_accepts_of_one_link_make_one_member(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 10})
        issued = world.do(world.issue(VERA))
        claims: list[Any] = [world.accept(VERA, key) for key in (key_of(issued), by_id(issued))] * (
            _WAYS // 2
        )
        assert tally(world.race(*claims)) == {"won": 1, "consumed": _WAYS - 1}
        assert world.seats() == (4, 10)
        assert len(world.deliver()) == 1


@pytest.mark.covers("F02", "ACC-02", "A01")
def test_of_many_people_only_the_invited_one_gets_in(arena: Arena) -> None:
    for world in arena:
        world.found()
        issued = world.do(world.issue(VERA))
        others = [person(f"other{number}") for number in range(_WAYS - 1)]
        outcome = tally(world.race(*[world.accept(who, issued) for who in [*others, VERA]]))
        assert outcome["won"] == 1
        assert outcome["wrong_recipient"] + outcome["consumed"] == _WAYS - 1
        assert set(world.members()) == {"olga", "adam", "mia", "vera"}


@pytest.mark.covers("F02", "ACC-16")
def test_of_two_accounts_with_the_same_address_one_wins(arena: Arena) -> None:
    for world in arena:
        world.found()
        issued = world.do(world.issue(VERA))
        twins = [person(f"vera{number}", "vera@example.com") for number in range(_WAYS)]
        outcome = tally(world.race(*[world.accept(who, issued) for who in twins]))
        assert outcome == {"won": 1, "consumed": _WAYS - 1}
        assert len(world.members()) == 4


@pytest.mark.covers("F01", "F08", "ISS-10")
def test_one_person_with_many_addresses_becomes_one_member(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 10})
        addresses = [f"v{number}@example.com" for number in range(10)]
        vera = person("vera", *addresses)
        links = [world.do(world.issue(address)) for address in addresses]
        assert tally(world.race(*[world.accept(vera, link) for link in links])) == {"won": 10}
        assert world.seats() == (4, 10)
        kept = sorted(event["body"]["kept_role"] for event in world.events("invitation.accepted"))
        assert kept == [False] + [True] * 9


@pytest.mark.covers("F08", "LIF-02")
def test_accept_and_revoke_never_both_happen(arena: Arena) -> None:
    for world in arena:
        world.found()
        issued = world.do(world.issue(VERA))
        half: list[Any] = [world.accept(VERA, issued), world.revoke(issued)] * (_WAYS // 2)
        outcome = tally(world.race(*half), NotPendingError)
        assert outcome["won"] == 1
        assert outcome["not_pending"] >= _WAYS // 2 - 1
        row = world.invitation(issued)
        assert (row["consumed_at"] is None) == (row["revoked_at"] is not None)
        assert ("vera" in world.members()) == (row["consumed_at"] is not None)


@pytest.mark.covers("F08", "ACC-15")
def test_accept_and_decline_never_both_happen(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 4, "seats_count_pending": True})
        issued = world.do(world.issue(VERA))
        both: list[Any] = [world.accept(VERA, issued), world.decline(VERA, issued)] * (_WAYS // 2)
        outcome = tally(world.race(*both))
        assert outcome["won"] == 1
        row = world.invitation(issued)
        assert ("vera" in world.members()) == (row["declined_at"] is None)


@pytest.mark.covers("F08", "B13", "ISS-12")
def test_an_old_link_never_works_after_its_resend(arena: Arena) -> None:
    for world in arena:
        world.found({"resend_cooldown": 0})
        issued = world.do(world.issue(VERA))
        both: list[Any] = [world.accept(VERA, issued), world.resend(issued)] * 10
        outcomes = world.race(*both)
        tally(outcomes, AlreadyMemberError, NotPendingError)
        row = world.invitation(issued)
        if row["consumed_at"] is None:
            newest = max((o for o in outcomes if hasattr(o, "invitation")), key=_generation)
            assert newest.invitation.generation == row["generation"]
            world.do(world.accept(VERA, newest))
        else:
            assert row["generation"] == 1


@pytest.mark.covers("F08", "E03", "LIF-03")
def test_accept_and_suspend_end_in_a_member_or_a_revoked_invitation(arena: Arena) -> None:
    for world in arena:
        world.found()
        people = [person(f"p{number}") for number in range(10)]
        links = [world.do(world.issue(who)) for who in people]
        claims: list[Any] = [world.accept(who, link) for who, link in zip(people, links, strict=True)]
        outcome = tally(world.race(*claims, world.suspend(), world.suspend()))
        assert outcome["won"] == 2 + len(world.members()) - 3
        states = [world.invitation(link) for link in links]
        assert all((row["consumed_at"] is None) != (row["revoked_at"] is None) for row in states)
        assert len(world.events("tenant.suspended")) == 1


@pytest.mark.covers("F08", "E01", "E10", "LIF-03")
def test_accept_and_offboarding_the_inviter(arena: Arena) -> None:
    for world in arena:
        world.found()
        people = [person(f"p{number}") for number in range(10)]
        links = [world.do(world.issue(who, by=ADAM)) for who in people]
        claims: list[Any] = [world.accept(who, link) for who, link in zip(people, links, strict=True)]
        tally(world.race(*claims, world.offboard(ADAM)))
        assert "adam" not in world.members()
        assert not [link for link in links if _is_open(world.invitation(link))]


@pytest.mark.covers("F08", "E10", "LIF-03")
def test_whoever_is_offboarded_while_accepting_is_out(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 10})
        addresses = [f"v{number}@example.com" for number in range(5)]
        vera = person("vera", *addresses)
        links = [world.do(world.issue(address)) for address in addresses]
        tally(world.race(*[world.accept(vera, link) for link in links], world.offboard(vera)))
        assert "vera" not in world.members()
        assert world.seats() == (3, 10)


@pytest.mark.covers("F08", "TEN-01", "E01")
def test_accept_and_removing_the_same_person(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 10, "seats_count_pending": True})
        world.do(world.put_member(VERA, "member"))
        issued = world.do(world.issue("v2@example.com"))
        vera = person("vera", "vera@example.com", "v2@example.com")
        claims: list[Any] = [world.accept(vera, issued)] * 5 + [world.remove(VERA)] * 5
        outcome = tally(world.race(*claims), NotFoundError)
        assert outcome["won"] >= 1
        assert world.seats() == (len(world.members()) + _is_open(world.invitation(issued)), 10)


@pytest.mark.covers("F08", "E02")
def test_accept_and_demoting_the_inviter(arena: Arena) -> None:
    for world in arena:
        world.found()
        people = [person(f"p{number}") for number in range(10)]
        links = [world.do(world.issue(who, by=ADAM)) for who in people]
        claims: list[Any] = [world.accept(who, link) for who, link in zip(people, links, strict=True)]
        tally(world.race(*claims, world.put_member(ADAM, "member")))
        assert not [link for link in links if _is_open(world.invitation(link))]


@pytest.mark.covers("F03", "ACC-09", "F08")
def test_the_last_seat_goes_to_one_and_burns_nobodys_link(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 4})
        people = [person(f"p{number}") for number in range(20)]
        links = [world.do(world.issue(who)) for who in people]
        claims: list[Any] = [world.accept(who, link) for who, link in zip(people, links, strict=True)]
        assert tally(world.race(*claims)) == {"won": 1, "no_seat": 19}
        assert world.seats() == (4, 4)
        world.do(world.put_tenant({"seat_limit": 23}))
        left = [
            world.accept(who, link)
            for who, link in zip(people, links, strict=True)
            if who.principal_id not in world.members()
        ]
        assert tally(world.race(*left)) == {"won": 19}
        assert world.seats() == (23, 23)


@pytest.mark.covers("F04", "F03", "TEN-02")
def test_the_limit_may_change_while_people_accept(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 10})
        people = [person(f"p{number}") for number in range(20)]
        links = [world.do(world.issue(who)) for who in people]
        claims: list[Any] = [world.accept(who, link) for who, link in zip(people, links, strict=True)]
        changes = [
            world.put_tenant(policy)
            for policy in (
                {"seat_limit": 5},
                {"seat_limit": 8, "seats_count_pending": True},
                {},
                {"seat_limit": 12},
            )
        ]
        outcome = tally(world.race(*claims, *changes))
        assert set(outcome) <= {"won", "no_seat", "lost_race"}
        world.do(world.put_tenant({"seat_limit": 100}))
        again = [c for c, who in zip(claims, people, strict=True) if who.principal_id not in world.members()]
        assert tally(world.race(*again))["won"] == len(again)


@pytest.mark.covers("F03", "F04", "LIF-05", "F08")
def test_the_ledger_stays_exact_while_sweeps_removals_and_accepts_meet(arena: Arena) -> None:
    for world in arena:
        world.found({"seat_limit": 12, "seats_count_pending": True})
        guests = [person(f"g{number}") for number in range(4)]
        for guest in guests:
            link = world.do(world.issue(guest, membership_expires_in=900))
            world.do(world.accept(guest, link))
        stale = [world.do(world.issue(f"s{number}@example.com", expires_in=900)) for number in range(5)]
        world.pass_time(1000)
        assert world.seats() == (12, 12)
        newcomers = [person(f"n{number}") for number in range(6)]
        calls: list[Any] = [world.sweep() for _ in range(3)] + [world.issue(who) for who in newcomers]
        calls += [world.put_tenant({"seat_limit": limit, "seats_count_pending": True}) for limit in (11, 12)]
        calls += [world.issue(guest) for guest in guests] + [world.remove(guests[0])]
        tally(world.race(*calls), SeatLimitError, NotFoundError)
        world.do(world.sweep())
        assert not [issued for issued in stale if _is_open(world.invitation(issued))]
        assert len(world.events("invitation.expired")) == 5


@pytest.mark.covers("TEN-01", "D13", "F08")
def test_two_owners_who_remove_each_other_leave_one(arena: Arena) -> None:
    for world in arena:
        world.found()
        world.do(world.put_member(VERA, "owner"))
        calls: list[Any] = [world.remove(VERA, by=OLGA), world.remove(OLGA, by=VERA)] * 5
        outcome = tally(world.race(*calls), LastOwnerError, NotFoundError)
        assert outcome["won"] == 1
        owners = [who for who, role in world.members().items() if role == "owner"]
        assert len(owners) == 1


@pytest.mark.covers("TEN-01", "D13", "F08")
def test_owners_may_leave_be_demoted_and_be_offboarded_at_once_and_one_stays(arena: Arena) -> None:
    for world in arena:
        world.found()
        for who in (VERA, XENIA):
            world.do(world.put_member(who, "owner"))
        calls: list[Any] = [
            world.remove(OLGA, by=OLGA),
            world.put_member(VERA, "member"),
            world.offboard(XENIA),
            world.put_member(OLGA, "member"),
            world.remove(VERA),
        ]
        tally(world.race(*calls), LastOwnerError, NotFoundError)
        assert "owner" in world.members().values()


def _generation(issued: object) -> int:
    return int(issued.invitation.generation)  # type: ignore[attr-defined]


def _is_open(row: dict[str, object]) -> bool:
    return all(row[name] is None for name in ("consumed_at", "declined_at", "revoked_at", "expired_at"))

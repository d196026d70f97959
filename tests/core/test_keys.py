# SPDX-License-Identifier: Apache-2.0
"""States by the clock, what is due, and verifiers that cache (CRYPTO.md 2.2)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.factories import NOW
from vestibule.core.key_documents import Ring, make_key_set
from vestibule.core.keys import (
    Algorithm,
    KeyRecord,
    KeySchedule,
    KeyState,
    Purpose,
    Turn,
    algorithm_of,
    judge_turn,
)

SCHEDULE = KeySchedule()
SECOND = timedelta(seconds=1)
LONGEST = timedelta(days=30)
_SPKI = bytes.fromhex("302a300506032b6570032100")


def make_key(number: int = 1, purpose: str = Purpose.CLAIM, **moments: datetime | None) -> KeyRecord:
    values: dict[str, datetime | None] = {"created_at": NOW, **moments}
    return KeyRecord(
        key_id=f"key{number}",
        purpose=purpose,
        algorithm=Algorithm.ED25519,
        provider="file",
        reference=f"key{number}",
        public_key=_SPKI + number.to_bytes(32, "big"),
        **values,  # type: ignore[arg-type]
    )


@pytest.mark.covers("TOK-04", "C06")
def test_a_state_follows_from_the_moments_and_the_clock() -> None:
    pending = make_key()
    active = replace(pending, active_at=NOW)
    replaced = replace(active, replaced_at=NOW + SECOND, verify_until=NOW + LONGEST)
    given_up = replace(replaced, compromised_at=NOW + 2 * SECOND)
    assert pending.state_at(NOW) is KeyState.PENDING
    assert active.state_at(NOW + LONGEST) is KeyState.ACTIVE
    assert replaced.state_at(NOW + LONGEST - SECOND) is KeyState.VERIFY_ONLY
    assert replaced.state_at(NOW + LONGEST) is KeyState.RETIRED
    assert given_up.state_at(NOW + 3 * SECOND) is KeyState.COMPROMISED


@pytest.mark.covers("TOK-04", "C06")
def test_what_a_replaced_key_signed_in_its_time_verifies_until_its_time_and_nothing_later() -> None:
    replaced = make_key(active_at=NOW, replaced_at=NOW + 60 * SECOND, verify_until=NOW + LONGEST)
    before, leeway = NOW + 59 * SECOND, SCHEDULE.leeway
    later = NOW + 61 * SECOND + leeway

    def verifies(now: datetime, issued_at: datetime, key: KeyRecord = replaced) -> bool:
        return key.verifies(now, issued_at=issued_at, leeway=leeway)

    assert verifies(NOW + LONGEST - SECOND, before)
    assert not verifies(NOW + LONGEST, before)
    assert not verifies(NOW + LONGEST - SECOND, later)
    assert verifies(NOW + LONGEST, later, make_key(active_at=NOW))
    assert not verifies(before, before, replace(replaced, compromised_at=before))


@pytest.mark.covers("TOK-04")
def test_what_is_due_for_a_purpose() -> None:
    ahead = NOW + SCHEDULE.rotate_every - SCHEDULE.publish_ahead
    due = NOW + SCHEDULE.rotate_every
    active = make_key(active_at=NOW)
    early, late = make_key(2, created_at=ahead), make_key(2, created_at=due)
    for keys, now, turn in (
        ([], due, Turn.NOTHING),
        ([active], ahead - SECOND, Turn.NOTHING),
        ([active], ahead, Turn.CREATE),
        ([active, early], due - SECOND, Turn.NOTHING),
        ([active, early], due, Turn.ACTIVATE),
        # A worker that was away made it late: verifiers learn of it first all the same.
        ([active, late], due + SCHEDULE.publish_ahead - SECOND, Turn.NOTHING),
        ([active, late], due + SCHEDULE.publish_ahead, Turn.ACTIVATE),
        ([replace(active, compromised_at=NOW)], NOW, Turn.CREATE),
        ([replace(active, compromised_at=NOW), late], NOW, Turn.ACTIVATE),
    ):
        assert judge_turn(keys, now, SCHEDULE) is turn
    for purpose in set(Purpose) - SCHEDULE.rotating:
        assert judge_turn([make_key(purpose=purpose, active_at=NOW)], due, SCHEDULE) is Turn.NOTHING
    given_up = make_key(purpose="blind:event", active_at=NOW, compromised_at=NOW)
    assert judge_turn([given_up], due, SCHEDULE) is Turn.NOTHING


@pytest.mark.covers("TOK-04", "C02")
def test_a_purpose_has_one_algorithm() -> None:
    assert {algorithm_of(purpose) for purpose in ("claim", "checkpoint", "receipt", "schedule")} == {
        Algorithm.ED25519
    }
    assert algorithm_of("claim", Algorithm.ES256) is Algorithm.ES256
    for purpose in ("kek", "blind-index", "connection"):
        assert algorithm_of(purpose, Algorithm.ES256) is Algorithm.SECRET
    assert algorithm_of("blind:event", Algorithm.ES256) is Algorithm.RSABSSA


# CRYPTO.md 2.2: verifiers that cache the key set and never ask for a key they don't know.


class Verifier:
    """Fetches the key set when its copy is as old as ``max_age``, and then only."""

    def __init__(self, offset: timedelta) -> None:
        self._fetched_at = NOW - LONGEST + offset
        self._known: set[str] = set()

    def accepts(self, key_id: str, ring: Ring) -> bool:
        if ring.now >= self._fetched_at + SCHEDULE.max_age:
            self._fetched_at = ring.now
            self._known = {key["kid"] for key in make_key_set(ring, self.schedule)["keys"]}
        return key_id in self._known

    schedule = SCHEDULE


def rotate_for(days: int, schedule: KeySchedule) -> list[KeyRecord]:
    """The keys of a worker that has swept each half hour for so long."""
    keys = [make_key(active_at=NOW)]
    for step in range(days * 48):
        now = NOW + step * timedelta(minutes=30)
        live = [key for key in keys if key.replaced_at is None]
        if judge_turn(live, now, schedule) is Turn.CREATE:
            keys.append(make_key(len(keys) + 1, created_at=now))
            live.append(keys[-1])
        if judge_turn(live, now, schedule) is Turn.ACTIVATE:
            until = now + schedule.verify_for + schedule.leeway
            keys[-2] = replace(keys[-2], replaced_at=now, verify_until=until)
            keys[-1] = replace(keys[-1], active_at=now)
    return keys


def as_of(keys: list[KeyRecord], now: datetime) -> Ring:
    """What the database said then."""

    def past(moment: datetime | None) -> datetime | None:
        return moment if moment is not None and moment <= now else None

    known = [
        replace(
            key,
            active_at=past(key.active_at),
            replaced_at=past(key.replaced_at),
            verify_until=key.verify_until if past(key.replaced_at) else None,
        )
        for key in keys
        if key.created_at <= now
    ]
    return Ring(keys=known, now=now)


def count_wrong(schedule: KeySchedule, *, days: int = 200, clicks: int = 40_000) -> int:
    """How many good tokens twenty verifiers refuse."""
    chance = random.Random(2026)
    keys = rotate_for(days, schedule)
    turns = [key.active_at for key in keys[1:] if key.active_at is not None]
    planned = []
    for number in range(clicks):
        # One in four is issued right after a rotation, where a mistake would show.
        start, span = (chance.choice(turns), timedelta(minutes=10)) if number % 4 == 0 else (NOW, LONGEST * 5)
        issued_at = start + span * chance.random()
        waits = LONGEST * chance.random() if number % 2 else timedelta(minutes=10) * chance.random()
        signer = max((key for key in keys if key.active_at and key.active_at <= issued_at), key=_active)
        planned.append((issued_at + waits, signer, issued_at))
    verifiers = [Verifier(timedelta(seconds=number * 29)) for number in range(20)]
    for one in verifiers:
        one.schedule = schedule
    wrong = 0
    for at, signer, issued_at in sorted(planned, key=lambda one: one[0]):
        ring = as_of(keys, at)
        is_known = chance.choice(verifiers).accepts(signer.key_id, ring)
        [record] = [key for key in ring.keys if key.key_id == signer.key_id]
        wrong += not (is_known and record.verifies(at, issued_at=issued_at, leeway=schedule.leeway))
    return wrong


def _active(key: KeyRecord) -> datetime:
    assert key.active_at is not None
    return key.active_at


@pytest.mark.covers("TOK-04", "C06")
def test_with_our_schedule_no_caching_verifier_refuses_a_good_token() -> None:
    assert count_wrong(SCHEDULE) == 0


@pytest.mark.covers("TOK-04", "C06")
@pytest.mark.parametrize(
    "wrong",
    [
        replace(SCHEDULE, verify_for=SCHEDULE.verify_for - timedelta(days=6)),
        replace(SCHEDULE, publish_ahead=timedelta(0)),
        replace(SCHEDULE, publish_ahead=timedelta(0), verify_for=timedelta(0)),
    ],
    ids=["withdrawn six days early", "not published before its use", "neither"],
)
def test_with_a_wrong_schedule_good_tokens_are_refused_so_the_simulation_sees(wrong: KeySchedule) -> None:
    assert count_wrong(wrong) > 0

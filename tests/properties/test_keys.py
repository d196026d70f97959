# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to keys, in whatever order: one is active, and nothing counts that was given up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.factories import make_context
from tests.lanes import Call, Lane, LaneKeeper
from tests.rings import make_store
from vestibule.actions.keys.show_ring import show_ring
from vestibule.actions.keys.turn_keys import (
    compromise_key,
    create_key,
    draw_key,
    list_turns,
    rotate_key,
    take_turn,
)
from vestibule.core.identity import HostKey
from vestibule.core.key_documents import Ring, make_key_set, make_schedule
from vestibule.core.keys import KeyRecord, KeySchedule, KeyState, Purpose, Turn
from vestibule.errors import KeyMissingError, KeyStateError
from vestibule.keys.proving import prove_key
from vestibule.ports import UnitOfWork

T = TypeVar("T")
HOST = HostKey(key_id="host")
SCHEDULE = KeySchedule()
SECOND = timedelta(seconds=1)
PURPOSES = (Purpose.CLAIM.value, Purpose.CHECKPOINT.value, Purpose.KEK.value)
_EXAMPLES = {"sqlite-plain": 25, "postgresql-plain": 6}
_STEPS = {"sqlite-plain": 40, "postgresql-plain": 15}


@dataclass
class Signed:
    """Something that a key signed while it was active."""

    key_id: str
    at: datetime


class Turning(RuleBasedStateMachine):
    """Each rule is one act of the operator, the worker or the clock."""

    def __init__(self, lane: Lane) -> None:
        super().__init__()
        self.lane = lane
        self._folder = tempfile.TemporaryDirectory()
        self.provider = make_store(Path(self._folder.name) / "ring")
        self.about: dict[str, Any] = {"provider": self.provider, "context": make_context()}
        self.signed: list[Signed] = []
        self.given_up: set[str] = set()

    def teardown(self) -> None:
        self._folder.cleanup()

    def do(self, work: Callable[[UnitOfWork], T]) -> T:
        return self.lane.do(Call("run", work))

    def ring(self) -> Ring:
        return self.lane.do(Call("read", show_ring))

    def find(self, purpose: str, state: KeyState) -> KeyRecord | None:
        ring = self.ring()
        found = [key for key in ring.keys if key.purpose == purpose and key.state_at(ring.now) is state]
        assert len(found) <= 1, "two of one state that only one may have"
        return found[0] if found else None

    @rule(purpose=st.sampled_from(PURPOSES))
    def create(self, purpose: str) -> None:
        active = self.find(purpose, KeyState.ACTIVE)
        waiting = self.find(purpose, KeyState.PENDING)
        try:
            made = self.do(lambda uow: create_key(uow, HOST, purpose, **self.about))
        except KeyStateError:
            assert waiting is not None
            return
        expected = KeyState.ACTIVE if active is None else KeyState.PENDING
        found = self.find(purpose, expected)
        assert waiting is None
        assert found is not None
        assert found.key_id == made.key_id

    @rule(purpose=st.sampled_from(PURPOSES), at_once=st.booleans())
    def rotate(self, purpose: str, *, at_once: bool) -> None:
        old, waiting, now = (
            self.find(purpose, KeyState.ACTIVE),
            self.find(purpose, KeyState.PENDING),
            self.ring().now,
        )
        about = {**self.about, "schedule": SCHEDULE, "at_once": at_once}
        try:
            new = self.do(lambda uow: rotate_key(uow, HOST, purpose, **about))
        except KeyMissingError:
            assert old is None
            return
        except KeyStateError:
            assert not at_once
            assert waiting is None or now < waiting.created_at + SCHEDULE.publish_ahead + SECOND
            return
        assert old is not None
        assert waiting is None or waiting.key_id == new.key_id
        assert self.find(purpose, KeyState.ACTIVE) is not None

    @rule(choice=st.integers(min_value=0, max_value=10**6), purpose=st.sampled_from(PURPOSES))
    def compromise(self, choice: int, purpose: str) -> None:
        known = [key for key in self.ring().keys if key.purpose == purpose]
        if not known:
            return
        key = known[choice % len(known)]
        was_active = self.find(purpose, KeyState.ACTIVE) == key
        waiting = self.find(purpose, KeyState.PENDING)
        try:
            successor = self.do(lambda uow: compromise_key(uow, HOST, key.key_id, "a drill", **self.about))
        except KeyStateError:
            assert key.key_id in self.given_up
            return
        self.given_up.add(key.key_id)
        assert (successor is not None) is was_active
        if was_active and waiting is not None and successor is not None:
            assert successor.key_id == waiting.key_id

    @rule()
    def sweep(self) -> None:
        for due in self.do(lambda uow: list_turns(uow, schedule=SCHEDULE)):
            assert due.purpose in SCHEDULE.rotating
            drawn = draw_key(self.provider, due.purpose, due.now) if due.turn is Turn.CREATE else None
            about: dict[str, Any] = {"schedule": SCHEDULE, "context": make_context()}
            assert self.do(partial(take_turn, due=due, drawn=drawn, **about))
            # What was seen a moment ago is not done twice.
            assert not self.do(partial(take_turn, due=due, drawn=drawn, **about))

    @rule(hours=st.sampled_from((1, 23, 25, 24 * 29, 24 * 31, 24 * 89, 24 * 91)))
    def pass_time(self, hours: int) -> None:
        self.lane.pass_time(hours * 3600)
        if not self.lane.is_sqlite:
            # There the clock stands, and the past moves.
            for one in self.signed:
                one.at -= timedelta(hours=hours)

    @rule()
    def sign(self) -> None:
        key = self.find(Purpose.CLAIM, KeyState.ACTIVE)
        if key is not None:
            self.signed.append(Signed(key.key_id, self.ring().now))

    @rule()
    def sign_a_second_before_the_rotation(self) -> None:
        key = self.find(Purpose.CLAIM, KeyState.ACTIVE)
        if key is None:
            return
        self.signed.append(Signed(key.key_id, self.ring().now))
        self.lane.pass_time(1)
        if not self.lane.is_sqlite:
            for one in self.signed:
                one.at -= SECOND
        self.rotate(Purpose.CLAIM, at_once=True)

    @invariant()
    def exactly_one_is_active_of_each_purpose_that_ever_had_a_key(self) -> None:
        ring = self.ring()
        for purpose in {key.purpose for key in ring.keys}:
            active = self.find(purpose, KeyState.ACTIVE)
            assert active is not None
            prove_key(self.provider, active)
            self.find(purpose, KeyState.PENDING)

    @invariant()
    def what_was_signed_counts_exactly_as_long_as_it_should(self) -> None:
        ring = self.ring()
        known = {key.key_id: key for key in ring.keys}
        for one in self.signed:
            key = known[one.key_id]
            counts = key.verifies(ring.now, issued_at=one.at, leeway=SCHEDULE.leeway)
            if one.key_id in self.given_up:
                assert not counts
            elif key.replaced_at is None:
                assert counts
            else:
                lasts = SCHEDULE.verify_for + SCHEDULE.leeway
                assert counts is (ring.now < key.replaced_at + lasts)

    @invariant()
    def what_is_published_follows(self) -> None:
        ring = self.ring()
        listed = {key["kid"] for key in make_key_set(ring, SCHEDULE)["keys"]}
        assert not listed & self.given_up
        schedule = make_schedule(ring, SCHEDULE, issuer="https://in.example.com")
        public = {key.key_id for key in ring.keys if key.public_key is not None}
        assert {one["kid"] for one in schedule["revoked_keys"]} == public & self.given_up
        for key in ring.keys:
            if key.key_id in public and key.key_id not in self.given_up:
                assert (key.key_id in listed) or key.state_at(ring.now) is KeyState.RETIRED
            assert key.created_event_id is not None
            assert (key.activated_event_id is None) is (key.active_at is None)
            assert (key.compromised_event_id is None) is (key.key_id not in self.given_up)


@pytest.mark.covers("TOK-04", "TOK-05", "C06")
@pytest.mark.parametrize("name", list(_EXAMPLES))
def test_the_states_of_keys_hold_through_every_story(lanes: LaneKeeper, name: str) -> None:
    run_state_machine_as_test(
        cast("type[Turning]", lambda: Turning(lanes.open(name))),
        settings=settings(
            max_examples=_EXAMPLES[name],
            stateful_step_count=_STEPS[name],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

# SPDX-License-Identifier: Apache-2.0
"""Turning keys: by whom, with what trail, and many at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.lanes import Call, LaneKeeper
from tests.rings import fill_ring, make_store
from tests.world import HOST, OLGA, World
from vestibule.actions.keys.show_ring import show_ring
from vestibule.actions.keys.turn_keys import compromise_key, create_key, list_keys, rotate_key
from vestibule.core.identity import Actor, HostKey
from vestibule.core.keys import KeyRecord, KeySchedule, KeyState, Purpose
from vestibule.errors import KeyStateError, NotPermittedError
from vestibule.keys.file import FileProvider
from vestibule.ports import UnitOfWork

T = TypeVar("T")
SCHEDULE = KeySchedule()
CROWD = 8


class Keyring:
    """A world with a full ring."""

    def __init__(self, world: World, provider: FileProvider) -> None:
        self.world = world
        self.provider = provider
        self.first = fill_ring(world.lane.engine, provider, clock=world.lane.now)

    def create(self, purpose: str, by: Actor = HOST) -> Call[KeyRecord]:
        return Call(
            "run",
            lambda uow: create_key(uow, by, purpose, provider=self.provider, context=self.world.context),
        )

    def rotate(self, purpose: str, by: Actor = HOST, *, at_once: bool = False) -> Call[KeyRecord]:
        about: dict[str, Any] = {"schedule": SCHEDULE, "context": self.world.context}
        return Call(
            "run",
            lambda uow: rotate_key(uow, by, purpose, provider=self.provider, at_once=at_once, **about),
        )

    def compromise(self, key_id: str, by: Actor = HOST) -> Call[KeyRecord | None]:
        about: dict[str, Any] = {"provider": self.provider, "context": self.world.context}
        return Call("run", lambda uow: compromise_key(uow, by, key_id, "a drill", **about))

    def states(self, purpose: str) -> list[KeyState]:
        ring = self.world.do(Call("read", show_ring))
        return sorted(key.state_at(ring.now) for key in ring.keys if key.purpose == purpose)


@pytest.fixture
def ring(world: World, tmp_path: Path) -> Keyring:
    return Keyring(world, make_store(tmp_path / "ring"))


@pytest.fixture(params=["postgresql-plain", "sqlite-plain"])
def racing(request: pytest.FixtureRequest, lanes: LaneKeeper, tmp_path: Path) -> Keyring:
    """Acts in threads of their own."""
    return Keyring(World(lanes.open(request.param)), make_store(tmp_path / "ring"))


@pytest.mark.covers("TOK-05", "D02")
def test_only_the_deployments_host_turns_keys(ring: Keyring) -> None:
    key_id = ring.first["claim"].key_id
    acts: list[Callable[[Actor], Call[Any]]] = [
        lambda by: ring.create("claim", by),
        lambda by: ring.rotate("claim", by, at_once=True),
        lambda by: ring.compromise(key_id, by),
        lambda by: Call("read", lambda uow: list_keys(uow, by)),
    ]
    weak = HostKey(key_id="weak", scopes=frozenset({"members"}))
    bound = HostKey(key_id="bound", tenant_id="acme")
    for act in acts:
        for stranger in (OLGA, weak, bound):
            with pytest.raises(NotPermittedError):
                ring.world.do(act(stranger))
        assert ring.states("claim") == [KeyState.ACTIVE]
    for act in acts:
        ring.world.do(act(HOST))


@pytest.mark.covers("TOK-05", "AUD-01")
def test_each_act_is_in_the_trail_and_its_event_is_named_by_the_key(ring: Keyring) -> None:
    old = ring.first["receipt"]
    new = ring.world.do(ring.rotate("receipt", at_once=True))
    ring.world.do(ring.compromise(new.key_id))
    known = {key.key_id: key for key in ring.world.do(Call("read", show_ring)).keys}
    trail = {event["event_id"]: event for event in ring.world.events()}
    for key_id in (old.key_id, new.key_id):
        key = known[key_id]
        assert trail[key.created_event_id]["kind"] == "key.created"
        assert trail[key.created_event_id]["body"]["key_id"] == key_id
        assert trail[key.activated_event_id]["kind"] == "key.activated"
    given_up = trail[known[new.key_id].compromised_event_id]
    assert (given_up["kind"], given_up["body"]["reason"]) == ("key.compromised", "a drill")
    activated = trail[known[new.key_id].activated_event_id]
    assert activated["body"]["replaced_key_id"] == old.key_id
    assert {event["tenant_id"] for event in trail.values()} == {""}


@pytest.mark.covers("TOK-04", "C06")
def test_the_end_of_a_replaced_key_leaves_room_for_its_longest_token_and_the_leeway(ring: Keyring) -> None:
    old = ring.first["claim"].key_id
    ring.world.do(ring.rotate("claim", at_once=True))
    [replaced] = [key for key in ring.world.do(Call("read", show_ring)).keys if key.key_id == old]
    assert replaced.replaced_at is not None
    assert replaced.verify_until == replaced.replaced_at + SCHEDULE.verify_for + SCHEDULE.leeway


@pytest.mark.covers("TOK-04", "F04")
def test_many_rotations_at_once_are_one(racing: Keyring) -> None:
    racing.world.do(racing.create("claim"))
    racing.world.pass_time(SCHEDULE.publish_ahead.total_seconds() + 60)
    outcomes = racing.world.race(*(racing.rotate("claim") for _ in range(CROWD)))
    done = [one for one in outcomes if isinstance(one, KeyRecord)]
    assert len(done) == 1
    assert all(isinstance(one, KeyStateError) for one in outcomes if one is not done[0])
    assert racing.states("claim") == [KeyState.ACTIVE, KeyState.VERIFY_ONLY]
    # Told not to wait, each takes its turn after the other.
    outcomes = racing.world.race(*(racing.rotate("claim", at_once=True) for _ in range(CROWD)))
    assert all(isinstance(one, KeyRecord) for one in outcomes), outcomes
    assert racing.states("claim") == [KeyState.ACTIVE] + [KeyState.VERIFY_ONLY] * (CROWD + 1)


@pytest.mark.covers("TOK-04", "F04")
def test_many_at_once_make_one_pending_key_and_give_one_up_once(racing: Keyring) -> None:
    outcomes = racing.world.race(*(racing.create("claim") for _ in range(CROWD)))
    assert sum(isinstance(one, KeyRecord) for one in outcomes) == 1, outcomes
    key_id = racing.first["claim"].key_id
    acts: list[Call[Any]] = [racing.compromise(key_id) for _ in range(CROWD)]
    outcomes = racing.world.race(*acts, racing.rotate("claim", at_once=True))
    assert sum(isinstance(one, KeyStateError) for one in outcomes) == CROWD - 1, outcomes
    states = racing.states("claim")
    assert states.count(KeyState.ACTIVE) == 1
    assert states.count(KeyState.COMPROMISED) == 1
    assert len(racing.world.events("key.compromised")) == 1


@pytest.mark.covers("TOK-05")
def test_a_first_key_of_each_purpose_is_active_at_once_and_has_its_one_algorithm(ring: Keyring) -> None:
    def work(uow: UnitOfWork) -> Any:
        return list_keys(uow, HOST)

    shown = {key.purpose: (key.algorithm.value, state) for key, state in ring.world.do(Call("read", work))}
    assert set(shown) == set(Purpose)
    signing = {"claim", "checkpoint", "receipt", "schedule"}
    for purpose, (algorithm, state) in shown.items():
        assert state is KeyState.ACTIVE
        assert algorithm == ("Ed25519" if purpose in signing else "secret-256")

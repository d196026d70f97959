# SPDX-License-Identifier: Apache-2.0
"""The keeper of the keys at work on real databases: ahead of time, once, and past a provider that fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.test_worker import Post
from tests.factories import NOW, make_context
from tests.lanes import Call, LaneKeeper, PostgresLooped, SqliteThreaded
from tests.rings import MASTER, fill_ring, make_store
from tests.world import PUBLIC_URL, World
from vestibule.actions.keys.turn_keys import compromise_key
from vestibule.core.identity import HostKey
from vestibule.core.keys import Algorithm, KeyRecord, KeySchedule, KeyState, Purpose
from vestibule.delivery.keys import KeyKeeper
from vestibule.delivery.render import Sender
from vestibule.delivery.worker import Worker, WorkerPolicy
from vestibule.errors import KeyProviderError
from vestibule.identity import passwords
from vestibule.identity.domains import WorldNames
from vestibule.keys.file import FileProvider
from vestibule.keys.master import MasterKey
from vestibule.keys.proving import prove_key
from vestibule.ports import ProvidedKey
from vestibule.storage.schema import outbox_messages

SCHEDULE = KeySchedule()
ROTATING = sorted(SCHEDULE.rotating)
HOST = HostKey(key_id="host")


class Fickle(FileProvider):
    """The store; it can be told to fail, and to take its time."""

    is_down = False
    pause = 0.0

    def create(self, key_id: str, purpose: str, algorithm: Algorithm) -> ProvidedKey:
        if self.is_down:
            raise KeyProviderError("nobody answers")
        time.sleep(self.pause)
        return super().create(key_id, purpose, algorithm)


class Household:
    """A world with a full ring, and keepers that run in its loop."""

    def __init__(self, lane: PostgresLooped | SqliteThreaded, store: Path) -> None:
        self.world = World(lane)
        self.lane = lane
        make_store(store)
        self.store = store
        self.provider = Fickle(store, MasterKey(MASTER))
        self.first = fill_ring(lane.engine, self.provider, clock=lane.now)

    @property
    def runner(self) -> Any:
        return self.lane.runner if isinstance(self.lane, PostgresLooped) else self.lane._runner

    def keep(self, workers: int = 1) -> int:
        """So many workers sweep at once; how many turns were taken."""

        async def sweep() -> Sequence[int]:
            keepers = [KeyKeeper(self.runner, self.provider, prove_key) for _ in range(workers)]
            return await asyncio.gather(*(keeper.keep() for keeper in keepers))

        loop = self.lane.loop if isinstance(self.lane, PostgresLooped) else self.lane._loop
        return sum(loop.run(sweep()))

    def states(self, purpose: str) -> dict[str, KeyState]:
        records = self.world.do(Call("read", lambda uow: (uow.keys.list_all(), uow.now())))
        return {key.key_id: key.state_at(records[1]) for key in records[0] if key.purpose == purpose}

    def compromise(self, key_id: str) -> KeyRecord | None:
        return self.world.do(
            Call(
                "run",
                lambda uow: compromise_key(
                    uow, HOST, key_id, "a drill", provider=self.provider, context=make_context()
                ),
            )
        )


@pytest.fixture(params=["sqlite-threads", "postgresql-loop"])
def household(request: pytest.FixtureRequest, lanes: LaneKeeper, tmp_path: Path) -> Household:
    lane = lanes.open(request.param)
    assert isinstance(lane, PostgresLooped | SqliteThreaded)
    return Household(lane, tmp_path / "ring")


@pytest.mark.covers("TOK-04", "C06")
def test_the_next_key_comes_a_day_ahead_and_is_in_use_when_it_is_due(household: Household) -> None:
    assert household.keep() == 0
    household.world.pass_time((SCHEDULE.rotate_every - SCHEDULE.publish_ahead).total_seconds() + 60)
    assert household.keep() == len(ROTATING)
    for purpose in ROTATING:
        assert sorted(household.states(purpose).values()) == [KeyState.ACTIVE, KeyState.PENDING]
    assert household.keep() == 0
    household.world.pass_time(SCHEDULE.publish_ahead.total_seconds() + 60)
    assert household.keep() == len(ROTATING)
    for purpose in ROTATING:
        states = household.states(purpose)
        assert states[household.first[purpose].key_id] is KeyState.VERIFY_ONLY
        assert sorted(states.values()) == [KeyState.ACTIVE, KeyState.VERIFY_ONLY]
    household.world.pass_time((SCHEDULE.verify_for + SCHEDULE.leeway).total_seconds() + 60)
    assert household.states("claim")[household.first["claim"].key_id] is KeyState.RETIRED
    # Those that are turned by command only have stood still.
    for other in set(Purpose) - SCHEDULE.rotating:
        assert list(household.states(other).values()) == [KeyState.ACTIVE]
    made = household.world.events("key.created")[-3:]
    assert {(event["actor_id"], event["source"]) for event in made} == {("clock", "worker")}
    turned = household.world.events("key.activated")[-3:]
    assert {event["body"]["replaced_key_id"] for event in turned} == {
        household.first[purpose].key_id for purpose in ROTATING
    }


@pytest.mark.covers("TOK-04")
def test_any_number_of_workers_takes_each_turn_once_and_leaves_no_key_behind(household: Household) -> None:
    household.world.pass_time(SCHEDULE.rotate_every.total_seconds())
    assert household.keep(workers=6) == len(ROTATING)
    for purpose in ROTATING:
        assert sorted(household.states(purpose).values()) == [KeyState.ACTIVE, KeyState.PENDING]
    files = [path for path in household.store.glob("*.json") if path.name != "keyring.json"]
    assert len(files) == len(Purpose) + len(ROTATING)
    household.world.pass_time(SCHEDULE.publish_ahead.total_seconds())
    assert household.keep(workers=6) == len(ROTATING)
    for purpose in ROTATING:
        assert sorted(household.states(purpose).values()) == [KeyState.ACTIVE, KeyState.VERIFY_ONLY]


@pytest.mark.covers("TOK-05", "TOK-04")
def test_a_provider_that_fails_changes_nothing_and_is_asked_again(household: Household) -> None:
    household.world.pass_time(SCHEDULE.rotate_every.total_seconds())
    household.provider.is_down = True
    assert household.keep() == 0
    for purpose in ROTATING:
        assert list(household.states(purpose).values()) == [KeyState.ACTIVE]
    household.provider.is_down = False
    assert household.keep() == len(ROTATING)


@pytest.mark.covers("TOK-05", "C06")
def test_a_key_that_cant_sign_never_takes_the_place_of_one_that_can(household: Household) -> None:
    household.world.pass_time(SCHEDULE.rotate_every.total_seconds())
    household.keep()
    [pending] = [key for key, state in household.states("claim").items() if state is KeyState.PENDING]
    (household.store / f"{pending}.json").unlink()
    household.world.pass_time(SCHEDULE.publish_ahead.total_seconds())
    assert household.keep() == len(ROTATING) - 1
    assert household.states("claim")[household.first["claim"].key_id] is KeyState.ACTIVE


@pytest.mark.covers("TOK-04", "C06")
def test_a_key_is_given_up_while_the_provider_is_down_and_its_successor_comes_later(
    household: Household,
) -> None:
    household.provider.is_down = True
    for purpose in ("claim", "checkpoint"):
        given_up = household.first[purpose].key_id
        assert household.compromise(given_up) is None
        assert household.states(purpose) == {given_up: KeyState.COMPROMISED}
    assert household.keep() == 0
    household.provider.is_down = False
    assert household.keep(workers=3) == 2
    for purpose in ("claim", "checkpoint"):
        assert sorted(household.states(purpose).values()) == [KeyState.ACTIVE, KeyState.COMPROMISED]


@pytest.mark.covers("TOK-05", "DEL-02")
def test_mail_does_not_wait_for_a_slow_provider(lanes: LaneKeeper, tmp_path: Path) -> None:
    lane = lanes.open("postgresql-loop")
    assert isinstance(lane, PostgresLooped)
    household = Household(lane, tmp_path / "ring")
    household.world.found()
    household.world.pass_time(SCHEDULE.rotate_every.total_seconds())
    household.world.do(household.world.issue("p@example.com", deliver="email"))
    household.provider.pause = 2.0
    post = Post()
    worker = Worker(
        runner=lane.runner,
        transport=post,
        sender=Sender(address_key="invitations@example.com"),
        public_url=PUBLIC_URL,
        passwords=passwords,
        names=WorldNames(),
        clock=lambda: NOW,
        keeper=KeyKeeper(lane.runner, household.provider, prove_key),
        policy=WorkerPolicy(poll=0.02),
    )

    async def wait_until(count: int) -> None:
        async with asyncio.timeout(60):
            while len(post.sent) < count:  # noqa: ASYNC110 - the post has no event
                await asyncio.sleep(0.01)

    async def work() -> float:
        started = time.monotonic()
        running = asyncio.create_task(worker.run())
        await wait_until(1)
        first = time.monotonic() - started
        await lane.runner.run(_issue_again)
        await wait_until(2)
        second = time.monotonic() - started
        worker.stop()
        await running
        assert time.monotonic() - started >= 3 * household.provider.pause
        return max(first, second)

    def _issue_again(uow: Any) -> Any:
        return household.world.issue("q@example.com", deliver="email").work(uow)

    assert lane.loop.run(work()) < 3 * household.provider.pause - 0.5
    assert post.sent == ["p@example.com", "q@example.com"]
    assert {row["outcome"] for row in household.world.rows(outbox_messages)} == {"sent"}
    for purpose in ROTATING:
        assert sorted(household.states(purpose).values()) == [KeyState.ACTIVE, KeyState.PENDING]


def test_the_pauses_are_those_of_the_policy() -> None:
    assert timedelta(seconds=WorkerPolicy().keep_every) < SCHEDULE.publish_ahead

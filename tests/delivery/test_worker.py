# SPDX-License-Identifier: Apache-2.0
"""The postman at work on a real database: one bad letter stops no other, and stopping loses none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from tests.factories import NOW
from tests.lanes import LaneKeeper, PostgresLooped
from tests.world import PUBLIC_URL, World
from vestibule.delivery.render import Sender
from vestibule.delivery.worker import Worker, WorkerPolicy
from vestibule.errors import PermanentDeliveryError, TransientDeliveryError
from vestibule.identity import passwords
from vestibule.identity.domains import WorldNames
from vestibule.storage.schema import outbox_messages

_ADDRESSES = tuple(f"p{number}@example.com" for number in range(4))


class Post:
    """A road out that fails as it is told."""

    def __init__(self, fail: Callable[[str], None] = lambda _: None) -> None:
        self.sent: list[str] = []
        self._fail = fail

    async def send(self, message: EmailMessage, recipient: str) -> None:  # noqa: ARG002 - as a transport
        self._fail(recipient)
        self.sent.append(recipient)


class Office:
    """A world whose worker runs in its loop."""

    def __init__(self, lane: PostgresLooped) -> None:
        self.world = World(lane)
        self._lane = lane
        self.world.found()
        for address in _ADDRESSES:
            self.world.do(self.world.issue(address, deliver="email"))

    def worker(self, post: Post) -> Worker:
        return Worker(
            runner=self._lane.runner,
            transport=post,
            sender=Sender(address_key="invitations@example.com"),
            public_url=PUBLIC_URL,
            passwords=passwords,
            names=WorldNames(),
            clock=lambda: NOW,
            policy=WorkerPolicy(),
        )

    def deliver(self, worker: Worker) -> int:
        return self._lane.loop.run(worker.deliver_due())

    def outcomes(self) -> list[tuple[str | None, int]]:
        rows = sorted(self.world.rows(outbox_messages), key=lambda row: row["created_at"])
        return [(row["outcome"], row["attempt"]) for row in rows]


@pytest.fixture
def office(lanes: LaneKeeper) -> Office:
    lane = lanes.open("postgresql-loop")
    assert isinstance(lane, PostgresLooped)
    return Office(lane)


@pytest.mark.covers("DEL-02", "F08")
@pytest.mark.parametrize(
    "error,outcome",
    [
        (TransientDeliveryError(), "deferred"),
        (PermanentDeliveryError("no"), "gave_up"),
        (OSError(), "deferred"),
        (ValueError("p1@example.com"), "deferred"),
        (KeyError("anything"), "deferred"),
    ],
)
def test_one_message_that_fails_in_any_way_stops_no_other_and_is_not_lost(
    office: Office, error: Exception, outcome: str
) -> None:
    def fail(recipient: str) -> None:
        if recipient == _ADDRESSES[1]:
            raise error

    post = Post(fail)
    assert office.deliver(office.worker(post)) == 4
    assert post.sent == [_ADDRESSES[0], *_ADDRESSES[2:]]
    assert office.outcomes() == [("sent", 1), (outcome, 1), ("sent", 1), ("sent", 1)]
    if outcome == "deferred":
        office.world.pass_time(days=1)
        again = Post()
        office.deliver(office.worker(again))
        assert again.sent == [_ADDRESSES[1]]


@pytest.mark.covers("DEL-02")
def test_a_worker_that_stops_gives_back_what_it_has_not_begun(office: Office) -> None:
    def fail(recipient: str) -> None:
        if recipient == _ADDRESSES[1]:
            stopping.stop()

    post = Post(fail)
    stopping = office.worker(post)
    office.deliver(stopping)
    assert post.sent == list(_ADDRESSES[:2])
    assert office.outcomes() == [("sent", 1), ("sent", 1), (None, 0), (None, 0)]
    # At once, without waiting for the lease.
    rest = Post()
    office.deliver(office.worker(rest))
    assert rest.sent == list(_ADDRESSES[2:])
    assert [attempt for _, attempt in office.outcomes()] == [1, 1, 1, 1]


@pytest.mark.covers("DEL-02")
def test_a_message_that_nobody_understands_stops_no_other(office: Office) -> None:
    office.world.execute(
        "UPDATE vestibule_outbox_messages SET kind = 'of_a_newer_release' WHERE message_id = "
        "(SELECT min(message_id) FROM vestibule_outbox_messages)"
    )
    post = Post()
    office.deliver(office.worker(post))
    assert len(post.sent) == 3
    assert sorted(str(outcome) for outcome, _ in office.outcomes()) == ["None", "sent", "sent", "sent"]


def test_run_ends_when_it_is_stopped(office: Office) -> None:
    post = Post()
    worker = office.worker(post)

    async def run() -> None:
        task = asyncio.create_task(worker.run())
        while len(post.sent) < 4:  # noqa: ASYNC110 - the transport has no event to wait for
            await asyncio.sleep(0.01)
        worker.stop()
        await asyncio.wait_for(task, 10)

    office.world.lane.loop.run(run())  # type: ignore[attr-defined]
    assert sorted(post.sent) == sorted(_ADDRESSES)

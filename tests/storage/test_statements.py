# SPDX-License-Identifier: Apache-2.0
"""How many statements the hot roads cost, and that every refusal costs the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import Claim, LaneKeeper
from tests.world import VERA, XENIA, World, person
from vestibule.errors import ClaimRejectedError
from vestibule.ports import ClaimKey
from vestibule.storage.hot import HotStatement
from vestibule.storage.wire import WireConnection

_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def _listening(engine: sa.Engine) -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(_FRAME):
            heard.append(statement)

    sa.event.listen(engine, "before_cursor_execute", hear)
    yield heard
    sa.event.remove(engine, "before_cursor_execute", hear)


@pytest.fixture
def on_the_wire(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    run = WireConnection.run

    async def hear(self: WireConnection, statement: HotStatement, parameters: Any) -> Any:
        heard.append(statement.name)
        return await run(self, statement, parameters)

    monkeypatch.setattr(WireConnection, "run", hear)
    return heard


@pytest.mark.covers("ACC-02", "OBS-01")
def test_on_the_wire_accept_is_two_statements_and_preview_one(wire: World, on_the_wire: list[str]) -> None:
    issued = wire.do(wire.issue(VERA))
    wire.lane.do(wire.preview(issued))
    assert on_the_wire == ["load_by_hash"]
    on_the_wire.clear()
    wire.lane.do(wire.accept(VERA, issued))
    assert on_the_wire == ["load_by_hash", "settle_accept"]
    on_the_wire.clear()
    with pytest.raises(ClaimRejectedError):
        wire.lane.do(wire.preview(issued))
    assert on_the_wire == ["load_by_hash", "settle_refusal"]


@pytest.mark.covers("ACC-02")
def test_in_one_transaction_too_accept_is_two_statements_and_preview_one(lanes: LaneKeeper) -> None:
    world = World(lanes.open("postgresql-plain"))
    world.found({"seat_limit": 100, "seats_count_pending": True})
    issued = world.do(world.issue(VERA))
    with _listening(world.lane.engine) as heard:
        world.lane.do(world.preview(issued))
        assert len(heard) == 1
        heard.clear()
        world.lane.do(world.accept(VERA, issued))
        assert len(heard) == 2


@pytest.mark.parametrize("lane", ["sqlite-plain", "postgresql-plain"])
@pytest.mark.covers("ACC-07", "N01")
def test_every_refusal_costs_the_same_statements_in_the_same_order(lanes: LaneKeeper, lane: str) -> None:
    world = World(lanes.open(lane))
    world.found()
    links = {
        name: world.do(world.issue(f"{name}@example.com", expires_in=900))
        for name in ("expired", "revoked", "declined", "consumed", "foreign")
    }
    world.execute(
        "UPDATE vestibule_invitations SET expires_at = created_at WHERE invitation_id = :one",
        one=links["expired"].invitation.invitation_id,
    )
    world.do(world.revoke(links["revoked"]))
    world.do(world.decline(person("declined"), links["declined"]))
    world.do(world.accept(person("consumed"), links["consumed"]))
    claims: list[Claim[Any]] = [world.accept(XENIA, link) for link in links.values()]
    claims += [world.accept(XENIA, ClaimKey(claim_token_hash=b"?" * 32))]
    costs = []
    for claim in claims:
        with _listening(world.lane.engine) as heard, pytest.raises(ClaimRejectedError):
            world.lane.do(claim)
        costs.append(heard)
        world.check()
    assert all(cost == costs[0] for cost in costs)
    reasons = [event["body"]["reason"] for event in world.events("claim.rejected")]
    assert reasons == ["expired", "revoked", "declined", "consumed", "wrong_recipient", "unknown"]
    sizes = {len(str(event["body"])) for event in world.events("claim.rejected")}
    assert max(sizes) - min(sizes) < 16


@pytest.mark.covers("ACC-07", "N01")
def test_on_the_wire_every_refusal_is_a_load_and_a_settlement(wire: World, on_the_wire: list[str]) -> None:
    issued = wire.do(wire.issue(VERA))
    for key in (issued, ClaimKey(claim_token_hash=b"?" * 32)):
        on_the_wire.clear()
        with pytest.raises(ClaimRejectedError):
            wire.lane.do(wire.accept(XENIA, key))
        assert on_the_wire == ["load_by_hash", "settle_refusal"]


@pytest.mark.covers("DEL-02")
def test_claiming_messages_costs_two_statements_however_many(lanes: LaneKeeper) -> None:
    world = World(lanes.open("postgresql-plain"))
    world.found()
    for number in range(10):
        world.lane.do(world.issue(f"p{number}@example.com", deliver="email"))
    with _listening(world.lane.engine) as heard:
        assert len(world.lane.do(world.claim_messages())) == 10
    assert len(heard) == 3  # the clock, what is due, the claim

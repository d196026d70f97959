# SPDX-License-Identifier: Apache-2.0
"""Every race is run on each road: a few times always, many times by ``make races``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lanes import LaneKeeper
from tests.world import World
from vestibule.core.limits import Limit, Limits

_FEW = 50
_PLENTY = Limit(1_000_000, 60)


class Arena:
    """A fresh service for each round of a race."""

    def __init__(self, lanes: LaneKeeper, lane: str, rounds: int) -> None:
        self._lanes = lanes
        self._lane = lane
        self._rounds = rounds

    def __iter__(self) -> Iterator[World]:
        plenty = Limits(claim_per_token=_PLENTY, claim_per_principal=_PLENTY, claim_per_ip=_PLENTY)
        for _ in range(self._rounds):
            world = World(self._lanes.open(self._lane), plenty)
            yield world
            world.audit()


@pytest.fixture(params=["few", pytest.param("many", marks=[pytest.mark.slow, pytest.mark.timeout(3000)])])
def pace(request: pytest.FixtureRequest, rounds: int) -> int:
    """How many rounds are run."""
    return rounds if request.param == "many" else max(1, rounds // _FEW)


@pytest.fixture(params=["sqlite-plain", "sqlite-threads", "postgresql-plain", "postgresql-loop"])
def arena(request: pytest.FixtureRequest, lanes: LaneKeeper, pace: int) -> Arena:
    return Arena(lanes, request.param, pace)

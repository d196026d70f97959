# SPDX-License-Identifier: Apache-2.0
"""The database looked at from below: raw SQL on what the actions wrote."""

from __future__ import annotations

import pytest

from tests.lanes import LaneKeeper, PostgresLooped
from tests.world import World


@pytest.fixture
def looped(lanes: LaneKeeper) -> PostgresLooped:
    """PostgreSQL under the event loop."""
    lane = lanes.open("postgresql-loop")
    assert isinstance(lane, PostgresLooped)
    return lane


@pytest.fixture
def wire(looped: PostgresLooped) -> World:
    """A founded service whose claims take the wire."""
    world = World(looped)
    world.found()
    return world

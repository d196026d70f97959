# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.actions.trail import Trail
from tests.world import VERA, World


@pytest.fixture
def trail(world: World) -> Trail:
    """A founded service with a trail."""
    world.found()
    return Trail(world)


@pytest.mark.covers("AUD-03")
def test_what_happened_is_sealed_once_in_the_order_it_was_written(trail: Trail) -> None:
    issued = trail.world.do(trail.world.issue(VERA))
    trail.world.do(trail.world.accept(VERA, issued))
    assert trail.is_behind()
    sealed = trail.seal()
    assert sealed.events == len(trail.world.events()) == trail.check()
    assert not trail.is_behind()
    assert trail.seal().events == 0

# SPDX-License-Identifier: Apache-2.0
"""Running services, those of the web tests, and a tenant's directory that speaks to them."""

from __future__ import annotations

import pytest

from tests.scim.provisioner import Provisioner
from tests.web.conftest import _worlds, engine_name, make_world, world
from tests.web.harness import World

__all__ = ["_worlds", "engine_name", "make_world", "world"]


@pytest.fixture
def directory(world: World) -> Provisioner:
    """The directory of a tenant with an owner."""
    return Provisioner(world)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.domains import Domains
from tests.nameserver import DnsServer
from tests.world import World


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    """A name server that knows nothing yet."""
    made = DnsServer()
    yield made
    made.stop()


@pytest.fixture
def domains(world: World, server: DnsServer) -> Domains:
    """What is done with domains, in a world with the tenant Acme."""
    server.forget("_vestibule.acme.com")
    server.zone.delay = 0
    world.found()
    return Domains(world, server)

# SPDX-License-Identifier: Apache-2.0
"""What sealed addresses cost: ``python -m bench --addresses``. One claim at a time, through the runner.

Plain and sealed take turns on one PostgreSQL with fsync on; the best round of each counts, in microseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.lanes import PostgresLooped, migrate_template
from tests.sealing import make_sealer
from tests.servers import PostgresServer
from tests.world import World, person
from vestibule.core.limits import LIMIT_NAMES, Limits, parse_limit

_WIDE = Limits(**{name: parse_limit("1000000/60") for name in LIMIT_NAMES})
ROUNDS = 2
COUNT = 150


def measure() -> dict[str, dict[str, float]]:
    """Microseconds by what was done, by how addresses stand."""
    server = PostgresServer.start(durable=True, settings={})
    worlds: dict[str, World] = {}
    for name in ("plain", "sealed"):
        url = server.url(server.create_database(f"bench_{name}"))
        migrate_template(url)
        lane = PostgresLooped(url, make_sealer(fresh_for=30) if name == "sealed" else None)
        worlds[name] = World(lane, _WIDE)
        worlds[name].check = lambda: None  # type: ignore[method-assign]
        worlds[name].found()
    best: dict[str, dict[str, float]] = {}
    for number in range(ROUNDS + 1):
        for name, world in worlds.items():
            for what, spent in _round(world, number).items():
                known = best.setdefault(what, {})
                if number:
                    known[name] = min(known.get(name, spent), spent)
    for world in worlds.values():
        world.lane.close()
    server.stop()
    return best


def _round(world: World, number: int) -> dict[str, float]:
    who = [person(f"p{number}x{place}") for place in range(COUNT)]
    issued = []

    def issue(place: int) -> None:
        issued.append(world.do(world.issue(who[place])))

    return {
        "issue": _time(issue),
        "preview": _time(lambda place: world.lane.do(world.preview(issued[place]))),
        "accept": _time(lambda place: world.do(world.accept(who[place], issued[place]))),
    }


def _time(work: Callable[[int], object]) -> float:
    start = time.perf_counter()
    for place in range(COUNT):
        work(place)
    return (time.perf_counter() - start) / COUNT * 1e6

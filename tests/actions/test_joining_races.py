# SPDX-License-Identifier: Apache-2.0
"""A door that is being shut, and people who are just going through it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains import Domains
from tests.lanes import Act
from tests.world import World, person
from vestibule.core.domain import Rung
from vestibule.errors import (
    ClaimRejectedError,
)
from vestibule.storage.schema import invitations, memberships

ANN = person("ann", "ann@acme.com")


@pytest.mark.covers("TEN-03", "E02", "ACC-09")
@pytest.mark.parametrize("end", ["lower", "deny", "remove", "lapse"])
def test_nobody_is_in_without_the_rule_in_force_at_that_moment(
    world: World, domains: Domains, end: str, rounds: int
) -> None:
    """A door that is being shut: the event that shut it is never followed by one that let somebody in."""
    domains.open()
    ends: dict[str, Any] = {
        "lower": lambda: domains.put(rung=Rung.SUGGEST),
        "deny": lambda: domains.put(rung=Rung.DENY),
        "remove": domains.remove,
        "lapse": lambda: _lapse(world, domains),
    }
    for number in range(max(1, rounds // 25)):
        who = person(f"ann{number}", f"ann{number}@acme.com")
        invitation_id = world.do(domains.open_door(who))
        acts: list[Act] = [*(domains.accept(who, invitation_id) for _ in range(3)), ends[end]()]
        outcomes = world.race(*acts)
        assert not [
            one for one in outcomes if isinstance(one, Exception) and not isinstance(one, ClaimRejectedError)
        ]
        row = next(one for one in world.rows(invitations) if one["invitation_id"] == invitation_id)
        is_in = who.principal_id in world.members()
        assert is_in == (row["consumed_at"] is not None)
        assert is_in != (row["revoked_at"] is not None)
        if end == "remove":
            domains.prove()
        else:
            domains.publish()
            domains.check()
        world.do(domains.put(rung=Rung.AUTO_JOIN))


def _lapse(world: World, domains: Domains) -> Act:
    world.execute("UPDATE vestibule_domains SET proof_expires_at = created_at")
    return domains.lapse()


@pytest.mark.covers("TEN-03", "F02")
def test_F02_two_people_at_one_address_get_one_membership(world: World, domains: Domains) -> None:
    domains.open()
    twin = person("twin", "ann@acme.com")
    first, second = world.race(domains.open_door(ANN), domains.open_door(twin))
    ids = {one for one in (first, second) if isinstance(one, str)}
    world.race(*(domains.accept(who, one) for who in (ANN, twin) for one in ids))
    rows = [row for row in world.rows(memberships) if row["principal_id"] in ("ann", "twin")]
    assert len(rows) == 1

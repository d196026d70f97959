# SPDX-License-Identifier: Apache-2.0
"""A freshly minted token finds a home on the pending record of its own generation, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lanes import Call
from tests.world import VERA, World, by_id
from vestibule.core.issuing import IssuedInvitation
from vestibule.ports import UnitOfWork

Ending = Callable[[World, IssuedInvitation], object]
MINTED = b"m" * 32


def record_expiry(world: World) -> None:
    world.pass_time(days=8)
    world.do(world.sweep())


ENDINGS: dict[str, Ending] = {
    "accepted": lambda world, issued: world.do(world.accept(VERA, by_id(issued))),
    "declined": lambda world, issued: world.do(world.decline(VERA, by_id(issued))),
    "revoked": lambda world, issued: world.do(world.revoke(issued)),
    "superseded": lambda world, _: world.do(world.issue(VERA)),
    "resent": lambda world, issued: world.do(world.resend(issued)),
    "tenant suspended": lambda world, _: world.do(world.suspend()),
    "expired": lambda world, _: world.pass_time(days=8),
    "recorded as expired": lambda world, _: record_expiry(world),
}


def store(world: World, issued: IssuedInvitation) -> bool:
    def work(uow: UnitOfWork) -> bool:
        is_stored = uow.invitations.set_token(issued.invitation.invitation_id, 1, MINTED)
        uow.commit()
        return is_stored

    return world.do(Call("run", work))


@pytest.mark.covers("DEL-02", "B13", "LIF-02", "ACC-06")
@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())
def test_a_token_minted_too_late_is_stored_nowhere(world: World, end: Ending) -> None:
    world.found()
    issued = world.do(world.issue(VERA, deliver="email"))
    end(world, issued)
    before = world.invitation(issued)
    assert not store(world, issued)
    assert world.invitation(issued) == before


def test_a_token_minted_in_time_is_stored(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA, deliver="email"))
    assert store(world, issued)
    assert world.invitation(issued)["claim_token_hash"] == MINTED

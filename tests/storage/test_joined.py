# SPDX-License-Identifier: Apache-2.0
"""Inside a host's own transaction: the host commits, and a lost race costs it nothing of its own work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import LaneKeeper
from tests.sealing import find_sealer
from tests.world import VERA, World, key_of, person
from vestibule.actions.invitations.accept import accept
from vestibule.core.binding import Snapshot
from vestibule.core.email import EmailAddress
from vestibule.errors import ClaimRejectedError, RejectReason
from vestibule.ports import ClaimKey, Claims
from vestibule.storage.unit_of_work import SqlUnitOfWork

_NOTES = sa.Table("host_notes", sa.MetaData(), sa.Column("text", sa.String(100)))


@pytest.fixture
def hosted(lanes: LaneKeeper) -> Iterator[World]:
    """A founded service on PostgreSQL, beside a table of the host's."""
    world = World(lanes.open("postgresql-plain"))
    world.found({"seat_limit": 4})
    _NOTES.create(world.lane.engine)
    yield world
    _NOTES.drop(world.lane.engine)


class _Interrupted:
    """Claims between whose loading and settling somebody else is faster, once."""

    def __init__(self, claims: Claims, meanwhile: Callable[[], object]) -> None:
        self._claims = claims
        self._meanwhile: Callable[[], object] | None = meanwhile

    def load(self, key: ClaimKey, principal_id: str, shown: Sequence[EmailAddress] = ()) -> Snapshot:
        snapshot = self._claims.load(key, principal_id, shown)
        act, self._meanwhile = self._meanwhile, None
        if act is not None:
            act()
        return snapshot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._claims, name)


def _accept_while(world: World, connection: sa.Connection, link: ClaimKey, act: Callable[[], object]) -> None:
    with SqlUnitOfWork(connection, joined=True, sealer=find_sealer()) as uow:
        uow.claims = _Interrupted(uow.claims, act)
        accept(uow, VERA, link, context=world.context, limits=world.limits)


@pytest.mark.covers("INT-02", "F08", "F03")
@pytest.mark.parametrize("faster, reason", [
    ("revoke", RejectReason.REVOKED),
    ("last seat", RejectReason.NO_SEAT),
    ("suspend", RejectReason.REVOKED),
    ("offboard", RejectReason.PRINCIPAL_OFFBOARDED),
])  # fmt: skip
def test_a_lost_race_leaves_the_hosts_own_work_intact(
    hosted: World, faster: str, reason: RejectReason
) -> None:
    issued = hosted.do(hosted.issue(VERA))
    other = hosted.do(hosted.issue("other@example.com"))
    acts: dict[str, Callable[[], object]] = {
        "revoke": lambda: hosted.lane.do(hosted.revoke(issued)),
        "suspend": lambda: hosted.lane.do(hosted.suspend()),
        "offboard": lambda: hosted.lane.do(hosted.offboard(VERA)),
        "last seat": lambda: hosted.lane.do(hosted.accept(person("other"), other)),
    }
    with hosted.lane.engine.begin() as connection:
        connection.execute(sa.insert(_NOTES).values(text="before"))
        with pytest.raises(ClaimRejectedError) as refusal:
            _accept_while(hosted, connection, key_of(issued), acts[faster])
        assert refusal.value.reason is reason
        connection.execute(sa.insert(_NOTES).values(text="after"))
    with hosted.lane.engine.connect() as connection:
        assert sorted(connection.execute(sa.select(_NOTES.c.text)).scalars()) == ["after", "before"]
    hosted.check()
    assert "vera" not in hosted.members()


@pytest.mark.covers("INT-02", "F01")
def test_who_is_made_a_member_meanwhile_keeps_that_role(hosted: World) -> None:
    issued = hosted.do(hosted.issue(VERA, "admin"))
    with hosted.lane.engine.begin() as connection:
        put = hosted.put_member(VERA, "member")
        _accept_while(hosted, connection, key_of(issued), lambda: hosted.lane.do(put))
    hosted.check()
    assert hosted.members()["vera"] == "member"
    assert hosted.events("invitation.accepted")[-1]["body"]["kept_role"] is True


@pytest.mark.covers("LIF-05", "F08")
def test_a_membership_swept_away_meanwhile_takes_its_seat_with_it(hosted: World) -> None:
    hosted.do(hosted.accept(VERA, hosted.do(hosted.issue(VERA, membership_expires_in=900))))
    hosted.pass_time(901)
    issued = hosted.do(hosted.issue(VERA))
    with hosted.lane.engine.begin() as connection:
        _accept_while(hosted, connection, key_of(issued), lambda: hosted.lane.do(hosted.sweep()))
    hosted.check()
    assert hosted.seats() == (4, 4)


@pytest.mark.covers("INT-02", "F07")
def test_a_joined_unit_of_work_never_commits(hosted: World) -> None:
    issued = hosted.do(hosted.issue(VERA))
    with hosted.lane.engine.connect() as connection:
        with SqlUnitOfWork(connection, joined=True, sealer=find_sealer()) as uow:
            accept(uow, VERA, key_of(issued), context=hosted.context, limits=hosted.limits)
        assert "vera" not in hosted.members()
        connection.rollback()
    hosted.check()
    assert hosted.invitation(issued)["consumed_at"] is None
    hosted.do(hosted.accept(VERA, issued))

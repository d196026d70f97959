# SPDX-License-Identifier: Apache-2.0
"""One person's data: shown whole, erased everywhere, kept no longer than wanted; the trail stays (LIF-06)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import Call, LaneKeeper
from tests.world import HOST, OLGA, VERA, World, person
from vestibule.actions.abuse.suppressions import put_suppression
from vestibule.actions.privacy.erase_person import anonymise_final, erase_person, export_person
from vestibule.core.email import EmailAddress
from vestibule.core.identity import Actor, VerifiedIdentity
from vestibule.errors import InvalidRequestError, NotPermittedError, RejectReason
from vestibule.storage.schema import audit_events, invitations, metadata

_V = VERA.addresses[0].address
_LANES = ["sqlite-plain", "postgresql-loop", "sqlite-plain+sealed", "postgresql-loop+sealed"]


@pytest.fixture(params=_LANES)
def kept(request: pytest.FixtureRequest, lanes: LaneKeeper) -> World:
    """A founded service, in plain and sealed, on both engines."""
    world = World(lanes.open(request.param))
    world.found()
    return world


def erase(world: World, address: EmailAddress | None = _V, who: str | None = None, by: Actor = HOST) -> Any:
    return world.do(
        Call(
            "run",
            lambda uow: erase_person(uow, by, address=address, principal_id=who, context=world.context),
        )
    )


def export(world: World, address: EmailAddress | None = _V, who: str | None = None, by: Actor = HOST) -> Any:
    return world.do(
        Call(
            "run",
            lambda uow: export_person(uow, by, address=address, principal_id=who, context=world.context),
        )
    )


def dump(world: World, *but: sa.Table) -> str:
    with world.lane.engine.connect() as connection:
        return "\n".join(
            repr(tuple(row))
            for table in metadata.sorted_tables
            if table not in but
            for row in connection.execute(sa.select(table))
        )


def trail(world: World) -> list[Any]:
    with world.lane.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(audit_events))]


@pytest.mark.covers("LIF-06", "TOK-08", "AUD-02")
def test_whoever_is_erased_stands_in_no_table_and_the_trail_is_as_it_was(kept: World) -> None:
    kept.do(kept.accept(VERA, kept.do(kept.issue(VERA, message="Dear Vera", metadata={"phone": "555-0199"}))))
    kept.do(kept.issue("other@example.com", message="Dear other"))
    before = trail(kept)
    counts = erase(kept)
    shown = dump(kept)
    gone = ["vera@example.com", "Vera", "555-0199"]
    assert [one for one in gone if one in shown] == []
    assert counts["invitations"] >= 1
    assert counts["memberships"] == 1
    assert kept.members()["vera"] == "member"
    assert [one for one in trail(kept) if one in before] == before
    told = kept.events("person.erased")[-1]["body"]
    assert "vera" not in json.dumps(told)
    others = [one.invitation for one in kept.do(kept.list_all()).items]
    assert ("other@example.com", "Dear other") in [(one.invited_email.key, one.message) for one in others]
    kept.do(kept.sweep())


@pytest.mark.covers("LIF-06", "F01")
def test_what_is_pending_for_the_erased_is_revoked_and_its_seat_is_free_again(kept: World) -> None:
    kept.do(kept.put_tenant({"seat_limit": 6, "seats_count_pending": True}))
    issued = kept.do(kept.issue(VERA))
    assert (used := kept.seats()) is not None
    erase(kept)
    assert kept.seats() == (used[0] - 1, used[1])
    assert kept.events("invitation.revoked")[-1]["body"]["reason"] == "person_erased"
    assert kept.refuse(kept.accept(VERA, issued)) is RejectReason.UNKNOWN
    assert erase(kept)["invitations"] == 0
    decisions = kept.lane.do(Call("read", lambda uow: uow.policies.list_decisions("acme", 10)))
    assert [one.address for one in decisions] == [None]


@pytest.mark.covers("LIF-06", "LIF-01")
def test_what_had_expired_unswept_is_erased_too(kept: World) -> None:
    kept.do(kept.issue(VERA, expires_in=900))
    kept.pass_time(901)
    assert erase(kept)["invitations"] == 1
    assert kept.events("invitation.expired") != []
    assert kept.do(kept.sweep()) == 0


@pytest.mark.covers("LIF-06")
def test_by_its_principal_id_the_same_person_is_erased(kept: World) -> None:
    kept.do(kept.accept(VERA, kept.do(kept.issue(VERA))))
    erase(kept, None, "vera")
    assert "vera@example.com" not in dump(kept)


@pytest.mark.covers("LIF-06")
def test_the_erased_can_be_invited_again(kept: World) -> None:
    kept.do(kept.issue(VERA))
    erase(kept)
    kept.do(kept.accept(VERA, kept.do(kept.issue(VERA))))
    assert kept.members()["vera"] == "member"


@pytest.mark.covers("LIF-06", "N01")
def test_sealed_a_wish_for_no_mail_outlives_the_address(kept: World) -> None:
    put = Call("run", lambda uow: put_suppression(uow, HOST, _V, "operator", context=kept.context))
    kept.do(put)
    erase(kept)
    assert "vera@example.com" not in dump(kept)
    stays = kept.lane.do(Call("read", lambda uow: uow.abuse.is_suppressed(_V, "acme")))
    assert stays is (kept.lane.sealer is not None)


@pytest.mark.covers("LIF-06", "N05")
def test_an_export_holds_everything_of_one_person_and_nothing_of_others(kept: World) -> None:
    kept.do(kept.accept(VERA, kept.do(kept.issue(VERA, message="Dear Vera", metadata={"a": 1}))))
    kept.do(kept.issue("other@example.com", message="Dear other"))
    kept.do(kept.put_member(VERA, "admin"))
    kept.do(kept.issue("invited.by.vera@example.com", by=VERA))
    held = export(kept)
    text = json.dumps(held)
    assert held["addresses"] == ["vera@example.com"]
    assert [(one["email"], one["message"]) for one in held["invitations_received"]] == [
        ("vera@example.com", "Dear Vera")
    ]
    assert [one["email"] for one in held["memberships"]] == ["vera@example.com"]
    assert held["principals"][0]["name"] == "Vera"
    assert len(held["invitations_issued"]) == 1
    assert {one["kind"] for one in held["events"]} >= {"invitation.issued", "invitation.accepted"}
    assert [one for one in ("other", "olga@", "adam", "invited.by") if one in text.replace("olga", "")] == []
    assert kept.events("person.exported") != []


@pytest.mark.covers("LIF-06", "D06")
@pytest.mark.parametrize("act", [erase, export])
def test_only_the_host_shows_or_erases_people(kept: World, act: Any) -> None:
    stranger: VerifiedIdentity = person("stranger")
    for nobody in (stranger, OLGA, VERA):
        with pytest.raises(NotPermittedError):
            act(kept, by=nobody)
    with pytest.raises(InvalidRequestError):
        act(kept, None, None)
    with pytest.raises(InvalidRequestError):
        act(kept, _V, "vera")
    assert act(kept) is not None


@pytest.mark.covers("LIF-06")
def test_what_has_been_over_for_long_enough_no_longer_says_for_whom_it_was(kept: World) -> None:
    kept.do(kept.accept(VERA, kept.do(kept.issue(VERA, message="Dear Vera"))))

    def keep(days: int, limit: int = 10) -> int:
        after = timedelta(days=days)
        return kept.do(
            Call("run", lambda uow: anonymise_final(uow, after=after, limit=limit, context=kept.context))
        )

    assert keep(30) == 0
    kept.pass_time(10 * 86_400)
    kept.do(kept.issue("open@example.com", message="Dear open"))
    assert keep(9, limit=1) == 1
    assert keep(9) == 0
    assert len(kept.events("invitation.anonymised")) == 1
    shown = {one.invitation.message for one in kept.do(kept.list_all()).items}
    assert shown == {None, "Dear open"}
    member = kept.do(Call("read", lambda uow: uow.members.find("acme", "vera")))
    assert member is not None
    assert member.email == "vera@example.com"


@pytest.mark.covers("ISS-05", "LIF-06")
@pytest.mark.parametrize(
    "change",
    [
        "invited_email = 'else@example.com'",
        "invited_email = 'else@example.com', erased_at = created_at",
        "invited_email = 'erased-0123@erased.invalid', erased_at = created_at",
        "invited_email = 'erased-00000000000000000000000000000000@erased.invalid'",
    ],
)
def test_an_address_can_be_changed_to_nothing_but_a_tombstone(kept: World, change: str) -> None:
    erased = "erased-00000000000000000000000000000000@erased.invalid"
    issued = kept.do(kept.issue(VERA))
    _refuses(kept, f"invited_email = '{erased}', erased_at = created_at")
    kept.do(kept.accept(VERA, issued))
    _refuses(kept, change)
    with kept.lane.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE vestibule_invitations SET invited_email = '{erased}', erased_at = created_at"
        )
    _refuses(kept, f"invited_email = '{erased.replace('0', '1')}', erased_at = created_at")


def _refuses(world: World, change: str) -> None:
    with pytest.raises(sa.exc.IntegrityError), world.lane.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {invitations.name} SET {change}")

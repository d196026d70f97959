# SPDX-License-Identifier: Apache-2.0
"""Everything that takes a promise away, against accepting it at the same moment: by the link and by one's own
list. Whoever comes first, exactly one thing happened, and nobody is in by a promise that was gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.lanes import Act, Call
from tests.races.conftest import Arena
from tests.races.outcomes import tally
from tests.world import ADAM, HOST, MIA, OLGA, VERA, World, by_id, key_of, person
from vestibule.actions.abuse.refuse_mail import refuse_mail
from vestibule.actions.directory.keep_users import add_user
from vestibule.core.directory import DirectoryDraft
from vestibule.core.identity import HostKey, VerifiedIdentity
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import (
    AlreadyMemberError,
    DirectoryBarredError,
    InvalidRequestError,
    LastOwnerError,
    NotFoundError,
    NotPendingError,
    TenantSuspendedError,
)
from vestibule.storage.schema import audit_events, memberships

_WAYS = 8
_DIRECTORY = HostKey(key_id="directory", tenant_id="acme", scopes=frozenset({"directory"}))
_HEIR = person("heir")
Make = Callable[[World, IssuedInvitation], list[Act]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """What races the accepts. *ends*: it revokes the promise if it comes first; *puts_out*: the member too."""

    make: Make
    ends: bool = True
    puts_out: bool = False


def deactivate(world: World, who: VerifiedIdentity) -> Call[Any]:
    address = who.addresses[0].address.key
    draft = DirectoryDraft(
        user_name=address,
        external_id=who.principal_id,
        is_active=False,
        addresses=frozenset({address}),
        document="{}",
    )
    return Call("run", lambda uow: add_user(uow, _DIRECTORY, draft, context=world.context))


def block(world: World, issued: IssuedInvitation, *, is_report: bool) -> Call[str]:
    return Call(
        "run",
        lambda uow: refuse_mail(
            uow, None, key_of(issued), is_report=is_report, context=world.context, limits=world.limits
        ),
    )


CASCADES: dict[str, Cascade] = {
    "remove inviter": Cascade(make=lambda w, _: [w.remove(ADAM)]),
    "inviter leaves": Cascade(make=lambda w, _: [w.remove(ADAM, by=ADAM)]),
    "demote inviter": Cascade(make=lambda w, _: [w.put_member(ADAM, "member")]),
    "offboard inviter": Cascade(make=lambda w, _: [w.offboard(ADAM)]),
    "deactivate inviter": Cascade(make=lambda w, _: [deactivate(w, ADAM)]),
    "demote and promote inviter": Cascade(
        make=lambda w, _: [w.put_member(ADAM, "member"), w.put_member(ADAM, "admin")]
    ),
    "remove inviter and put back": Cascade(make=lambda w, _: [w.remove(ADAM), w.put_member(ADAM, "admin")]),
    "offboard invitee": Cascade(make=lambda w, _: [w.offboard(VERA)], ends=False, puts_out=True),
    "deactivate invitee": Cascade(make=lambda w, _: [deactivate(w, VERA)], puts_out=True),
    "deactivate both": Cascade(make=lambda w, _: [deactivate(w, VERA), deactivate(w, ADAM)], puts_out=True),
    "remove invitee": Cascade(make=lambda w, _: [w.remove(VERA)], ends=False),
    "suspend": Cascade(make=lambda w, _: [w.suspend()]),
    "suspend and resume": Cascade(make=lambda w, _: [w.suspend(), w.resume()], ends=False),
    "delete": Cascade(make=lambda w, _: [w.delete()]),
    "revoke": Cascade(make=lambda w, i: [w.revoke(i)]),
    "decline": Cascade(make=lambda w, i: [w.decline(VERA, by_id(i))]),
    "block": Cascade(make=lambda w, i: [block(w, i, is_report=False)]),
    "report": Cascade(make=lambda w, i: [block(w, i, is_report=True)]),
    "resend": Cascade(make=lambda w, i: [w.resend(i)], ends=False),
    "supersede": Cascade(make=lambda w, _: [w.issue(VERA)]),
    "policy takes the role": Cascade(
        make=lambda w, _: [w.put_tenant({"seat_limit": 6, "assignable": {"owner": ["admin"]}})], ends=False
    ),
    "policy bars the domain": Cascade(
        make=lambda w, _: [w.put_tenant({"seat_limit": 6, "allowed_domains": ["example.org"]})], ends=False
    ),
    "policy wants a connection": Cascade(
        make=lambda w, _: [w.put_tenant({"seat_limit": 6, "require_connection": "sso"})], ends=False
    ),
    "seat limit lowered": Cascade(make=lambda w, _: [w.put_tenant({"seat_limit": 4})], ends=False),
    "seats count what is pending": Cascade(
        make=lambda w, _: [w.put_tenant({"seat_limit": 6, "seats_count_pending": True})], ends=False
    ),
    "inviter's time is up": Cascade(
        make=lambda w, _: [
            w.put_member(ADAM, "admin", expires_at=w.lane.now() + timedelta(milliseconds=80)),
            w.sweep(),
        ],
        ends=False,
    ),
    "owner offboarded": Cascade(make=lambda w, _: [w.offboard(OLGA)], ends=False),
    "owner deactivated": Cascade(make=lambda w, _: [deactivate(w, OLGA)], ends=False),
    "another is put in": Cascade(make=lambda w, _: [w.put_member(_HEIR, "owner")], ends=False),
    "invitee is put in": Cascade(make=lambda w, _: [w.put_member(VERA, "member")], ends=False),
}
_REFUSALS = (
    *(NotFoundError, NotPendingError, LastOwnerError, AlreadyMemberError),
    *(TenantSuspendedError, DirectoryBarredError, InvalidRequestError),
)


@pytest.mark.covers("F08", "E01", "E02", "E03", "E08", "E10", "D15", "LIF-03", "LIF-02", "TEN-01", "ISS-20")
@pytest.mark.parametrize(
    "road",
    [pytest.param("link", marks=pytest.mark.slow), pytest.param("own list", marks=pytest.mark.slow), "both"],
)
@pytest.mark.parametrize("name", CASCADES)
def test_accept_against_everything_that_takes_the_promise_away(arena: Arena, name: str, road: str) -> None:
    cascade = CASCADES[name]
    for world in arena:
        world.found({"seat_limit": 6})
        issued = world.do(world.issue(VERA, by=ADAM))
        keys = {"link": [key_of(issued)], "own list": [by_id(issued)]}.get(
            road, [key_of(issued), by_id(issued)]
        )
        accepts: list[Any] = [world.accept(VERA, key) for key in keys * (_WAYS // len(keys))]
        outcomes = world.race(*accepts, *cascade.make(world, issued))
        won = tally(outcomes[: len(accepts)])["won"]
        tally(outcomes[len(accepts) :], *_REFUSALS)
        _check(world, cascade, issued, won)


def _check(world: World, cascade: Cascade, issued: IssuedInvitation, won: int) -> None:
    row = world.invitation(issued)
    accepted = world.events("invitation.accepted")
    assert won == len(accepted) == (row["consumed_at"] is not None)
    assert won <= 1
    if row["consumed_at"] is not None:
        assert row["revoked_at"] is None
        assert row["declined_at"] is None
    elif cascade.ends:
        finals = [row[final] for final in ("revoked_at", "declined_at", "expired_at")]
        assert any(moment is not None for moment in finals), row
    if cascade.puts_out:
        assert "vera" not in world.members()
    elif not won:
        put = [e for e in world.events("membership.set") if e["body"]["principal_id"] == "vera"]
        assert ("vera" in world.members()) == bool(put)
    used, allowed = world.seats() or (0, 0)
    assert used == len(world.members()) + bool(row["has_reservation"] and _is_open(row))
    assert used <= max(allowed, 5)


@pytest.mark.covers("F08", "E01", "E10", "LIF-03", "ISS-02")
@pytest.mark.parametrize(
    "name", ["remove inviter", "offboard inviter", "deactivate inviter", "suspend", "delete"]
)
def test_issuing_against_what_takes_the_inviter_or_the_tenant_away(arena: Arena, name: str) -> None:
    for world in arena:
        world.found()
        issues: list[Any] = [world.issue(f"p{number}@example.com", by=ADAM) for number in range(_WAYS)]
        calls = CASCADES[name].make(world, _anything(world))
        tally(world.race(*issues, *calls), *_REFUSALS)
        pending = world.rows(
            memberships.metadata.tables["vestibule_invitations"], inviter_principal_id="adam"
        )
        assert not [row for row in pending if _is_open(row)]


@pytest.mark.covers("F08", "TEN-01", "LIF-03")
def test_all_owners_may_be_deactivated_removed_and_offboarded_at_once_and_a_row_stays(arena: Arena) -> None:
    for world in arena:
        world.found()
        world.do(world.put_member(_HEIR, "owner"))
        world.do(world.put_member(MIA, "owner"))
        calls: list[Any] = [
            deactivate(world, OLGA),
            world.offboard(_HEIR),
            world.remove(MIA),
            world.remove(OLGA, by=MIA),
        ]
        tally(world.race(*calls), *_REFUSALS)
        assert "owner" in world.members().values()
        told = [row["kind"] for row in world.rows(audit_events)]
        assert told.count("directory.user_deactivated") == 1


@pytest.mark.covers("F08", "LIF-03", "D15")
def test_of_two_deactivations_of_one_name_one_is_kept_and_both_leave_nobody(arena: Arena) -> None:
    for world in arena:
        world.found()
        world.do(world.put_member(VERA, "admin"))
        outcomes = world.race(*[deactivate(world, VERA) for _ in range(4)])
        refused = [one for one in outcomes if isinstance(one, Exception)]
        assert [type(one).__name__ for one in refused] == ["DirectoryConflictError"] * 3
        assert "vera" not in world.members()
        assert world.do(world.put_member(VERA, "member", by=HOST))[1]


def _anything(world: World) -> IssuedInvitation:
    return world.do(world.issue("anything@example.com"))


def _is_open(row: dict[str, object]) -> bool:
    return all(row[name] is None for name in ("consumed_at", "declined_at", "revoked_at", "expired_at"))

# SPDX-License-Identifier: Apache-2.0
"""Decisions that meet: approvals with a rejection and a demotion, corrections with accepts, policy with both."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.actions.approvers import people
from tests.actions.test_ensure import corrected, ensured
from tests.lanes import Call
from tests.races.conftest import Arena
from tests.races.outcomes import tally
from tests.world import ADAM, HOST, OLGA, VERA, World, key_of, person
from vestibule.actions.policies.change_policy import activate_change, propose_change
from vestibule.actions.resources.manage import delete_resource, put_resource
from vestibule.core.invitation import ResourceGrant
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import (
    DomainNotAllowedError,
    NotPendingError,
    NotPermittedError,
    StepUpRequiredError,
)
from vestibule.storage.schema import grants

_OTTO, _ORLA, _OSKAR = person("otto"), person("orla"), person("oskar")
_RIGHT = person("right")


@pytest.mark.covers("ISS-04", "F08", "E02")
@pytest.mark.parametrize("against", ["rejection", "demotion", "both", "withdrawal", "revocation"])
def test_the_last_approval_against_what_takes_it_away(arena: Arena, against: str) -> None:
    for world in arena:
        world.found({"roles": {"owner": {"approvals": 2}}})
        people(world, _OTTO, _ORLA, _OSKAR)
        issued = world.do(world.issue(VERA, "owner"))
        others: dict[str, list[Any]] = {
            "rejection": [world.reject(issued, by=_OSKAR)],
            "demotion": [world.put_member(_ORLA, "admin"), world.put_member(_OTTO, "admin")],
            "both": [world.reject(issued, by=_OSKAR), world.put_member(_ORLA, "admin")],
            "withdrawal": [world.reject(issued, by=OLGA)],
            "revocation": [world.revoke(issued)],
        }
        approvals = [world.approve(issued, by=who) for who in (_OTTO, _ORLA, _OSKAR, _OTTO, _ORLA)]
        outcomes = world.race(*approvals, *others[against])
        tally(outcomes, NotPendingError, NotPermittedError)
        _check_approved(world, issued)


def _check_approved(world: World, issued: IssuedInvitation) -> None:
    row = world.invitation(issued)
    told = world.events("invitation.issued")
    assert len(told) == (row["approved_at"] is not None)
    if row["approved_at"] is None:
        assert row["claim_token_hash"] is None
        return
    demoted = {
        event["body"]["principal_id"]
        for event in world.events("membership.set")
        if event["body"]["role"] == "admin" and event["occurred_at"] < told[0]["occurred_at"]
    }
    given = [
        one for one in world.events("invitation.approved") if one["occurred_at"] <= told[0]["occurred_at"]
    ]
    assert len({one["actor_id"] for one in given} - demoted) >= 2, "only who may approve at the end counts"


@pytest.mark.covers("ISS-17", "ISS-06", "F05")
def test_whoever_ensures_at_the_same_time_there_is_one_invitation_and_one_mail(arena: Arena) -> None:
    for world in arena:
        world.found()
        outcomes = world.race(*[ensured(world, by=by) for by in (OLGA, ADAM) for _ in range(4)])
        told = sorted(one.outcome for one in outcomes)
        assert told == ["invited", *["pending"] * 7]
        assert len(world.events("invitation.issued")) == 1


@pytest.mark.covers("ISS-19", "F08", "E08")
def test_of_a_mistyped_link_and_its_correction_one_at_most_makes_a_member(arena: Arena) -> None:
    for world in arena:
        world.found()
        issued = world.do(world.issue(VERA))
        *accepts, correction = world.race(
            *[world.accept(VERA, issued) for _ in range(4)], corrected(world, issued, "right@example.com")
        )
        won = tally(accepts)["won"]
        tally([correction], NotPendingError)
        assert (won == 0) == isinstance(correction, IssuedInvitation), "one of both, never both, never none"
        if isinstance(correction, IssuedInvitation):
            world.refuse(world.accept(VERA, issued))
            world.do(world.accept(_RIGHT, key_of(correction)))
        assert {"vera", "right"} & set(world.members()) == ({"vera"} if won else {"right"})


@pytest.mark.covers("ISS-18", "E05", "F08")
def test_a_bundle_against_the_end_of_what_it_names(arena: Arena) -> None:
    for world in arena:
        world.found({"assignable": {"owner": ["member", "editor"]}})
        for name in ("docs", "site"):
            world.do(_put(world, name))
        named = tuple(ResourceGrant(resource_id=name, role="editor") for name in ("docs", "site"))
        issued = world.do(world.issue(VERA, grants=named))
        *accepts, ended = world.race(*[world.accept(VERA, issued) for _ in range(4)], _delete(world, "docs"))
        won = tally(accepts)["won"]
        tally([ended])
        left = [row["resource_id"] for row in world.rows(grants, principal_id="vera")]
        assert ("vera" in world.members(), left) == ((True, ["site"]) if won else (False, []))
        assert (world.invitation(issued)["revoked_reason"] == "resource_deleted") == (not won)


def _put(world: World, name: str) -> Call[Any]:
    return Call("run", lambda uow: put_resource(uow, HOST, "acme", name, name, context=world.context))


def _delete(world: World, name: str) -> Call[None]:
    return Call("run", lambda uow: delete_resource(uow, HOST, "acme", name, context=world.context))


@pytest.mark.covers("TEN-02", "ISS-09", "F08", "E02")
def test_a_policy_that_comes_into_force_among_issues_and_accepts(arena: Arena) -> None:
    for world in arena:
        world.found()
        issued = world.do(world.issue(VERA))
        change_id = world.do(_propose(world, {"allowed_domains": ["example.org"]})).change.change_id
        issues = [world.issue(f"p{number}@example.com") for number in range(4)]
        accepts: list[Any] = [world.accept(VERA, issued) for _ in range(4)]
        outcomes = world.race(*issues, *accepts, _activate(world, change_id))
        tally(outcomes[:4], DomainNotAllowedError)
        won = tally(outcomes[4:8])["won"]
        tally(outcomes[8:])
        [active] = world.events("policy.activated")
        for told in world.events("invitation.issued"):
            is_after = told["occurred_at"] > active["occurred_at"]
            assert is_after <= (told["body"]["policy_hash"] == active["body"]["policy_hash"])
        assert ("vera" in world.members()) == bool(won)
        world.refuse(world.accept(VERA, issued))


def _propose(world: World, policy: dict[str, Any]) -> Call[Any]:
    return Call("run", lambda uow: propose_change(uow, OLGA, "acme", policy, context=world.context))


def _activate(world: World, change_id: str) -> Call[Any]:
    return Call("run", lambda uow: activate_change(uow, OLGA, "acme", change_id, context=world.context))


@pytest.mark.covers("ACC-16", "F02", "S09")
def test_whoever_claims_it_first_keeps_it_though_another_has_the_same_address(arena: Arena) -> None:
    thief = dataclasses.replace(person("thief", "vera@example.com"), amr=("mfa",))
    strong = dataclasses.replace(VERA, amr=("mfa",))
    for world in arena:
        world.found({"roles": {"admin": {"amr_any": ["mfa"]}}})
        issued = world.do(world.issue(VERA, "admin"))
        claims: list[Any] = [world.accept(who, issued) for who in (VERA, thief, VERA, thief)]
        outcomes = world.race(*claims)
        stole = tally(outcomes[1::2])["won"]
        assert tally(outcomes[0::2], StepUpRequiredError)["won"] == 0, "nobody weak gets in"
        bound = {event["body"]["principal_id"] for event in world.events("invitation.bound")}
        # Whoever consumes it at the first claim needs no binding.
        assert bound == {"vera"} if not stole else bound <= {"thief"}
        if not stole:
            world.refuse(world.accept(thief, issued))
            world.do(world.accept(strong, issued))
        assert {"vera", "thief"} & set(world.members()) == {"thief" if stole else "vera"}

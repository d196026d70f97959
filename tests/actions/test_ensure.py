# SPDX-License-Identifier: Apache-2.0
"""Say it as often as you like; and put a mistyped address right in one act."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lanes import Call
from tests.world import ADAM, MIA, OLGA, VERA, World, by_id, key_in, person
from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.ensure import Drift, Ensured, ensure
from vestibule.core.email import EmailAddress
from vestibule.core.invitation import InvitationDraft, InvitationState, ResourceGrant
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import (
    AlreadyMemberError,
    InvalidRequestError,
    NotFoundError,
    NotPendingError,
    NotPermittedError,
    RejectReason,
    RoleNotAssignableError,
)
from vestibule.storage.schema import invitations, outbox_messages


def ensured(
    world: World, email: str = "vera@example.com", role: str = "member", **more: Any
) -> Call[Ensured]:
    by = more.pop("by", OLGA)
    draft = InvitationDraft(email=EmailAddress.parse_input(email), role=role, **more)
    return Call("run", lambda uow: ensure(uow, by, "acme", draft, context=world.context, limits=world.limits))


def corrected(
    world: World, issued: IssuedInvitation, email: str, *, by: Any = OLGA, tenant: str = "acme"
) -> Call[IssuedInvitation]:
    one, to = issued.invitation.invitation_id, EmailAddress.parse_input(email)
    return Call(
        "run", lambda uow: correct(uow, by, tenant, one, to, context=world.context, limits=world.limits)
    )


@pytest.mark.covers("ISS-17")
def test_ensuring_says_what_is_true_with_one_name_through_a_whole_life(world: World) -> None:
    world.found()
    first = world.do(ensured(world))
    assert (first.outcome, len(world.rows(outbox_messages))) == ("invited", 1)
    for _ in range(3):
        again = world.do(ensured(world))
        assert (again.outcome, again.ensured_id) == ("pending", first.ensured_id)
    assert (len(world.rows(invitations)), len(world.rows(outbox_messages))) == (1, 1)
    world.pass_time(days=8)
    assert world.do(ensured(world)).outcome == "reinvited"
    [letter] = world.deliver()
    world.do(world.accept(VERA, key_in(letter)))
    member = world.do(ensured(world, "VERA@example.com"))
    assert (member.outcome, member.ensured_id, member.drift) == ("member", first.ensured_id, ())
    drifted = world.do(ensured(world, role="admin"))
    assert drifted.drift == (Drift(field="role", wanted="admin", actual="member"),)
    assert world.members()["vera"] == "member", "a membership is never changed by asking"


@pytest.mark.covers("ISS-17", "ISS-06")
def test_another_role_supersedes_and_an_elevating_one_is_held(world: World) -> None:
    world.found()
    world.do(ensured(world))
    assert world.do(ensured(world, role="admin")).outcome == "reinvited"
    assert world.do(ensured(world, role="owner")).outcome == "held"
    assert world.do(ensured(world, role="owner")).outcome == "held"
    assert [row["role"] for row in world.rows(invitations) if row["revoked_at"] is None] == ["owner"]


@pytest.mark.covers("ISS-17", "F05")
def test_ensured_at_the_same_time_is_ensured_once(world: World) -> None:
    world.found()
    outcomes = world.race(*(ensured(world) for _ in range(6)))
    assert sorted(one.outcome for one in outcomes) == ["invited", *["pending"] * 5]


@pytest.mark.covers("ISS-17", "ISS-03")
def test_who_may_not_promise_may_not_ensure(world: World) -> None:
    world.found()
    for by, error in ((MIA, NotPermittedError), (person("nobody"), NotFoundError)):
        with pytest.raises(error):
            world.do(ensured(world, by=by))
    with pytest.raises(RoleNotAssignableError):
        world.do(ensured(world, role="admin", by=ADAM))
    assert world.do(ensured(world, by=ADAM)).outcome == "invited"


@pytest.mark.covers("ISS-19")
def test_a_correction_carries_everything_over_and_kills_the_mistyped_link(world: World) -> None:
    world.found({"assignable": {"owner": ["owner", "admin", "member"], "admin": ["member"]}})
    world.execute(
        "INSERT INTO vestibule_resources (tenant_id, resource_id, name, created_at) "
        "SELECT tenant_id, 'docs', 'Docs', created_at FROM vestibule_tenants"
    )
    carried: dict[str, Any] = {
        "message": "Welcome",
        "scope": "docs",
        "metadata": {"team": 7},
        "membership_expires_in": 3600,
        "locale": "de",
        "expires_in": 7200,
        "grants": (ResourceGrant(resource_id="docs", role="member", expires_in=60),),
    }
    wrong = world.do(world.issue("verra@example.com", "admin", **carried))
    right = world.do(corrected(world, wrong, "vera@example.com"))
    assert right.invitation.corrects_id == wrong.invitation.invitation_id
    assert {name: getattr(right.invitation, name) for name in carried} == carried
    assert right.invitation.role == "admin"
    stranger = person("verra")
    assert world.refuse(world.accept(stranger, wrong)) is RejectReason.UNKNOWN
    assert world.do(world.accept(VERA, by_id(right))).role == "admin"
    superseded = world.events("invitation.superseded")
    assert [one["body"]["superseded_by_id"] for one in superseded] == [right.invitation.invitation_id]


@pytest.mark.covers("ISS-19", "ISS-04")
def test_what_was_approved_for_the_wrong_address_is_approved_anew(world: World) -> None:
    world.found()
    world.do(world.put_member(person("otto"), "owner"))
    wrong = world.do(world.issue("verra@example.com", "owner"))
    world.do(world.approve(wrong, by=person("otto")))
    right = world.do(corrected(world, wrong, "vera@example.com"))
    assert right.state is InvitationState.HELD
    assert world.refuse(world.accept(VERA, by_id(right))) is RejectReason.NOT_APPROVED


@pytest.mark.covers("ISS-19", "ISS-03", "D06")
def test_D06_a_correction_is_refused_where_issuing_would_be(world: World) -> None:
    world.found()
    world.found(tenant="other")
    wrong = world.do(world.issue("verra@example.com", "admin"))
    refusals: list[tuple[Any, Any]] = [
        (corrected(world, wrong, "vera@example.com", by=MIA), NotPermittedError),
        (corrected(world, wrong, "vera@example.com", by=ADAM), RoleNotAssignableError),
        (corrected(world, wrong, "vera@example.com", tenant="other"), NotFoundError),
        (corrected(world, wrong, "mia@example.com"), AlreadyMemberError),
        (corrected(world, wrong, "verra@example.com"), InvalidRequestError),
    ]
    for act, error in refusals:
        with pytest.raises(error):
            world.do(act)
    world.do(corrected(world, wrong, "vera@example.com"))
    with pytest.raises(NotPendingError):
        world.do(corrected(world, wrong, "vera@example.com"))

# SPDX-License-Identifier: Apache-2.0
"""Four eyes: an elevating grant exists only after others approved exactly what was asked for."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tests.actions.approvers import held, opened, people, policy_of, wait_over
from tests.lanes import Call
from tests.sealing import about_plain_rows
from tests.world import ADAM, HOST, MIA, OLGA, VERA, World, by_id, person
from vestibule.actions.invitations.review_held import get_held
from vestibule.core.invitation import InvitationState
from vestibule.errors import (
    AlreadyMemberError,
    DigestMismatchError,
    DomainNotAllowedError,
    NotFoundError,
    NotPendingError,
    NotPermittedError,
    RejectReason,
    RoleNotAssignableError,
    StepUpRequiredError,
    TenantSuspendedError,
)
from vestibule.storage.schema import approvals, invitations, outbox_messages

OTTO = person("otto")
ORLA = person("orla")


@pytest.mark.covers("ISS-04", "D01")
def test_an_owner_is_held_without_mail_or_clock_until_a_second_owner_approves(world: World) -> None:
    world.found()
    people(world, OTTO)
    issued = world.do(world.issue(VERA, "owner", deliver="email"))
    assert (issued.state, issued.token) == (InvitationState.HELD, None)
    kinds = {row["kind"] for row in world.rows(outbox_messages)}
    assert kinds == {"approval_notice"}
    assert world.refuse(world.accept(VERA, by_id(issued))) is RejectReason.NOT_APPROVED
    world.pass_time(hours=20)
    done = world.do(world.approve(issued, by=OTTO))
    assert (done.state, done.counted, done.needed) == (InvitationState.PENDING, 1, 1)
    lifetime = done.invitation.expires_at - world.lane.now()
    assert timedelta(hours=23, minutes=59) < lifetime <= timedelta(hours=24), "its clock starts now"
    [letter] = [one for one in world.deliver() if one.kind == "invitation_mail"]
    assert letter.recipient.address_key == "vera@example.com"
    assert world.do(world.accept(VERA, by_id(issued))).role == "owner"


@pytest.mark.covers("ISS-04")
def test_the_approver_hears_of_it_by_a_mail_that_decides_nothing(world: World) -> None:
    world.found()
    people(world, OTTO)
    world.do(world.issue(VERA, "owner", justification=None, deliver="email"))
    letters = world.deliver()
    assert {one.recipient.address_key for one in letters} == {"otto@example.com", "adam@example.com"}
    for one in letters:
        assert one.kind == "approval_notice"
        assert one.link is None
        assert one.values["settings_url"].endswith("/tenants/acme/settings")


@pytest.mark.covers("ISS-04", "D01")
@pytest.mark.parametrize(
    "who", ["inviter", "invitee", "admin", "member", "stranger", "key", "sock puppet", "linked"]
)
def test_who_may_not_approve_does_not_and_a_second_owner_does(world: World, who: str) -> None:
    world.found()
    people(world, OTTO, VERA)
    sock, linked = person("sock"), person("linked", "olga@example.com", "linked@example.com")
    opened(world, sock, by=OLGA)
    people(world, linked)
    issued = world.do(world.issue("new@example.com", "owner"))
    invitee = person("olivia", "new@example.com")
    people(world, invitee)
    actors: dict[str, Any] = {
        "inviter": OLGA, "invitee": invitee, "admin": ADAM, "member": MIA, "stranger": person("nobody"),
        "key": HOST, "sock puppet": sock, "linked": linked,
    }  # fmt: skip
    expected = NotFoundError if who == "stranger" else NotPermittedError
    with pytest.raises(expected):
        world.do(world.approve(issued, by=actors[who]))
    assert world.rows(approvals) == []
    world.do(world.remove(invitee))
    # Removing the invitee as a person revoked what was for its address: ask again.
    again = world.do(world.issue("new@example.com", "owner"))
    assert world.do(world.approve(again, by=OTTO)).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04")
def test_a_sock_puppet_may_approve_when_the_separation_is_over(world: World) -> None:
    world.found({"separation": 3600})
    sock = person("sock")
    opened(world, sock, by=OLGA)
    issued = world.do(world.issue(VERA, "owner"))
    with pytest.raises(NotPermittedError):
        world.do(world.approve(issued, by=sock))
    world.pass_time(3601)
    assert world.do(world.approve(issued, by=sock)).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04")
def test_two_approvals_are_two_people_and_one_rejection_ends_it(world: World) -> None:
    world.found({"roles": {"owner": {"approvals": 2}}})
    people(world, OTTO, ORLA)
    issued = world.do(world.issue(VERA, "owner"))
    for _ in range(2):
        assert world.do(world.approve(issued, by=OTTO)).counted == 1, "twice by one is once"
    other = dataclasses.replace(OTTO, connection="other-session")
    assert world.do(world.approve(issued, by=other)).state is InvitationState.HELD
    closed = world.do(world.reject(issued, by=ORLA))
    assert (closed.state, closed.invitation.revoked_reason) == (InvitationState.REVOKED, "rejected")
    for act in (world.approve(issued, by=ORLA), world.reject(issued, by=OTTO)):
        with pytest.raises(NotPendingError):
            world.do(act)
    again = world.do(world.issue(VERA, "owner"))
    world.do(world.approve(again, by=OTTO))
    assert world.do(world.approve(again, by=ORLA)).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04")
def test_the_inviter_may_withdraw_and_nobody_is_told(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA, "owner"))
    closed = world.do(world.reject(issued, by=OLGA))
    assert closed.invitation.revoked_reason == "withdrawn"
    assert "decision_notice" not in {row["kind"] for row in world.rows(outbox_messages)}


FIELDS = {
    "role": "role = 'admin'",
    "scope": "scope = 'everything'",
    "expires_in": "expires_in = 1000",
    "membership_expires_in": "membership_expires_in = 99999",
    "justification": "justification = 'another reason'",
    "invited_email": "invited_email = 'else@example.com'",
    "inviter_principal_id": "inviter_principal_id = 'adam'",
}


@pytest.mark.covers("ISS-04", "ISS-05")
@pytest.mark.parametrize("field", FIELDS)
@about_plain_rows
def test_whatever_is_changed_voids_the_approvals(world: World, field: str) -> None:
    world.found({"roles": {"owner": {"approvals": 2}, "admin": {"approvals": 2}}})
    people(world, OTTO, ORLA)
    issued = world.do(world.issue(VERA, "owner", justification="because"))
    world.do(world.approve(issued, by=OTTO))
    immutable = field in ("role", "invited_email", "inviter_principal_id")
    with held(world, immutable=immutable):
        world.execute(f"UPDATE vestibule_invitations SET {FIELDS[field]}")
    done = world.do(world.approve(issued, by=ORLA))
    assert (done.state, done.counted) == (InvitationState.HELD, 1), "only the approval of what stands now"


@pytest.mark.covers("ISS-04", "TEN-02")
def test_a_policy_change_voids_the_approvals(world: World) -> None:
    world.found({"roles": {"owner": {"approvals": 2}}})
    people(world, OTTO, ORLA)
    issued = world.do(world.issue(VERA, "owner"))
    world.do(world.approve(issued, by=OTTO))
    world.do(world.put_tenant({"roles": {"owner": {"approvals": 2}}, "resend_cooldown": 60}))
    assert world.do(world.approve(issued, by=ORLA)).counted == 1
    assert world.do(world.approve(issued, by=OTTO)).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04")
@pytest.mark.parametrize("how", ["demoted", "removed", "offboarded"])
def test_an_approver_who_lost_the_right_before_issue_no_longer_counts(world: World, how: str) -> None:
    world.found({"roles": {"owner": {"approvals": 2}}})
    people(world, OTTO, ORLA, person("oona"))
    issued = world.do(world.issue(VERA, "owner"))
    world.do(world.approve(issued, by=OTTO))
    acts: dict[str, Call[Any]] = {
        "demoted": world.put_member(OTTO, "admin"),
        "removed": world.remove(OTTO),
        "offboarded": world.offboard(OTTO),
    }
    world.do(acts[how])
    assert world.do(world.approve(issued, by=ORLA)).counted == 1
    assert world.do(world.approve(issued, by=person("oona"))).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04", "ACC-09")
def test_what_drifted_while_it_was_held_is_found_at_the_last_approval(world: World) -> None:
    world.found()
    people(world, OTTO, ORLA)
    first = world.do(world.issue(VERA, "owner"))
    people(world, VERA, role="member")
    with pytest.raises(AlreadyMemberError):
        world.do(world.approve(first, by=OTTO))
    second = world.do(world.issue("new@example.com", "owner", by=ORLA))
    world.execute("UPDATE vestibule_memberships SET role = 'admin' WHERE principal_id = 'orla'")
    with pytest.raises(RoleNotAssignableError):
        world.do(world.approve(second, by=OTTO))
    world.execute("UPDATE vestibule_memberships SET role = 'owner' WHERE principal_id = 'orla'")
    world.execute(
        "INSERT INTO vestibule_domains (tenant_id, domain, rung, role, challenge, created_at) "
        "SELECT tenant_id, 'example.com', 'deny', 'member', 'x', created_at FROM vestibule_tenants"
    )
    with pytest.raises(DomainNotAllowedError):
        world.do(world.approve(second, by=OTTO))
    world.execute("DELETE FROM vestibule_domains")
    world.execute("UPDATE vestibule_tenants SET suspended_at = created_at")
    with pytest.raises(TenantSuspendedError):
        world.do(world.approve(second, by=OTTO))
    world.execute("UPDATE vestibule_tenants SET suspended_at = NULL")
    assert world.do(world.approve(second, by=OTTO)).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04")
def test_approving_asks_for_a_fresh_and_strong_session(world: World) -> None:
    world.found({"roles": {"owner": {"approvals": 1, "auth_max_age": 300, "amr_any": ["hwk", "mfa"]}}})
    people(world, OTTO)
    issued = world.do(world.issue(VERA, "owner"))
    now = world.lane.now()
    sessions: dict[str, dict[str, Any]] = {
        "no time": {"amr": ("mfa",)},
        "too old": {"amr": ("mfa",), "authenticated_at": now - timedelta(seconds=301)},
        "from the future": {"amr": ("mfa",), "authenticated_at": now + timedelta(hours=1)},
        "too weak": {"amr": ("pwd",), "authenticated_at": now},
    }
    for session in sessions.values():
        with pytest.raises(StepUpRequiredError) as demand:
            world.do(world.approve(issued, by=dataclasses.replace(OTTO, **session)))
        assert (demand.value.max_age, set(demand.value.amr_any)) == (300, {"hwk", "mfa"})
    strong = dataclasses.replace(OTTO, amr=("pwd", "hwk"), authenticated_at=now)
    assert world.do(world.approve(issued, by=strong)).state is InvitationState.PENDING


@pytest.mark.covers("ISS-04")
def test_an_undecided_request_is_over_after_its_time(world: World) -> None:
    world.found({"roles": {"owner": {"approvals": 1, "approval_ttl": 3600}}})
    people(world, OTTO)
    issued = world.do(world.issue(VERA, "owner"))
    world.pass_time(3601)
    with pytest.raises(NotPendingError):
        world.do(world.approve(issued, by=OTTO))
    assert world.do(world.sweep()) == 1
    [row] = world.rows(invitations)
    assert row["expired_at"] is not None


@pytest.mark.covers("ISS-04")
def test_the_approver_sees_and_approves_exactly_one_digest(world: World) -> None:
    world.found()
    people(world, OTTO)
    issued = world.do(world.issue(VERA, "owner", justification="founder"))
    view = world.do(Call("read", lambda uow: get_held(uow, OTTO, "acme", issued.invitation.invitation_id)))
    assert view.objection is None
    assert view.request.invitation.justification == "founder"
    with pytest.raises(DigestMismatchError):
        world.do(world.approve(issued, by=OTTO, digest="sha256:" + "0" * 64))
    done = world.do(world.approve(issued, by=OTTO, digest=view.request.digest))
    assert done.state is InvitationState.PENDING
    own = Call("read", lambda uow: get_held(uow, OLGA, "acme", issued.invitation.invitation_id))
    with pytest.raises(NotPendingError):
        world.do(own)


@pytest.mark.covers("ISS-04")
def test_a_single_owner_waits_instead_only_where_policy_says_so(world: World) -> None:
    world.found({"single_owner_bootstrap": 72 * 3600})
    issued = world.do(world.issue(VERA, "owner"))
    world.pass_time(hours=71)
    assert wait_over(world) == 0
    world.pass_time(hours=2)
    assert wait_over(world) == 1
    assert [event["actor_id"] for event in world.events("invitation.waited_for")] == ["clock"]
    assert world.do(world.accept(VERA, by_id(issued))).role == "owner"


@pytest.mark.covers("ISS-04")
def test_nobody_waits_where_somebody_could_approve_or_policy_is_silent(world: World) -> None:
    world.found({"single_owner_bootstrap": 3600})
    people(world, OTTO)
    world.do(world.issue(VERA, "owner"))
    world.do(world.put_tenant({}, tenant="silent"))
    world.do(world.put_member(OLGA, "owner", "silent"))
    world.do(world.issue(VERA, "owner", tenant="silent"))
    world.pass_time(hours=2)
    assert wait_over(world) == 0
    assert policy_of(world).single_owner_bootstrap == 3600


@pytest.mark.covers("ISS-04", "F05")
def test_concurrent_last_approvals_issue_once_and_a_rejection_wins_or_loses_whole(world: World) -> None:
    world.found()
    people(world, OTTO, ORLA)
    first = world.do(world.issue(VERA, "owner"))
    world.race(world.approve(first, by=OTTO), world.approve(first, by=ORLA))
    assert len(world.events("invitation.issued")) == 1
    second = world.do(world.issue("new@example.com", "owner"))
    world.race(world.approve(second, by=OTTO), world.reject(second, by=ORLA))
    [row] = world.rows(invitations, invitation_id=second.invitation.invitation_id)
    assert (row["approved_at"] is None) == (row["revoked_at"] is not None)

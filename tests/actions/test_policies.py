# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from tests.actions.offices import Office
from tests.lanes import Act, Call
from tests.world import ADAM, HOST, MIA, OLGA, VERA, XENIA, World, person
from vestibule.actions.policies.review_policy import (
    compare_draft,
    list_changes,
)
from vestibule.actions.resources.manage import put_resource
from vestibule.core.identity import HostKey
from vestibule.core.invitation import ResourceGrant
from vestibule.core.paging import PageRequest
from vestibule.core.policy import hash_document
from vestibule.core.policy.change import DEPLOYMENT, PolicyChange
from vestibule.errors import (
    ClaimRejectedError,
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    PolicyNotApprovedError,
    PolicyStaleError,
    RejectReason,
    RoleNotAssignableError,
)
from vestibule.storage.schema import policy_changes, policy_documents

pytestmark = pytest.mark.covers("TEN-02")
OTHER = HostKey(key_id="other")
PETER = person("peter")
LOOSER: dict[str, Any] = {"ttl": {"member": 30 * 86_400}}
TIGHTER: dict[str, Any] = {"ttl": {"member": 3600}}


@pytest.fixture
def office(world: World) -> Office:
    world.found()
    return Office(world)


def test_what_tightens_is_active_at_once_and_recorded(world: World, office: Office) -> None:
    proposed = world.do(office.propose(TIGHTER))
    assert not proposed.change.is_loosening
    assert [one.pointer for one in proposed.differences] == ["/ttl/member"]
    before = world.do(office.get())
    assert world.do(office.activate(proposed.change.change_id)).state == "active"
    after = world.do(office.get())
    assert (after.version, after.policy.ttl_of("member")) == (before.version + 1, 3600)
    [told] = world.events("policy.activated")
    assert told["body"]["policy_hash"] == after.policy_hash
    assert told["body"]["previous_hash"] == before.policy_hash
    assert told["actor_id"] == "olga"


@pytest.mark.covers("D12")
def test_D12_what_loosens_waits_for_a_second_person(world: World, office: Office) -> None:
    world.do(world.put_member(PETER, "owner"))
    change_id = world.do(office.propose(LOOSER)).change.change_id
    with pytest.raises(PolicyNotApprovedError):
        world.do(office.activate(change_id))
    with pytest.raises(NotPermittedError):
        world.do(office.approve(change_id, by=OLGA))
    with pytest.raises(NotPermittedError):
        world.do(office.approve(change_id, by=ADAM))
    assert world.do(office.get()).policy.ttl_of("member") == 7 * 86_400
    assert world.do(office.approve(change_id, by=PETER)).state == "approved"
    assert world.do(office.activate(change_id)).state == "active"
    assert world.do(office.get()).policy.ttl_of("member") == 30 * 86_400


@pytest.mark.covers("D12")
def test_D12_an_administrator_who_is_no_owner_changes_no_policy(world: World, office: Office) -> None:
    for by in (ADAM, MIA):
        with pytest.raises(NotPermittedError):
            world.do(office.propose(TIGHTER, by=by))
    with pytest.raises(NotFoundError):
        world.do(office.propose(TIGHTER, by=XENIA))
    assert world.do(office.get(by=ADAM)).version == 1
    with pytest.raises(NotPermittedError):
        world.do(office.get(by=MIA))
    with pytest.raises(NotFoundError):
        world.do(office.get(by=HOST, of="nowhere"))


def test_only_keys_see_and_change_the_deployments_policy(world: World, office: Office) -> None:
    calls: list[Act] = [office.get(of=DEPLOYMENT), office.propose(TIGHTER, of=DEPLOYMENT)]
    for call in calls:
        with pytest.raises(NotPermittedError):
            world.do(call)
    bare = HostKey(key_id="bare", scopes=frozenset({"members"}))
    with pytest.raises(NotPermittedError):
        world.do(office.get(by=bare, of=DEPLOYMENT))
    assert world.do(office.get(by=HOST, of=DEPLOYMENT)).version == 0


def test_two_keys_make_a_second_person(world: World, office: Office) -> None:
    change_id = world.do(office.propose(LOOSER, by=HOST, of=DEPLOYMENT)).change.change_id
    with pytest.raises(NotPermittedError):
        world.do(office.approve(change_id, by=HOST, of=DEPLOYMENT))
    world.do(office.approve(change_id, by=OTHER, of=DEPLOYMENT))
    world.do(office.activate(change_id, by=HOST, of=DEPLOYMENT))
    assert world.do(office.get()).policy.ttl_of("member") == 30 * 86_400


def test_the_deployments_policy_lies_under_every_tenants(world: World, office: Office) -> None:
    world.do(world.put_tenant({"ttl": {"admin": 7200}}))
    office.enact({"ttl": {"member": 1800, "admin": 3600}, "resend_cooldown": 600}, of=DEPLOYMENT)
    policy = world.do(office.get()).policy
    assert [policy.ttl_of(role) for role in ("member", "admin", "owner")] == [1800, 7200, 86_400]
    assert policy.resend_cooldown == 600
    issued = world.do(world.issue())
    [told] = world.events("invitation.issued")
    assert told["body"]["lifetime"] == 1800
    assert told["body"]["policy_hash"] == world.do(office.get()).policy_hash
    assert world.do(world.accept(VERA, issued)).role == "member"


def test_seats_are_not_the_deployments_to_set(world: World, office: Office) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        world.do(office.propose({"seat_limit": 3}, by=HOST, of=DEPLOYMENT))
    assert [fault.pointer for fault in caught.value.faults] == ["/policy/seat_limit"]


@pytest.mark.covers("TEN-02", "D12")
def test_a_proposal_that_was_withdrawn_is_in_force_never(world: World, office: Office) -> None:
    world.do(world.put_member(PETER, "owner"))
    change_id = world.do(office.propose(LOOSER)).change.change_id
    world.do(office.approve(change_id, by=PETER))
    with pytest.raises(NotPermittedError):
        world.do(office.withdraw(change_id, by=ADAM))
    assert world.do(office.withdraw(change_id)).state == "closed"
    for call in (office.activate(change_id), office.approve(change_id, by=PETER), office.withdraw(change_id)):
        with pytest.raises(PolicyStaleError):
            world.do(call)
    [told] = world.events("policy.withdrawn")
    assert (told["actor_id"], told["body"]["change_id"]) == ("olga", change_id)
    again = world.do(office.propose(LOOSER)).change.change_id
    world.do(office.approve(again, by=PETER))
    assert world.do(office.activate(again)).state == "active", "another proposal stands for itself"


def test_a_change_that_was_compared_with_another_policy_is_stale(world: World, office: Office) -> None:
    one = world.do(office.propose(TIGHTER)).change.change_id
    two = world.do(office.propose({"ttl": {"member": 7200}})).change.change_id
    world.do(office.activate(two))
    for call in (office.activate(one), office.approve(one, by=HOST), office.activate(two)):
        with pytest.raises(PolicyStaleError):
            world.do(call)
    assert world.do(office.get()).policy.ttl_of("member") == 7200
    with pytest.raises(NotFoundError):
        world.do(office.activate("nothing"))


def test_a_change_of_the_deployments_policy_makes_tenants_proposals_stale(
    world: World, office: Office
) -> None:
    waiting = world.do(office.propose(TIGHTER)).change.change_id
    office.enact({"resend_cooldown": 900}, of=DEPLOYMENT)
    with pytest.raises(PolicyStaleError):
        world.do(office.activate(waiting))


def test_two_activations_at_once_leave_one_policy(world: World, office: Office) -> None:
    changes = [world.do(office.propose({"ttl": {"member": 900 + n}})).change.change_id for n in range(4)]
    outcomes = world.race(*(office.activate(change_id) for change_id in changes))
    assert sum(isinstance(one, PolicyChange) for one in outcomes) == 1
    assert sum(isinstance(one, PolicyStaleError) for one in outcomes) == 3
    active = [row for row in world.rows(policy_changes, tenant_id="acme") if row["closed_at"] is None]
    assert len(active) == 1


def test_a_rollback_is_one_step_back_and_a_second_person_when_that_loosens(
    world: World, office: Office
) -> None:
    world.pass_time(1)
    world.do(world.put_tenant(LOOSER))
    world.pass_time(1)
    back = world.do(office.roll_back())
    assert (back.change.state, back.change.is_loosening) == ("active", False)
    assert world.do(office.get()).policy.ttl_of("member") == 7 * 86_400
    assert world.events("policy.activated")[-1]["body"]["is_rollback"]
    world.pass_time(1)
    again = world.do(office.roll_back())
    assert again.change.needs_approval
    assert world.do(office.get()).policy.ttl_of("member") == 7 * 86_400
    world.do(office.approve(again.change.change_id, by=HOST))
    world.do(office.activate(again.change.change_id))
    assert world.do(office.get()).policy.ttl_of("member") == 30 * 86_400


def test_a_rollback_leads_back_to_what_never_was_changed(world: World, office: Office) -> None:
    office.enact(TIGHTER, of=DEPLOYMENT)
    back = world.do(office.roll_back(by=HOST, of=DEPLOYMENT))
    assert back.change.needs_approval
    world.do(office.approve(back.change.change_id, by=OTHER, of=DEPLOYMENT))
    world.do(office.activate(back.change.change_id, by=HOST, of=DEPLOYMENT))
    assert world.do(office.get()).policy.ttl_of("member") == 7 * 86_400


def test_there_is_nothing_before_the_first_policy(world: World, office: Office) -> None:
    for call in (office.roll_back(), office.roll_back(by=HOST, of=DEPLOYMENT)):
        with pytest.raises(NotFoundError):
            world.do(call)


def test_changes_are_listed_and_every_text_is_kept_by_its_hash(world: World, office: Office) -> None:
    world.do(world.put_tenant(LOOSER))
    world.pass_time(1)
    world.do(office.propose(TIGHTER))
    page = world.do(Call("read", lambda uow: list_changes(uow, ADAM, "acme", PageRequest(scope="c"))))
    assert page.items[0].state == "proposed"
    assert {one.state for one in page.items[1:]} == {"active", "closed"}
    for row in world.rows(policy_documents):
        assert row["policy_hash"] == hash_document(row["document"])
    kept = {row["policy_hash"] for row in world.rows(policy_documents)}
    assert world.do(office.get()).policy_hash in kept
    assert {one.document_hash for one in page.items} <= kept


def test_a_draft_is_compared_and_nothing_is_kept(world: World, office: Office) -> None:
    before = world.everything()
    found = world.do(Call("read", lambda uow: compare_draft(uow, ADAM, "acme", LOOSER)))
    assert [(one.pointer, one.before, one.after, one.loosens) for one in found] == [
        ("/ttl/member", 7 * 86_400, 30 * 86_400, True)
    ]
    assert world.everything() == before


def test_simulate_says_what_the_draft_would_have_done(world: World, office: Office) -> None:
    one = world.do(world.issue(VERA))
    world.do(world.accept(VERA, one))
    world.do(world.issue("x@other.example", expires_in=1800))
    world.pass_time(1)
    world.do(world.issue("y@other.example"))
    assert {one.effect for one in office.simulate({})} == {"same"}
    draft = {
        "ttl": {"member": 3600},
        "allowed_domains": ["example.com"],
    }
    effects = [one.effect for one in office.simulate(draft)]
    assert sorted(effects) == ["changed", "denied", "denied", "same"]
    assert [one.effect for one in office.simulate(draft, last=1)] == ["denied"]
    held = office.simulate({"roles": {"member": {"approvals": 1}}}, by=ADAM)
    assert sorted(one.effect for one in held) == ["denied", "held", "held", "held"]
    denied = [one for one in office.simulate({"assignable": {"owner": ["admin"]}}) if one.effect == "denied"]
    assert len(denied) == 4
    assert {one.pointer for replayed in denied for one in replayed.after.deciding} == {"/assignable/owner"}
    for last in (0, 10_001):
        with pytest.raises(InvalidRequestError):
            office.simulate({}, last=last)
    with pytest.raises(NotPermittedError):
        office.simulate({}, by=MIA)


def test_a_bundles_roles_do_not_bound_the_membership(world: World, office: Office) -> None:
    ops = {
        "assignable": {"owner": ["owner", "admin", "member", "ops"]},
        "roles": {"ops": {"grant_max": 3600}},
    }
    world.do(world.put_tenant(ops))
    context = world.context
    world.do(Call("run", lambda uow: put_resource(uow, HOST, "acme", "db", name="DB", context=context)))
    grants = (ResourceGrant(resource_id="db", role="ops", expires_in=60),)
    world.do(world.issue(VERA, membership_expires_in=7200, grants=grants))
    [event] = world.events("invitation.issued")
    assert world.do(office.explain(event["event_id"])).verdict.outcome == "allowed"
    shorter = {**ops, "roles": {"member": {"grant_max": 3600}}}
    [replayed] = office.simulate(shorter)
    assert (replayed.before.outcome, replayed.after.outcome) == ("allowed", "denied")
    assert [one.pointer for one in replayed.after.deciding] == ["/roles/member/grant_max"]


def test_simulate_equals_doing_it_again(world: World, office: Office) -> None:
    asked: list[dict[str, Any]] = [
        {"role": "member"},
        {"role": "admin"},
        {"role": "member", "expires_in": 1200},
        {"role": "member", "expires_in": 5000},
        {"role": "member", "by": ADAM},
    ]
    for number, one in enumerate(asked):
        world.pass_time(1)
        world.do(world.issue(f"p{number}@example.com", **one))
    draft = {"ttl": {"member": 3600}, "assignable": {"owner": ["member", "admin"], "admin": []}}
    replayed = list(reversed(office.simulate(draft)))
    world.do(world.put_tenant(draft))
    for number, (one, told) in enumerate(zip(asked, replayed, strict=True)):
        try:
            again = world.do(world.issue(f"again{number}@example.com", **one))
        except (NotPermittedError, RoleNotAssignableError, InvalidRequestError):
            assert told.after.outcome == "denied"
        else:
            assert told.after.outcome == "allowed"
            seconds = (again.invitation.expires_at - again.invitation.created_at).total_seconds()
            assert told.after.lifetime == seconds


def test_explain_recomputes_a_decision_from_the_text_of_then(world: World, office: Office) -> None:
    issued = world.do(world.issue())
    world.do(world.accept(VERA, issued))
    world.do(world.put_tenant({"assignable": {"owner": []}, "ttl": {"member": 900}}))
    for kind in ("invitation.issued", "invitation.accepted"):
        [event] = world.events(kind)
        for told in (
            world.do(office.explain(event["event_id"])),
            world.do(office.explain(event["event_id"], by=ADAM, of="acme")),
        ):
            assert told.is_exact
            assert told.verdict.outcome == "allowed"
            assert told.policy_hash == event["body"]["policy_hash"]
            assert "/assignable/owner" in {one.pointer for one in told.verdict.deciding}
        lifetime = event["body"].get("lifetime")
        assert told.verdict.lifetime == lifetime


@pytest.mark.covers("TEN-06")
def test_explain_stays_within_its_tenant(world: World, office: Office) -> None:
    world.found(tenant="other")
    world.do(world.issue())
    [event] = world.events("invitation.issued")
    for call in (
        office.explain(event["event_id"], by=OLGA, of="other"),
        office.explain("nothing"),
        office.explain(world.events("tenant.put")[0]["event_id"]),
    ):
        with pytest.raises(NotFoundError):
            world.do(call)
    for by in (OLGA, MIA):
        with pytest.raises(NotPermittedError):
            world.do(office.explain(event["event_id"], by=by, of=None if by is OLGA else "acme"))


@pytest.mark.covers("ACC-09")
def test_reevaluate_lists_what_would_be_refused_now_and_revokes_it_on_request(
    world: World, office: Office
) -> None:
    kept = world.do(world.issue("a@example.com"))
    lost = world.do(world.issue("b@other.example"))
    assert office.reevaluate() == []
    world.do(world.put_tenant({"allowed_domains": ["example.com"]}))
    [found] = office.reevaluate(by=ADAM)
    assert found.invitation.invitation_id == lost.invitation.invitation_id
    assert [one.pointer for one in found.findings] == ["/allowed_domains"]
    assert not found.is_revoked
    with pytest.raises(NotPermittedError):
        office.reevaluate(by=ADAM, revoke=True)
    assert world.refuse(world.accept(person("b", "b@other.example"), lost)) is RejectReason.DOMAIN_NOT_ALLOWED
    [found] = office.reevaluate(revoke=True)
    assert found.is_revoked
    assert world.invitation(lost)["revoked_reason"] == "policy"
    assert world.invitation(kept)["revoked_at"] is None
    assert office.reevaluate() == []


def test_what_reevaluate_finds_is_what_accept_refuses(world: World, office: Office) -> None:
    links = {name: world.do(world.issue(f"{name}@example.com", role=name)) for name in ("member", "admin")}
    world.do(world.put_tenant({"assignable": {"owner": ["member"]}}))
    found = {one.invitation.role for one in office.reevaluate()}
    for name, link in links.items():
        call = world.accept(person(name), link)
        if name in found:
            assert world.refuse(call) is RejectReason.INVITER_NOT_ENTITLED
        else:
            world.do(call)
    assert found == {"admin"}


@pytest.mark.covers("ACC-09", "F09")
@pytest.mark.parametrize("of", ["acme", DEPLOYMENT])
def test_a_policy_that_changes_while_somebody_accepts_counts_wholly_or_not_at_all(
    world: World, office: Office, of: str
) -> None:
    for number in range(5):
        who = person(f"p{number}")
        issued = world.do(world.issue(who))
        change = world.do(office.propose({"allowed_domains": ["other.example"]}, by=HOST, of=of)).change
        # Which policy an acceptance names, and that it allows it, is among the invariants.
        accepted, activated = world.race(
            world.accept(who, issued), office.activate(change.change_id, by=HOST, of=of)
        )
        assert isinstance(activated, PolicyChange)
        is_in = who.principal_id in world.members()
        assert is_in == (not isinstance(accepted, ClaimRejectedError))
        world.do(office.explain(world.events("invitation.issued")[-1]["event_id"]))
        back = world.do(office.roll_back(by=HOST, of=of)).change
        world.do(office.approve(back.change_id, by=OTHER, of=of))
        world.do(office.activate(back.change_id, by=HOST, of=of))
        world.pass_time(1)

# SPDX-License-Identifier: Apache-2.0
"""Any story whatever, told to the service and to a simple model: they agree, and every invariant holds."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.lanes import Call, Claim, Lane, LaneKeeper
from tests.properties.model import HOUR, LIFETIME, Model, Promise
from tests.world import World, by_id, key_of, person
from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.ensure import Ensured, ensure
from vestibule.core.invitation import InvitationDraft, InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.limits import Limit, Limits
from vestibule.errors import ClaimRejectedError, VestibuleError
from vestibule.ports import ClaimKey
from vestibule.storage.schema import memberships

_PLENTY = Limit(1_000_000, 60)
_NAMES = ("olga", "adam", "mia", "vera")
_PEOPLE = {name: person(name) for name in _NAMES}
_FEW = {"sqlite-plain": 16, "postgresql-loop": 4}
_FINAL = {
    "consumed_at": "consumed",
    "declined_at": "declined",
    "revoked_at": "revoked",
    "expired_at": "expired",
}

names = st.sampled_from(_NAMES)
roles = st.sampled_from(("owner", "admin", "member"))
picks = st.integers(min_value=0, max_value=1000)


class Story(RuleBasedStateMachine):
    """Each rule is one act, carried out on both."""

    def __init__(self, lane: Lane) -> None:
        super().__init__()
        limits = Limits(
            claim_per_token=_PLENTY,
            claim_per_principal=_PLENTY,
            claim_per_ip=_PLENTY,
            claim_global=_PLENTY,
            issue_per_recipient=_PLENTY,
        )
        self.world = World(lane, limits)
        self.model = Model()
        self.links: list[list[IssuedInvitation]] = []
        self.set_policy(None, counting=False)
        self.put("olga", "owner")
        self.put("adam", "owner")

    def teardown(self) -> None:
        self.world.audit()

    # The host

    @rule(limit=st.sampled_from((None, 2, 3, 4)), counting=st.booleans())
    def set_policy(self, limit: int | None, *, counting: bool) -> None:
        policy = {"seat_limit": limit, "seats_count_pending": counting, "resend_cooldown": 0, "separation": 0}
        self._agree(self.model.set_policy(limit, counting=counting), self.world.put_tenant(policy))

    @rule(who=names, role=roles)
    def put(self, who: str, role: str) -> None:
        self._agree(self.model.put(who, role), self.world.put_member(_PEOPLE[who], role))

    @rule(who=names)
    def remove(self, who: str) -> None:
        self._agree(self.model.remove(who), self.world.remove(_PEOPLE[who]))

    @rule(who=names)
    def offboard(self, who: str) -> None:
        self._agree(self.model.offboard(who), self.world.offboard(_PEOPLE[who]))

    @rule()
    def suspend(self) -> None:
        self._agree(self.model.suspend(), self.world.suspend())

    @rule()
    def resume(self) -> None:
        self._agree(self.model.resume(), self.world.resume())

    @rule()
    def sweep(self) -> None:
        self._agree(self.model.sweep(), self.world.sweep())

    @rule()
    def pass_an_hour(self) -> None:
        self.model.now += HOUR
        self.world.pass_time(HOUR)

    # Administrators

    @rule(by=names, to=names, role=roles)
    def issue(self, by: str, to: str, role: str) -> None:
        call = self.world.issue(_PEOPLE[to], role, by=_PEOPLE[by], expires_in=LIFETIME)
        issued = self._agree(self.model.issue(by, to, role), call)
        if issued is not None:
            self.links.append([issued])

    @precondition(lambda self: self.links)
    @rule(by=names, pick=picks)
    def resend(self, by: str, pick: int) -> None:
        promise, links = self._pick(pick)
        issued = self._agree(self.model.resend(by, promise), self.world.resend(links[0], by=_PEOPLE[by]))
        if issued is not None:
            links.append(issued)

    @precondition(lambda self: self.links)
    @rule(by=names, pick=picks)
    def revoke(self, by: str, pick: int) -> None:
        promise, links = self._pick(pick)
        self._agree(self.model.revoke(by, promise), self.world.revoke(links[0], by=_PEOPLE[by]))

    @rule(by=names, to=names, role=roles)
    def ensure(self, by: str, to: str, role: str) -> None:
        known = len(self.model.promises)
        expected = self.model.ensure(by, to, role)
        done = self._agree(expected, self._ensuring(by, to, role))
        if len(self.model.promises) > known:
            self.links.append([IssuedInvitation(invitation=done.invitation, state=InvitationState.PENDING)])

    @precondition(lambda self: self.links)
    @rule(by=names, to=names, pick=picks)
    def correct(self, by: str, to: str, pick: int) -> None:
        promise, links = self._pick(pick)
        issued = self._agree(self.model.correct(by, promise, to), self._correcting(by, links[0], to))
        if issued is not None:
            self.links.append([issued])

    @rule(to=names, pick=picks)
    def issue_what_is_held(self, to: str, pick: int) -> None:
        owners = [who for who in self.model.members if self.model.role_of(who) == "owner"]
        if owners:
            self.issue(owners[pick % len(owners)], to, "owner")

    @precondition(lambda self: self._held())
    @rule(by=names, pick=picks)
    def approve(self, by: str, pick: int) -> None:
        promise, links = self._pick_held(pick)
        self._agree(self.model.approve(by, promise), self.world.approve(links[0], by=_PEOPLE[by]))

    @precondition(lambda self: self._held())
    @rule(by=names, pick=picks)
    def reject(self, by: str, pick: int) -> None:
        promise, links = self._pick_held(pick)
        self._agree(self.model.reject(by, promise), self.world.reject(links[0], by=_PEOPLE[by]))

    # Invitees

    @precondition(lambda self: self.links)
    @rule(pick=picks)
    def accept_ones_own(self, pick: int) -> None:
        promise, links = self._pick(pick)
        self._accept(promise.to, promise, links, len(links))

    @precondition(lambda self: self.links)
    @rule(who=names, pick=picks, which=picks)
    def accept_anything(self, who: str, pick: int, which: int) -> None:
        promise, links = self._pick(pick)
        self._accept(who, promise, links, which % len(links) + 1)

    @precondition(lambda self: self.links)
    @rule(who=names, pick=picks, which=picks)
    def decline(self, who: str, pick: int, which: int) -> None:
        promise, links = self._pick(pick)
        link, generation = _claim(links, which % len(links) + 1)
        self._agree(self.model.decline(who, promise, generation), self.world.decline(_PEOPLE[who], link))

    @precondition(lambda self: self.links)
    @rule(who=names, pick=picks)
    def preview(self, who: str, pick: int) -> None:
        before = self.world.everything()
        _, links = self._pick(pick)
        try:
            self.world.do(self.world.preview(_claim(links, len(links))[0], _PEOPLE[who]))
        except ClaimRejectedError:
            return
        assert self.world.everything() == before

    # What must agree after each act

    @invariant()
    def the_same_people_are_members(self) -> None:
        assert self.world.members() == self.model.members
        stripped = {row["principal_id"] for row in self.world.rows(memberships) if row["suspended_at"]}
        assert stripped == self.model.stripped

    @invariant()
    def every_promise_is_in_the_same_state(self) -> None:
        for promise, links in zip(self.model.promises, self.links, strict=True):
            row = self.world.invitation(links[0])
            is_held = row["held_at"] is not None and row["approved_at"] is None
            open_state = "held" if is_held else "pending"
            stored = next((state for name, state in _FINAL.items() if row[name] is not None), open_state)
            assert (stored, row["generation"]) == (promise.state, promise.generation)
            assert row["role"] == promise.role

    @invariant()
    def the_seats_are_the_same(self) -> None:
        expected = None if self.model.limit is None else (self.model.used(), self.model.limit)
        assert self.world.seats() == expected

    def _pick(self, pick: int) -> tuple[Promise, list[IssuedInvitation]]:
        # Late promises are the interesting ones.
        index = -1 - pick % min(len(self.links), 4)
        return self.model.promises[index], self.links[index]

    def _held(self) -> list[int]:
        return [index for index, one in enumerate(self.model.promises) if one.state == "held"]

    def _pick_held(self, pick: int) -> tuple[Promise, list[IssuedInvitation]]:
        held = self._held()
        index = held[pick % len(held)]
        return self.model.promises[index], self.links[index]

    def _accept(self, who: str, promise: Promise, links: list[IssuedInvitation], which: int) -> None:
        link, generation = _claim(links, which)
        self._agree(self.model.accept(who, promise, generation), self.world.accept(_PEOPLE[who], link))

    def _ensuring(self, by: str, to: str, role: str) -> Call[Ensured]:
        draft = InvitationDraft(
            email=_PEOPLE[to].addresses[0].address, role=role, expires_in=LIFETIME, deliver="link"
        )
        world = self.world
        return Call(
            "run",
            lambda uow: ensure(uow, _PEOPLE[by], "acme", draft, context=world.context, limits=world.limits),
        )

    def _correcting(self, by: str, issued: IssuedInvitation, to: str) -> Call[IssuedInvitation]:
        one, address, world = issued.invitation.invitation_id, _PEOPLE[to].addresses[0].address, self.world
        return Call(
            "run",
            lambda uow: correct(
                uow, _PEOPLE[by], "acme", one, address, context=world.context, limits=world.limits
            ),
        )

    def _agree(self, expected: str, call: Call[Any] | Claim[Any]) -> Any:
        try:
            result = self.world.do(call)
        except ClaimRejectedError as refusal:
            assert expected == refusal.reason
        except VestibuleError as error:
            assert expected == error.code
        else:
            assert expected == "done"
            return result
        return None


def _claim(links: list[IssuedInvitation], which: int) -> tuple[ClaimKey, int | None]:
    """By the link of that generation, or among one's own where nobody was handed one."""
    issued = links[which - 1]
    return (by_id(issued), None) if issued.token is None else (key_of(issued), which)


def _begin(lanes: LaneKeeper, lane: str) -> Story:
    return Story(lanes.open(lane))


@pytest.mark.parametrize("lane", list(_FEW))
@pytest.mark.parametrize(
    "pace", ["few", pytest.param("many", marks=[pytest.mark.slow, pytest.mark.timeout(3000)])]
)
@pytest.mark.covers(
    "LIF-01", "ACC-02", "ACC-09", "ACC-10", "TEN-01", "F04", "F09", "ISS-04", "ISS-06", "ISS-17", "ISS-19"
)
def test_every_story_ends_as_a_simple_model_says(lanes: LaneKeeper, lane: str, pace: str) -> None:
    examples = _FEW[lane] if pace == "few" else (settings.default or settings()).max_examples
    run_state_machine_as_test(
        cast("type[Story]", partial(_begin, lanes, lane)),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

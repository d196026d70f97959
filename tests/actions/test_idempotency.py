# SPDX-License-Identifier: Apache-2.0
"""A repeat with the same Idempotency-Key has no second effect, and no first one that never was."""

from __future__ import annotations

import pytest

from tests.lanes import Call
from tests.world import ADAM, VERA, XENIA, World, key_of
from vestibule.actions.invitations.accept import Accepted, accept_once
from vestibule.core.identity import IdempotencyRequest, VerifiedIdentity
from vestibule.core.invitation import InvitationState
from vestibule.core.issuing import IssuedInvitation
from vestibule.errors import (
    ClaimRejectedError,
    DomainNotAllowedError,
    IdempotencyKeyReusedError,
    NotFoundError,
    NotPermittedError,
    RejectReason,
)
from vestibule.storage.schema import idempotency_keys, invitations, outbox_messages


def _once(key: str = "key", body: str = "body") -> IdempotencyRequest:
    return IdempotencyRequest(scope_hash=key.encode().ljust(32), body_hash=body.encode().ljust(32))


def _accept_once(
    world: World, who: VerifiedIdentity, issued: IssuedInvitation, once: IdempotencyRequest
) -> Call[Accepted | None]:
    key = key_of(issued)
    return Call(
        "run",
        lambda uow: accept_once(uow, who, key, context=world.context, limits=world.limits, idempotency=once),
    )


@pytest.mark.covers("ISS-11", "B01")
def test_a_repeat_answers_as_the_first_did_and_sends_nothing_twice(world: World) -> None:
    world.found({"resend_cooldown": 0})
    first = world.do(world.issue(VERA, deliver="email", once=_once()))
    world.do(world.resend(first, deliver="email"))
    again = world.do(world.issue(VERA, deliver="email", once=_once()))
    assert again.is_replay
    assert again.invitation == first.invitation
    assert len(world.rows(invitations)) == 1
    assert len(world.rows(outbox_messages)) == 2
    assert world.do(world.issue(VERA, deliver="email", once=_once("other"))).is_replay is False


@pytest.mark.covers("ISS-11", "ISS-13", "B01")
def test_a_repeat_never_shows_the_link_again(world: World) -> None:
    world.found()
    first = world.do(world.issue(VERA, once=_once()))
    again = world.do(world.issue(VERA, once=_once()))
    assert first.token is not None
    assert again.token is None
    assert first.token.reveal() not in repr(world.rows(idempotency_keys))
    assert "vera@" not in repr(world.rows(idempotency_keys))
    world.do(world.accept(VERA, first))
    assert world.do(world.issue(VERA, once=_once())).state is InvitationState.PENDING


@pytest.mark.covers("ISS-11")
def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, once=_once()))
    with pytest.raises(IdempotencyKeyReusedError):
        world.do(world.issue(XENIA, once=_once(body="other")))
    assert len(world.rows(invitations)) == 1


@pytest.mark.covers("ISS-11", "E10")
def test_whoever_may_no_longer_issue_gets_no_repeat_either(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, by=ADAM, once=_once()))
    world.do(world.put_member(ADAM, "member"))
    with pytest.raises(NotPermittedError):
        world.do(world.issue(VERA, by=ADAM, once=_once()))
    world.do(world.remove(ADAM))
    with pytest.raises(NotFoundError):
        world.do(world.issue(VERA, by=ADAM, once=_once()))
    world.do(world.put_member(ADAM, "admin"))
    assert world.do(world.issue(VERA, by=ADAM, once=_once())).is_replay


@pytest.mark.covers("ISS-11")
def test_a_failed_first_leaves_the_key_free(world: World) -> None:
    world.found({"allowed_domains": ["acme.example"]})
    with pytest.raises(DomainNotAllowedError):
        world.do(world.issue(VERA, once=_once()))
    world.do(world.put_tenant({}))
    assert not world.do(world.issue(VERA, once=_once())).is_replay


@pytest.mark.covers("ISS-11")
def test_an_answer_is_kept_for_a_day(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, once=_once()))
    world.pass_time(hours=23)
    world.do(world.purge())
    assert world.do(world.issue(VERA, once=_once())).is_replay
    world.pass_time(hours=2)
    assert not world.do(world.issue(VERA, once=_once())).is_replay
    world.pass_time(hours=25)
    world.do(world.purge())
    assert world.rows(idempotency_keys) == []


@pytest.mark.covers("ISS-11", "ACC-02", "F01")
def test_repeating_an_accept_succeeds_for_whom_it_let_in(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    for _ in range(2):
        world.do(_accept_once(world, VERA, issued, _once()))
    assert len(world.events("invitation.accepted")) == 1
    with pytest.raises(ClaimRejectedError):
        world.do(_accept_once(world, VERA, issued, _once("another")))
    with pytest.raises(IdempotencyKeyReusedError):
        world.do(_accept_once(world, VERA, issued, _once(body="other")))


@pytest.mark.covers("ISS-11", "ACC-02", "A01", "F07")
def test_repeating_a_refused_accept_is_refused_again(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    for _ in range(2):
        with pytest.raises(ClaimRejectedError) as refusal:
            world.do(_accept_once(world, XENIA, issued, _once("xenia")))
        assert refusal.value.reason is RejectReason.WRONG_RECIPIENT
    assert len(world.events("claim.rejected")) == 2
    world.do(world.put_tenant({"seat_limit": 3}))
    with pytest.raises(ClaimRejectedError):
        world.do(_accept_once(world, VERA, issued, _once()))
    world.do(world.put_tenant({"seat_limit": 4}))
    world.do(_accept_once(world, VERA, issued, _once()))
    assert "vera" in world.members()


@pytest.mark.covers("ISS-11", "F01")
def test_of_many_repeats_at_once_one_has_the_effect_and_all_succeed(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    outcomes = world.race(*[_accept_once(world, VERA, issued, _once()) for _ in range(10)])
    # Whoever repeats gets no second receipt.
    [accepted] = [one for one in outcomes if one is not None]
    assert isinstance(accepted, Accepted), outcomes
    assert len(world.events("invitation.accepted")) == 1

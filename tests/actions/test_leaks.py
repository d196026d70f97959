# SPDX-License-Identifier: Apache-2.0
"""Reported leaks: the link dies, and by policy a fresh one goes to the same address and nobody else (DEL-09)."""

from __future__ import annotations

import pytest

from tests.lanes import Call
from tests.world import HOST, OLGA, VERA, XENIA, Link, World, key_in, key_of
from vestibule.actions.leaks.report_leak import report_leak
from vestibule.core.identity import Actor, HostKey
from vestibule.core.token import mint_claim_token
from vestibule.errors import NotPermittedError, RejectReason
from vestibule.storage.schema import invitations


def leak(world: World, link: Link, *, by: Actor = HOST) -> Call[bool]:
    hashed = key_of(link).claim_token_hash or b""
    return Call(
        "run",
        lambda uow: report_leak(uow, by, hashed, host="github.com", source="commit", context=world.context),
    )


def mailed(world: World) -> Link:
    """The link that is in Vera's hands."""
    world.do(world.issue(VERA, deliver="email"))
    [letter] = [one for one in world.deliver() if one.kind == "invitation_mail"]
    return key_in(letter)


@pytest.mark.covers("DEL-09", "B13", "LIF-02")
def test_a_leaked_link_dies_and_a_fresh_one_goes_to_the_same_address(world: World) -> None:
    world.found()
    link = mailed(world)
    world.pass_time(3600)
    [before] = world.rows(invitations)
    assert world.do(leak(world, link)) is True
    assert world.refuse(world.accept(VERA, link)) is RejectReason.UNKNOWN
    [event] = world.events("token.leak_reported")
    assert event["body"] == {"generation": 1, "host": "github.com", "source": "commit", "outcome": "reissued"}
    sent = world.deliver()
    [fresh] = [one for one in sent if one.kind == "invitation_mail"]
    assert fresh.recipient.address_key == "vera@example.com"
    told = [one for one in sent if one.kind == "leak_notice"]
    assert {one.recipient.address_key for one in told} == {"olga@example.com", "adam@example.com"}
    assert {one.values["outcome"] for one in told} == {"reissued"}
    [after] = world.rows(invitations)
    assert after["generation"] == 2
    assert after["expires_at"] <= before["expires_at"]
    assert world.refuse(world.accept(XENIA, key_in(fresh))) is RejectReason.WRONG_RECIPIENT
    world.do(world.accept(VERA, key_in(fresh)))


@pytest.mark.covers("DEL-09")
def test_where_policy_says_not_the_invitation_is_revoked(world: World) -> None:
    world.found({"reissue_leaked": False})
    link = mailed(world)
    assert world.do(leak(world, link)) is True
    assert world.refuse(world.accept(VERA, link)) is RejectReason.REVOKED
    assert [event["body"]["reason"] for event in world.events("invitation.revoked")] == ["leaked"]
    assert {one.kind for one in world.deliver()} == {"leak_notice"}


@pytest.mark.covers("DEL-09", "ISS-13")
def test_a_link_that_was_handed_over_is_cut_and_nothing_is_mailed_to_its_address(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    assert world.do(leak(world, issued)) is True
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.UNKNOWN
    sent = world.deliver()
    assert {(one.kind, one.values["outcome"]) for one in sent} == {("leak_notice", "cut")}
    world.pass_time(600)
    world.do(world.accept(VERA, world.do(world.resend(issued))))


@pytest.mark.covers("DEL-09")
@pytest.mark.parametrize("state", ["accepted", "declined", "revoked", "expired", "unknown", "resent"])
def test_what_is_final_or_unknown_is_left_as_it_is(world: World, state: str) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    if state == "accepted":
        world.do(world.accept(VERA, issued))
    elif state == "declined":
        world.do(world.decline(VERA, issued))
    elif state == "revoked":
        world.do(world.revoke(issued))
    elif state == "expired":
        world.pass_time(30 * 86_400)
    elif state == "resent":
        world.do(world.resend(issued))
    else:
        world.do(world.revoke(issued))
        issued = type(issued)(invitation=issued.invitation, state=issued.state, token=mint_claim_token())
    before = world.rows(invitations)
    known = world.do(leak(world, issued))
    assert known is (state not in {"unknown", "resent"})
    assert world.rows(invitations) == before
    assert world.events("token.leak_reported") == []
    assert [one.kind for one in world.deliver() if one.kind == "leak_notice"] == []


@pytest.mark.covers("DEL-09", "ISS-20")
def test_leaking_ones_own_link_again_and_again_buys_no_time(world: World) -> None:
    world.found()
    link = mailed(world)
    [first] = world.rows(invitations)
    for _ in range(3):
        world.pass_time(60)
        world.do(leak(world, link))
        [letter] = [one for one in world.deliver() if one.kind == "invitation_mail"]
        link = key_in(letter)
    [last] = world.rows(invitations)
    assert last["generation"] == 4
    elapsed = (first["expires_at"] - last["expires_at"]).total_seconds()
    assert 0 <= elapsed <= 200


@pytest.mark.covers("DEL-09", "K03")
def test_nobody_but_the_operator_and_a_proved_reporter_may_report(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA))
    for nobody in (
        OLGA,
        HostKey(key_id="bound", tenant_id="acme"),
        HostKey(key_id="poor", scopes=frozenset({"members"})),
    ):
        with pytest.raises(NotPermittedError):
            world.do(leak(world, issued, by=nobody))
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("DEL-09")
def test_accepting_and_reporting_at_once_end_in_one_of_the_two(world: World, rounds: int) -> None:
    world.found()
    for turn in range(min(rounds, 10)):
        issued = world.do(world.issue(VERA if turn == 0 else f"guest{turn}@example.com"))
        if turn:
            world.race(leak(world, issued), leak(world, issued))
            continue
        world.race(world.accept(VERA, issued), leak(world, issued))
        accepted, cut = len(world.events("invitation.accepted")), len(world.events("token.leak_reported"))
        assert accepted + cut == 1
    assert len(world.events("token.leak_reported")) >= min(rounds, 10) - 1

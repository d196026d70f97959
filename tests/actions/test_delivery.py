# SPDX-License-Identifier: Apache-2.0
"""From the promise to the letter: the token begins to exist when it is sent (ruling 2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lanes import Call
from tests.world import ADAM, MIA, OLGA, PUBLIC_URL, VERA, XENIA, World, by_id, key_in, person
from vestibule.actions.delivery.claim_messages import measure_lag
from vestibule.core.message import CodeMail
from vestibule.errors import RejectReason
from vestibule.ports import ClaimedMessage, UnitOfWork
from vestibule.storage.schema import invitations, outbox_messages

_MINUTE = timedelta(minutes=1)


def _claim(world: World, worker: str = "worker") -> ClaimedMessage:
    [claimed] = world.do(world.claim_messages(worker, lease=_MINUTE))
    return claimed


@pytest.mark.covers("DEL-02", "B09", "TOK-01", "ISS-13")
def test_the_token_is_minted_when_the_letter_is_prepared_and_stored_nowhere(every_world: World) -> None:
    world = every_world
    world.found()
    issued = world.do(world.issue(VERA, deliver="email", message="Come in"))
    claimed = _claim(world)
    assert world.invitation(issued)["claim_token_hash"] is None
    letter = world.do(world.prepare(claimed))
    assert letter is not None
    assert (letter.recipient.address_key, letter.values["message"]) == ("vera@example.com", "Come in")
    assert letter.link is not None
    assert letter.link.startswith(f"{PUBLIC_URL}/i/vst_")
    assert letter.link.rpartition("/")[2] not in repr(world.everything())
    assert world.invitation(issued)["claim_token_hash"] == key_in(letter).claim_token_hash
    world.do(world.settle(claimed))
    row = world.invitation(issued)
    assert row["send_count"] == 1
    assert row["last_sent_at"] is not None
    world.do(world.accept(VERA, key_in(letter)))


@pytest.mark.covers("DEL-02", "B13", "F08")
def test_a_retry_mints_anew_and_the_old_link_dies(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, deliver="email"))
    claimed = _claim(world)
    first = world.do(world.prepare(claimed))
    world.do(world.settle(claimed, "deferred", retry_in=_MINUTE))
    assert world.do(world.claim_messages()) == []
    world.pass_time(61)
    again = _claim(world)
    assert again.attempt == 2
    second = world.do(world.prepare(again))
    world.do(world.settle(again))
    assert world.refuse(world.accept(VERA, key_in(first))) is RejectReason.UNKNOWN
    world.do(world.accept(VERA, key_in(second)))
    assert [event["body"]["is_final"] for event in world.events("invitation.send_failed")] == [False]
    assert [event["body"]["attempt"] for event in world.events("invitation.sent")] == [2]


@pytest.mark.parametrize("end", ["revoke", "supersede", "accept", "resend", "expire", "suspend", "remove"])
@pytest.mark.covers("DEL-02", "LIF-02", "E08", "K12")
def test_what_ended_between_claiming_and_sending_is_not_sent(world: World, end: str) -> None:
    world.found({"resend_cooldown": 0})
    issued = world.do(world.issue(VERA, deliver="email", expires_in=900, by=ADAM))
    claimed = _claim(world)
    ends: dict[str, Call[Any]] = {
        "revoke": world.revoke(issued),
        "supersede": world.issue(VERA),
        "resend": world.resend(issued),
        "suspend": world.suspend(),
        "remove": world.remove(ADAM),
    }
    if end == "accept":
        world.do(world.accept(VERA, by_id(issued)))
    elif end == "expire":
        world.pass_time(901)
        [claimed] = world.do(world.claim_messages())
    else:
        world.do(ends[end])
    before = world.invitation(issued)["claim_token_hash"]
    assert world.do(world.prepare(claimed)) is None
    assert world.invitation(issued)["claim_token_hash"] == before
    world.do(world.settle(claimed, "dropped"))
    assert world.events("invitation.sent") == []


@pytest.mark.covers("DEL-02", "LIF-02")
def test_revoked_after_minting_is_dead_on_arrival(world: World) -> None:
    world.found()
    issued = world.do(world.issue(VERA, deliver="email"))
    letter = world.do(world.prepare(_claim(world)))
    world.do(world.revoke(issued))
    assert world.refuse(world.accept(VERA, key_in(letter))) is RejectReason.REVOKED


@pytest.mark.covers("DEL-02", "F08")
def test_a_lease_keeps_others_away_and_a_crash_costs_one_attempt(every_world: World) -> None:
    world = every_world
    world.found()
    world.do(world.issue(VERA, deliver="email"))
    crashed = _claim(world, "first")
    assert world.do(world.claim_messages("second")) == []
    world.pass_time(61)
    taken = _claim(world, "second")
    assert (taken.message_id, taken.attempt) == (crashed.message_id, 2)


@pytest.mark.covers("DEL-02", "F08", "B13")
def test_a_worker_that_overslept_its_lease_cannot_kill_a_link_already_sent(every_world: World) -> None:
    world = every_world
    world.found()
    world.do(world.issue(VERA, deliver="email"))
    asleep = _claim(world, "first")
    world.pass_time(61)
    awake = _claim(world, "second")
    letter = world.do(world.prepare(awake))
    world.do(world.settle(awake))
    assert world.do(world.prepare(asleep)) is None
    world.do(world.settle(asleep, "deferred", retry_in=_MINUTE))
    [row] = world.rows(outbox_messages)
    assert row["outcome"] == "sent"
    world.do(world.accept(VERA, key_in(letter)))


@pytest.mark.covers("DEL-02", "ACC-17", "K12")
def test_notices_go_to_whom_they_still_concern(world: World) -> None:
    world.found()
    world.do(world.accept(VERA, world.do(world.issue(VERA, by=ADAM))))
    world.do(world.decline(XENIA, world.do(world.issue(XENIA, by=OLGA))))
    world.do(world.remove(ADAM))
    assert [(letter.kind, letter.recipient.address_key) for letter in world.deliver()] == [
        ("declined_notice", "olga@example.com")
    ]


@pytest.mark.covers("ACC-17", "D08")
def test_the_notice_says_when_the_member_kept_its_role(world: World) -> None:
    world.found()
    other = person("mia", "m2@example.com")
    world.do(world.accept(other, world.do(world.issue("m2@example.com", "admin"))))
    world.do(world.accept(VERA, world.do(world.issue(VERA))))
    kept = {letter.values["member_name"]: letter.values["kept_role"] for letter in world.deliver()}
    assert kept == {MIA.name: "yes", VERA.name: ""}


@pytest.mark.covers("DEL-02")
def test_giving_up_is_final_and_recorded(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, deliver="email"))
    world.do(world.settle(_claim(world), "gave_up"))
    world.pass_time(days=1)
    assert world.do(world.claim_messages()) == []
    assert [event["body"]["is_final"] for event in world.events("invitation.send_failed")] == [True]


@pytest.mark.covers("DEL-02", "OBS-01")
def test_the_lag_is_what_is_due_and_how_long_it_has_been(world: World) -> None:
    world.found()
    assert world.do(Call("read", measure_lag)) == (0, 0.0)
    for who in (VERA, XENIA):
        world.do(world.issue(who, deliver="email"))
    world.pass_time(30)
    count, seconds = world.do(Call("read", measure_lag))
    assert count == 2
    assert 29 <= seconds < 60


@pytest.mark.covers("DEL-02")
def test_messages_are_claimed_in_the_order_they_came_due(world: World) -> None:
    world.found()
    links = []
    for number in range(5):
        links.append(world.do(world.issue(f"p{number}@example.com", deliver="email")))
        world.pass_time(1)
    first = world.do(world.claim_messages(limit=2))
    rest = world.do(world.claim_messages())
    claimed = [getattr(one.message, "invitation_id", None) for one in [*first, *rest]]
    assert claimed == [issued.invitation.invitation_id for issued in links]


def test_a_message_about_nothing_is_dropped(world: World) -> None:
    world.found()

    def promise(uow: UnitOfWork) -> None:
        uow.outbox.put(CodeMail(challenge_id="gone"))
        uow.commit()

    world.do(Call("run", promise))
    assert world.do(world.prepare(_claim(world))) is None
    assert world.rows(invitations) == []


@pytest.mark.covers("LIF-04", "B11")
def test_a_sweeper_that_was_dead_for_a_month_changes_no_decision(every_world: World) -> None:
    world = every_world
    world.found({"seat_limit": 20, "seats_count_pending": True})
    links = [world.do(world.issue(f"p{number}@example.com")) for number in range(5)]
    world.pass_time(days=30)
    assert world.refuse(world.accept(person("p0"), links[0])) is RejectReason.EXPIRED
    swept = world.race(world.sweep(), world.sweep())
    assert sum(swept) == 5
    assert world.do(world.sweep()) == 0
    assert len(world.events("invitation.expired")) == 5
    assert world.seats() == (3, 20)
    assert world.refuse(world.accept(person("p0"), links[0])) is RejectReason.EXPIRED

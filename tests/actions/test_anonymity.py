# SPDX-License-Identifier: Apache-2.0
"""Anonymous events: one code for each invited person, redeemed once, by nobody in particular."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.anonymity import Guest, Happening, make_guest
from tests.lanes import Call
from tests.rings import make_store
from tests.world import HOST, MIA, OLGA, VERA, XENIA, World, person
from vestibule.actions.anonymity.create_event import check_create, check_provider
from vestibule.actions.anonymity.review_events import describe_event
from vestibule.actions.keys.turn_keys import compromise_key
from vestibule.core.anonymity import AnonymousEventDraft, is_code
from vestibule.core.invitation import ResourceGrant
from vestibule.errors import (
    ClaimRejectedError,
    EventOverError,
    InvalidRequestError,
    KeyMissingError,
    KeyStateError,
    NotFoundError,
    NotPermittedError,
    TenantSuspendedError,
    VestibuleError,
)
from vestibule.keys.file import FileProvider
from vestibule.storage.schema import anonymous_events, anonymous_issuances, anonymous_redemptions, metadata

ADA, BEN = person("ada"), person("ben")


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> FileProvider:
    return make_store(tmp_path_factory.mktemp("keys") / "ring")


@pytest.fixture
def vote(world: World, ring: FileProvider) -> Happening:
    """A vote of two, to which Vera is invited, and Mia, who was a member before."""
    world.found()
    made = Happening(world, ring)
    made.invite(VERA)
    made.invite(MIA, None)
    return made


def refused(kind: type[VestibuleError], world: World, call: Call[Any]) -> str:
    with pytest.raises(kind) as told:
        world.do(call)
    return str(told.value)


def checking(draft: AnonymousEventDraft) -> Call[None]:
    return Call("read", lambda uow: check_create(uow, OLGA, "acme", draft))


@pytest.mark.covers("TOK-07")
def test_whoever_is_invited_gets_one_code_and_it_counts_once(world: World, vote: Happening) -> None:
    first, second = vote.guest(), vote.guest()
    code = vote.sign(VERA, first)
    assert is_code(vote.event.event_id, vote.public_key, first.message, code)
    assert vote.numbers() == (1, 0, "collecting")
    assert "too few" in refused(NotPermittedError, world, vote.redeem(first, code))
    other = vote.sign(MIA, second)
    assert vote.numbers() == (2, 0, "open")
    world.do(vote.redeem(first, code))
    refused(ClaimRejectedError, world, vote.redeem(first, code))
    world.do(vote.redeem(second, other))
    assert vote.numbers() == (2, 2, "open")


@pytest.mark.covers("TOK-07")
def test_a_lost_answer_is_asked_for_again_with_the_same_message_and_no_other(
    world: World, vote: Happening
) -> None:
    guest = vote.guest()
    assert vote.sign(VERA, guest) == vote.sign(VERA, guest)
    told = refused(NotPermittedError, world, vote.take(VERA, vote.guest().blinded))
    assert "one for each person" in told
    assert vote.numbers()[0] == 1
    assert len(world.events("anonymous_code.issued")) == 1


@pytest.mark.covers("TOK-07", "D06")
def test_only_who_is_invited_is_given_a_signature(world: World, vote: Happening) -> None:
    blinded = vote.guest().blinded
    refused(NotFoundError, world, vote.take(XENIA, blinded))
    refused(NotPermittedError, world, vote.take(OLGA, blinded))
    refused(NotPermittedError, world, vote.take(HOST, blinded))
    refused(NotFoundError, world, vote.take(VERA, blinded, tenant="other"))
    for wrong in (b"", blinded[1:], blinded + b"\0", b"\xff" * len(blinded)):
        refused(InvalidRequestError, world, vote.take(VERA, wrong))
    assert vote.numbers()[0] == 0
    world.do(vote.take(VERA, blinded))
    world.do(world.remove(MIA, by=OLGA))
    refused(NotFoundError, world, vote.take(MIA, blinded))
    # Invited anew, one has had it still.
    world.do(world.remove(VERA, by=OLGA))
    vote.invite(VERA)
    refused(NotPermittedError, world, vote.take(VERA, vote.guest().blinded))


@pytest.mark.covers("TOK-07")
def test_what_is_no_code_and_what_is_spent_are_refused_alike(world: World, vote: Happening) -> None:
    guest, other = vote.guest(), vote.guest()
    code, live = vote.sign(VERA, guest), vote.sign(MIA, other)
    world.do(vote.redeem(guest, code))
    elsewhere = make_guest("another-event", vote.public_key)
    forged = [
        (guest, code),
        (guest, live),
        (guest, code[:-1] + bytes([code[-1] ^ 1])),
        (guest, b""),
        (vote.guest(), code),
        (elsewhere, code),
    ]
    told = {refused(ClaimRejectedError, world, vote.redeem(*one)) for one in forged}
    assert len(told) == 1
    world.do(vote.redeem(other, live))


@pytest.mark.covers("TOK-07")
def test_redeeming_begins_with_the_crowd_or_at_the_time_and_ends_with_the_event(
    world: World, ring: FileProvider
) -> None:
    world.found()
    now = world.lane.now()
    lone = Happening(world, ring, opens_at=now + timedelta(hours=1), closes_at=now + timedelta(hours=2))
    lone.invite(VERA)
    guest = lone.guest()
    code = lone.sign(VERA, guest)
    refused(NotPermittedError, world, lone.redeem(guest, code))
    world.pass_time(hours=1)
    world.do(lone.redeem(guest, code))
    lone.invite(MIA, None)
    late = lone.guest()
    code = lone.sign(MIA, late)
    world.pass_time(hours=1)
    refused(EventOverError, world, lone.redeem(late, code))
    refused(EventOverError, world, lone.take(MIA, late.blinded))


@pytest.mark.covers("TOK-07", "AUD-01")
def test_the_key_stands_in_the_trail_before_anything_is_signed_and_its_end_with_the_numbers(
    world: World, vote: Happening
) -> None:
    [created] = world.events("anonymous_event.created")
    assert created["body"]["public_key_hash"] == hashlib.sha256(vote.public_key).hexdigest()
    assert world.events("anonymous_code.issued") == []
    guest, other = vote.guest(), vote.guest()
    code = vote.sign(VERA, guest)
    left = vote.sign(MIA, other)
    world.do(vote.redeem(guest, code))
    refused(NotPermittedError, world, vote.close(MIA))
    world.do(vote.close())
    refused(EventOverError, world, vote.close())
    refused(EventOverError, world, vote.redeem(other, left))
    [closed] = world.events("anonymous_event.closed")
    assert (closed["body"]["issued_count"], closed["body"]["redeemed_count"]) == (2, 1)


@pytest.mark.covers("TOK-07", "C01")
def test_a_key_that_was_given_up_signs_nothing_and_its_codes_count_no_more(
    world: World, vote: Happening, ring: FileProvider
) -> None:
    guest, other = vote.guest(), vote.guest()
    code = vote.sign(VERA, guest)
    vote.sign(MIA, other)
    given_up = Call(
        "run",
        lambda uow: compromise_key(
            uow, HOST, vote.event.key_id, "lost", provider=ring, context=world.context
        ),
    )
    assert world.do(given_up) is None, "two keys of one event would tell people apart"
    refused(KeyStateError, world, vote.take(MIA, other.blinded))
    refused(ClaimRejectedError, world, vote.redeem(guest, code))
    shown = world.do(Call("read", lambda uow: describe_event(uow, vote.event.event_id)))
    assert shown.is_compromised


@pytest.mark.covers("TOK-07")
def test_whoever_has_the_key_redeems_no_more_codes_than_were_issued(
    world: World, vote: Happening, ring: FileProvider
) -> None:
    guests = [vote.guest() for _ in range(3)]
    signatures = [vote.sign(VERA, guests[0]), vote.sign(MIA, guests[1])]
    key = world.lane.do(vote.take(VERA, guests[0].blinded))
    signatures.append(guests[2].unblind(ring.blind_sign(key, guests[2].blinded)))
    world.do(vote.redeem(guests[2], signatures[2]))
    world.do(vote.redeem(guests[0], signatures[0]))
    refused(ClaimRejectedError, world, vote.redeem(guests[1], signatures[1]))
    with pytest.raises(sa.exc.IntegrityError), world.lane.engine.begin() as connection:
        connection.execute(sa.update(anonymous_events).values(redeemed_count=3))


@pytest.mark.covers("TOK-07", "F01")
@pytest.mark.parametrize("crowds", [4, pytest.param(20, marks=pytest.mark.slow)], ids=["few", "thousand"])
def test_of_all_who_redeem_one_code_fifty_at_a_time_one_does(
    world: World, vote: Happening, crowds: int
) -> None:
    guest, other = vote.guest(), vote.guest()
    code, left = vote.sign(VERA, guest), vote.sign(MIA, other)
    crowd = [vote.redeem(guest, code) for _ in range(50)]
    outcomes = [outcome for _ in range(crowds) for outcome in world.lane.race(crowd)]
    assert outcomes.count(None) == 1
    assert {type(one) for one in outcomes} == {type(None), ClaimRejectedError}
    assert vote.numbers() == (2, 1, "open")
    world.do(vote.redeem(other, left))


@pytest.mark.covers("TOK-07", "F01")
def test_of_many_messages_of_one_person_at_once_one_is_signed(world: World, vote: Happening) -> None:
    outcomes = world.race(*(vote.take(VERA, vote.guest().blinded) for _ in range(20)))
    assert sorted(type(one).__name__ for one in outcomes) == ["KeyRecord", *["NotPermittedError"] * 19]
    assert vote.numbers()[0] == 1


@pytest.mark.covers("TOK-07")
def test_a_suspended_tenants_event_rests(world: World, vote: Happening) -> None:
    guest, other = vote.guest(), vote.guest()
    code = vote.sign(VERA, guest)
    vote.sign(MIA, other)
    world.do(world.suspend())
    refused(TenantSuspendedError, world, vote.redeem(guest, code))
    refused(TenantSuspendedError, world, vote.take(MIA, other.blinded))
    world.do(world.resume())
    world.do(vote.redeem(guest, code))


@pytest.mark.covers("TOK-07", "OBS-05")
def test_without_a_key_ring_there_is_no_anonymous_event_and_the_error_says_what_to_set(world: World) -> None:
    with pytest.raises(KeyMissingError, match="VESTIBULE_KEYRING"):
        check_provider(None)
    world.found()
    now = world.lane.now()
    for wrong in (
        {"closes_at": now},
        {"closes_at": now + timedelta(days=999)},
        {"closes_at": now + timedelta(days=1), "opens_at": now + timedelta(days=2)},
        {"closes_at": now + timedelta(days=1), "min_set_size": 1},
        {"closes_at": now + timedelta(days=1), "name": ""},
    ):
        draft = AnonymousEventDraft(**{"name": "Vote", **wrong})  # type: ignore[arg-type]
        refused(InvalidRequestError, world, checking(draft))
    fine = AnonymousEventDraft(name="Vote", closes_at=now + timedelta(days=1))
    world.do(checking(fine))


@pytest.mark.covers("TOK-07", "DEL-01")
def test_the_mail_carries_the_thumbprint_of_the_events_key_and_others_none(
    world: World, vote: Happening
) -> None:
    grants = (ResourceGrant(resource_id=vote.event.resource_id, role="member"),)
    world.do(world.issue(ADA, grants=grants, deliver="email"))
    world.do(world.issue(BEN, deliver="email"))
    letters = {one.recipient.address_key: one for one in world.deliver() if one.kind == "invitation_mail"}
    expected = hashlib.sha256(vote.public_key).hexdigest()
    assert letters["ada@example.com"].values["thumbprints"] == expected
    assert letters["ben@example.com"].values["thumbprints"] == ""


def dump(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with world.lane.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))]
            for table in metadata.sorted_tables
        }


@pytest.mark.covers("TOK-07")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_for_every_pair_of_issuance_and_redemption_there_is_a_blinding_factor_that_explains_it(
    world: World, ring: FileProvider, count: int
) -> None:
    """The adversary has every blinded message and blind signature, every redeemed code, the database and
    the private key's owner's knowledge. Whichever pair it tries, a factor exists: so none is excluded, and
    none is likelier than another.
    """
    world.found({"max_pending": 1000})
    vote = Happening(world, ring, min_set_size=count)
    people = [person(f"guest{number}") for number in range(count)]
    for who in people:
        vote.invite(who)
    transcript, codes = [], []
    for who in people:
        guest = vote.guest()
        key = world.lane.do(vote.take(who, guest.blinded))
        signed = ring.blind_sign(key, guest.blinded)
        transcript.append((guest.blinded, signed))
        codes.append((guest, guest.unblind(signed)))
    before = dump(world)
    for guest, signature in reversed(codes):
        world.lane.do(vote.redeem(guest, signature))
    after = dump(world)
    assert vote.numbers() == (count, count, "open")
    if world.lane.is_sqlite:
        # The numbers know no engine.
        _check_every_pair(transcript, codes)
    _check_nothing_kept(before, after, transcript, codes)


def _check_every_pair(transcript: list[tuple[bytes, bytes]], codes: list[tuple[Guest, bytes]]) -> None:
    key = codes[0][0].key
    n, e = key.n, key.e
    numbers = [int.from_bytes(signature, "big") for _, signature in codes]
    redeemed = [(pow(number, -1, n), pow(number, e, n)) for number in numbers]
    for blinded, signed in transcript:
        m, s = int.from_bytes(blinded, "big"), int.from_bytes(signed, "big")
        for inverse, encoded in redeemed:
            # The signer was shown encoded * r^e, and gave signature * r.
            factor = s * inverse % n
            assert encoded * pow(factor, e, n) % n == m


def _check_nothing_kept(
    before: dict[str, list[tuple[object, ...]]],
    after: dict[str, list[tuple[object, ...]]],
    transcript: list[tuple[bytes, bytes]],
    codes: list[tuple[Guest, bytes]],
) -> None:
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {anonymous_redemptions.name, anonymous_events.name}
    hashes = {hashlib.sha256(guest.message).digest() for guest, _ in codes}
    assert {row[1] for row in after[anonymous_redemptions.name]} == hashes
    issued = {row[2] for row in after[anonymous_issuances.name]}
    assert issued == {hashlib.sha256(blinded).digest() for blinded, _ in transcript}
    assert not issued & hashes
    whole = repr(after)
    for blinded, signed in transcript:
        assert repr(blinded)[2:40] not in whole
        assert repr(signed)[2:40] not in whole
    for guest, signature in codes:
        assert repr(guest.message)[2:40] not in whole
        assert repr(signature)[2:40] not in whole

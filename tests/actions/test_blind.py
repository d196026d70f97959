# SPDX-License-Identifier: Apache-2.0
"""A tenant that keeps no addresses: used to send, then nowhere, not even sealed; all else still works."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.lanes import Call, LaneKeeper
from tests.sealing import make_sealer
from tests.world import ADAM, HOST, OLGA, VERA, World, person
from vestibule.actions.abuse.refuse_mail import refuse_mail
from vestibule.actions.invitations.correct import correct
from vestibule.actions.invitations.resend import resend
from vestibule.actions.leaks.report_leak import report_leak
from vestibule.actions.privacy.erase_person import erase_person, export_person
from vestibule.core.email import UNKEPT_HINT, EmailAddress
from vestibule.core.identity import HostKey
from vestibule.core.issuing import IssuedInvitation
from vestibule.core.privacy import EVERYWHERE
from vestibule.errors import (
    AlreadyMemberError,
    InvalidRequestError,
    NotPermittedError,
    RejectReason,
)
from vestibule.ports import ClaimKey
from vestibule.storage.invitations.rows import due_place
from vestibule.storage.schema import directory_users, invitations, memberships, metadata, subjects
from vestibule.storage.vault import read_subject

_BLIND = {"address_storage": "blind", "resend_cooldown": 0}
_V = VERA.addresses[0].address
_OTHER = EmailAddress.parse_input("other@example.com")


@pytest.fixture(params=["sqlite-plain+sealed", "postgresql-plain+sealed", "postgresql-loop+sealed"])
def blind(request: pytest.FixtureRequest, lanes: LaneKeeper) -> World:
    world = World(lanes.open(request.param))
    world.found(_BLIND)
    return world


def dump(world: World) -> str:
    with world.lane.engine.connect() as connection:
        return "\n".join(
            repr([bytes(one) if isinstance(one, memoryview) else one for one in row])
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        )


def opened(world: World, scope: str = "acme") -> Iterator[str]:
    """Every address that the keys still open in a scope, from wherever it stands."""
    sealer = make_sealer()
    with world.lane.engine.connect() as connection:
        kept = [row for row in connection.execute(sa.select(subjects)) if row.scope == scope]
        yield from (sealer.open_address(read_subject(row)) for row in kept if row.sealed)
        for one in connection.execute(sa.select(invitations).where(invitations.c.due_address.is_not(None))):
            behind = next(row for row in kept if row.subject == one.invited_email)
            place = due_place(one.invitation_id)
            yield sealer.open_text(read_subject(behind), place, bytes(one.due_address))


def is_kept(world: World, address: str = "vera@example.com") -> bool:
    """Does it stand there sealed? In plain it never does."""
    assert address not in dump(world)
    return any(address in one for one in opened(world))


def again(world: World, issued: IssuedInvitation, email: EmailAddress | None, deliver: Any = "email") -> Any:
    one = issued.invitation.invitation_id
    return world.do(
        Call(
            "run",
            lambda uow: resend(
                uow, OLGA, "acme", one, deliver=deliver, email=email,
                context=world.context, limits=world.limits,
            ),
        )
    )  # fmt: skip


def listed(world: World, **wanted: Any) -> list[str | None]:
    return [one.invitation.invited_email.shown for one in world.do(world.list_all(**wanted)).items]


def by_id(issued: IssuedInvitation) -> ClaimKey:
    return ClaimKey(invitation_id=issued.invitation.invitation_id)


@pytest.mark.covers("TOK-08", "K06", "ISS-01", "ACC-02")
def test_the_address_stands_sealed_until_its_mail_has_left_and_then_nowhere(blind: World) -> None:
    issued = blind.do(blind.issue(VERA, deliver="email", message="Dear Vera"))
    assert issued.invitation.invited_email == _V
    assert is_kept(blind)
    (letter,) = blind.deliver()
    assert letter.recipient.address_key == "vera@example.com"
    assert not is_kept(blind)
    assert listed(blind) == [None]
    assert listed(blind, email=_V) == [None]
    assert listed(blind, email=_OTHER) == []
    (one,) = blind.do(blind.list_all()).items
    assert one.invitation.message == "Dear Vera"
    own = blind.do(blind.list_own(VERA)).items
    assert [found.invitation.invitation_id for found in own] == [issued.invitation.invitation_id]
    assert blind.refuse(blind.accept(person("mallory"), by_id(issued))) is RejectReason.WRONG_RECIPIENT
    blind.do(blind.accept(VERA, by_id(issued)))
    assert blind.members()["vera"] == "member"
    assert not is_kept(blind)
    blind.deliver()
    assert not is_kept(blind)
    with pytest.raises(AlreadyMemberError):
        blind.do(blind.issue(VERA))
    # What a person's own sign-in showed is remembered for the whole deployment, sealed.
    assert "vera@example.com" in list(opened(blind, EVERYWHERE))


@pytest.mark.covers("TOK-08", "ISS-12")
def test_a_resend_needs_the_same_address_typed_again(blind: World) -> None:
    issued = blind.do(blind.issue(VERA, deliver="email"))
    blind.deliver()
    for wrong in (None, _OTHER):
        with pytest.raises(InvalidRequestError) as caught:
            again(blind, issued, wrong)
        assert caught.value.faults[0].pointer == "/email"
        assert not is_kept(blind)
        assert not is_kept(blind, _OTHER.key)
    again(blind, issued, _V)
    assert is_kept(blind)
    (letter,) = blind.deliver()
    assert letter.recipient.address_key == "vera@example.com"
    assert not is_kept(blind)
    handed = again(blind, issued, _V, "link")
    assert not is_kept(blind)
    blind.do(blind.accept(VERA, handed))


@pytest.mark.covers("TOK-08", "ISS-19")
def test_a_correction_is_matched_by_index(blind: World) -> None:
    issued = blind.do(blind.issue(VERA, deliver="email"))

    def to(email: EmailAddress) -> Any:
        one = issued.invitation.invitation_id
        return blind.do(
            Call(
                "run",
                lambda uow: correct(
                    uow, OLGA, "acme", one, email, context=blind.context, limits=blind.limits
                ),
            )
        )

    with pytest.raises(InvalidRequestError):
        to(_V)
    corrected = to(_OTHER)
    assert not is_kept(blind)
    assert is_kept(blind, _OTHER.key)
    blind.deliver()
    assert not is_kept(blind, _OTHER.key)
    blind.do(blind.accept(person("other"), by_id(corrected)))


@pytest.mark.covers("TOK-08", "DEL-03")
def test_a_link_that_is_handed_over_needs_no_address_at_all(blind: World) -> None:
    issued = blind.do(blind.issue(VERA))
    assert not is_kept(blind)
    assert blind.do(blind.preview(issued)).invited_email.masked == UNKEPT_HINT
    assert blind.do(blind.preview(issued, person("mallory"))).invited_email.masked == UNKEPT_HINT
    assert blind.do(blind.preview(issued, VERA)).invited_email == _V
    assert blind.refuse(blind.accept(person("mallory"), issued)) is RejectReason.WRONG_RECIPIENT
    blind.do(blind.decline(VERA, issued))
    (letter,) = blind.deliver()
    assert letter.values["invited_hint"] == UNKEPT_HINT


@pytest.mark.covers("TOK-08", "DEL-02")
@pytest.mark.parametrize("outcome", ["gave_up", "suppressed", "dropped"])
def test_it_stays_for_another_try_and_goes_with_the_last(blind: World, outcome: str) -> None:
    blind.do(blind.issue(VERA, deliver="email"))
    (claimed,) = blind.do(blind.claim_messages())
    blind.do(blind.settle(claimed, "deferred", retry_in=timedelta(0)))
    assert is_kept(blind)
    (claimed,) = blind.do(blind.claim_messages())
    blind.do(blind.settle(claimed, outcome))
    assert not is_kept(blind)


@pytest.mark.covers("TOK-08", "LIF-02", "LIF-01", "ISS-06")
@pytest.mark.parametrize("end", ["revoke", "expire", "supersede", "offboard", "accept", "decline"])
def test_whatever_ends_an_invitation_before_its_mail_ends_the_address(blind: World, end: str) -> None:
    issued = blind.do(blind.issue(VERA, deliver="email", by=ADAM, expires_in=900))
    assert is_kept(blind)
    if end == "revoke":
        blind.do(blind.revoke(issued))
    elif end == "expire":
        blind.pass_time(901)
        blind.do(blind.sweep())
    elif end == "supersede":
        blind.do(blind.issue(VERA))
    elif end == "offboard":
        blind.do(blind.offboard(ADAM))
    elif end == "accept":
        blind.do(blind.accept(VERA, by_id(issued)))
    else:
        blind.do(blind.decline(VERA, by_id(issued)))
    assert not is_kept(blind)
    assert [one for one in blind.deliver() if one.recipient.address_key == "vera@example.com"] == []


@pytest.mark.covers("TOK-08", "ISS-04")
@pytest.mark.parametrize("deliver", ["email", "link"])
def test_what_is_held_shows_approvers_the_address_until_they_have_decided(blind: World, deliver: Any) -> None:
    blind.do(blind.put_member(person("otto"), "owner"))
    blind.pass_time(days=30)
    issued = blind.do(blind.issue(VERA, "owner", deliver=deliver))
    assert is_kept(blind)
    assert listed(blind) == ["vera@example.com"]
    blind.do(blind.approve(issued, by=person("otto")))
    assert is_kept(blind) is (deliver == "email")
    blind.deliver()
    assert not is_kept(blind)
    rejected = blind.do(blind.issue("other@example.com", "owner"))
    assert is_kept(blind, _OTHER.key)
    blind.do(blind.reject(rejected, by=person("otto")))
    assert not is_kept(blind, _OTHER.key)


@pytest.mark.covers("TOK-08", "ISS-20", "DEL-09")
def test_a_block_and_a_leak_go_by_index(blind: World) -> None:
    issued = blind.do(blind.issue(VERA))
    assert issued.token is not None
    hashed, key = issued.token.claim_token_hash, ClaimKey(claim_token_hash=issued.token.claim_token_hash)
    leak = Call(
        "run",
        lambda uow: report_leak(
            uow, HostKey(key_id="host"), hashed, host="", source="", context=blind.context
        ),
    )
    block = Call(
        "run",
        lambda uow: refuse_mail(uow, None, key, is_report=False, context=blind.context, limits=blind.limits),
    )
    blind.do(block)
    assert blind.lane.do(Call("read", lambda uow: uow.abuse.is_suppressed(_V, "acme")))
    assert not blind.lane.do(Call("read", lambda uow: uow.abuse.is_suppressed(_OTHER, "acme")))
    mailed = blind.do(blind.issue("other@example.com", deliver="email"))
    (letter,) = blind.deliver()
    assert letter.link is not None
    row = blind.invitation(mailed)
    hashed = bytes(row["claim_token_hash"])
    assert blind.do(leak)
    assert blind.events("token.leak_reported")[-1]["body"]["outcome"] == "cut"
    assert [is_kept(blind), is_kept(blind, _OTHER.key)] == [False, False]


@pytest.mark.covers("TOK-08", "LIF-06")
def test_members_have_no_address_and_an_export_and_an_erasure_still_find_the_person(blind: World) -> None:
    blind.do(blind.accept(VERA, blind.do(blind.issue(VERA, message="Dear Vera"))))
    blind.do(blind.put_member(person("mia2"), "member"))
    members = {row["principal_id"]: row for row in blind.rows(memberships)}
    assert all(row["email"] is None or row["email"].startswith(":") for row in members.values())
    assert list(opened(blind)) == []

    def export() -> Any:
        return blind.do(
            Call(
                "run",
                lambda uow: export_person(uow, HOST, address=_V, principal_id=None, context=blind.context),
            )
        )

    held = export()
    assert held["addresses"] == ["vera@example.com"]
    assert [(one["email"], one["message"]) for one in held["invitations_received"]] == [(None, "Dear Vera")]
    assert [one["email"] for one in held["memberships"]] == [None]
    counts = blind.do(
        Call("run", lambda uow: erase_person(uow, HOST, address=_V, principal_id=None, context=blind.context))
    )
    assert (counts["invitations"], counts["memberships"]) == (1, 1)
    assert list(opened(blind, EVERYWHERE)) == ["olga@example.com"]


@pytest.mark.covers("TOK-08", "TEN-02")
def test_only_a_sealed_database_can_keep_no_addresses(lanes: LaneKeeper) -> None:
    plain = World(lanes.open("sqlite-plain"))
    with pytest.raises(InvalidRequestError) as caught:
        plain.found(_BLIND)
    assert caught.value.faults[0].pointer == "/policy/address_storage"
    plain.found()
    # A policy that came in by another road is not obeyed in part: nothing is issued.
    plain.execute("UPDATE vestibule_tenants SET policy = :policy", policy='{"address_storage":"blind"}')
    with pytest.raises(InvalidRequestError):
        plain.do(plain.issue(VERA))
    plain.execute("UPDATE vestibule_tenants SET policy = '{}'")
    plain.do(plain.issue(VERA))


@pytest.mark.covers("TOK-08", "LIF-03")
def test_a_tenant_that_keeps_no_addresses_takes_no_directory(blind: World) -> None:
    from vestibule.actions.directory.keep_users import add_user  # noqa: PLC0415
    from vestibule.core.directory import DirectoryDraft  # noqa: PLC0415

    key = HostKey(key_id="scim", scopes=frozenset({"directory"}), tenant_id="acme")
    draft = DirectoryDraft(
        user_name="vera@example.com", external_id=None, is_active=True, addresses=frozenset(), document="{}"
    )
    put = Call("run", lambda uow: add_user(uow, key, draft, context=blind.context))
    with pytest.raises(NotPermittedError):
        blind.do(put)
    assert blind.rows(directory_users) == []
    blind.do(blind.put_tenant({}))
    blind.do(put)
    assert len(blind.rows(directory_users)) == 1

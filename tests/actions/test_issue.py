# SPDX-License-Identifier: Apache-2.0
"""Issuing: who may promise what to whom, and what becomes of the earlier promise."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tests.sealing import about_plain_rows
from tests.world import ADAM, HOST, MIA, OLGA, PUBLIC_URL, VERA, XENIA, World, person
from vestibule.core.identity import HostKey
from vestibule.core.limits import Limit, Limits
from vestibule.errors import (
    AlreadyMemberError,
    DomainNotAllowedError,
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    PendingLimitError,
    RateLimitedError,
    RejectReason,
    RoleNotAssignableError,
    TenantSuspendedError,
    VestibuleError,
)
from vestibule.storage.schema import invitations, outbox_messages, rate_limits

_ALLOWED = {("owner", "owner"), ("owner", "admin"), ("owner", "member"), ("admin", "member")}
_PEOPLE = {"owner": OLGA, "admin": ADAM, "member": MIA}


@pytest.mark.covers("ISS-01", "ISS-08", "ISS-15", "D04", "AUD-01")
@about_plain_rows
def test_the_record_says_who_promised_what_to_whom_and_from_where(world: World) -> None:
    world.found()
    world.context = dataclasses.replace(world.context, ip="192.0.2.9", user_agent="Firefox")
    issued = world.do(world.issue("  Vera@Example.COM ", by=ADAM, message="Hello", scope="docs"))
    row = world.invitation(issued)
    assert row["invited_email"] == "vera@example.com"
    assert (row["inviter_principal_id"], row["role"], row["scope"]) == ("adam", "member", "docs")
    assert (row["issued_ip"], row["issued_ua"], row["source"]) == ("192.0.2.9", "Firefox", "api")
    assert row["expires_at"] - row["created_at"] == timedelta(days=7)
    [event] = world.events("invitation.issued")
    assert (event["actor_id"], event["correlation_id"]) == ("adam", "request-1")
    assert "vera" not in str(event["body"])


@pytest.mark.parametrize("granted", ["owner", "admin", "member"])
@pytest.mark.parametrize("granting", ["owner", "admin", "member"])
@pytest.mark.covers("D01", "D02", "ISS-03")
def test_every_pair_of_roles_is_decided_by_the_relation(world: World, granting: str, granted: str) -> None:
    world.found()
    call = world.issue(VERA, granted, by=_PEOPLE[granting])
    if (granting, granted) in _ALLOWED:
        assert world.do(call).invitation.role == granted
        return
    with pytest.raises(NotPermittedError) as refusal:
        world.do(call)
    assert isinstance(refusal.value, RoleNotAssignableError) == (granting != "member")
    assert world.rows(invitations) == []
    assert world.rows(outbox_messages) == []


@pytest.mark.parametrize("role", ["member,owner", "Owner", " owner", "ｏwner", "", "nobody"])
@pytest.mark.covers("D14")
def test_a_role_is_named_exactly(world: World, role: str) -> None:
    world.found()
    with pytest.raises(InvalidRequestError):
        world.do(world.issue(VERA, role))
    world.do(world.issue(VERA, "member"))


@pytest.mark.covers("D05", "TEN-06", "D03")
def test_strangers_and_keys_learn_nothing(world: World) -> None:
    world.found()
    world.found(tenant="other")
    world.do(world.remove(MIA, "other"))
    for call in (world.issue(by=XENIA), world.issue(by=MIA, tenant="other"), world.issue(tenant="none")):
        with pytest.raises(NotFoundError):
            world.do(call)
    with pytest.raises(NotPermittedError):
        world.do(world.issue(by=HOST))
    assert world.rows(invitations) == []


@pytest.mark.covers("ISS-07")
def test_a_request_may_only_shorten_the_life_of_an_invitation(world: World) -> None:
    world.found({"ttl": {"member": 3600}})
    assert world.do(world.issue(VERA, expires_in=1800)).invitation.expires_in == 1800
    for seconds in (3601, 899, 0, -1):
        with pytest.raises(InvalidRequestError):
            world.do(world.issue(VERA, expires_in=seconds))


@pytest.mark.covers("ISS-06", "D09", "D10", "B07")
def test_issuing_again_supersedes_and_only_what_was_shown_last_can_be_accepted(every_world: World) -> None:
    world = every_world
    world.found()
    first = world.do(world.issue("vera@example.com", "member"))
    second = world.do(world.issue(" VERA@EXAMPLE.COM", "admin"))
    assert world.do(world.preview(second)).role == "admin"
    row = world.invitation(first)
    assert (row["revoked_reason"], row["claim_token_hash"]) == ("superseded", None)
    [event] = world.events("invitation.superseded")
    assert event["body"] == {"superseded_by_id": second.invitation.invitation_id}
    assert world.refuse(world.accept(VERA, first)) is RejectReason.UNKNOWN
    assert world.do(world.accept(VERA, second)).role == "admin"


@pytest.mark.covers("ISS-06")
def test_a_tenant_may_keep_one_open_invitation_per_role(world: World) -> None:
    world.found({"target_key": "address_role"})
    member, admin = world.do(world.issue(VERA, "member")), world.do(world.issue(VERA, "admin"))
    world.do(world.issue(VERA, "admin"))
    assert world.invitation(admin)["revoked_reason"] == "superseded"
    world.do(world.accept(VERA, member))
    assert world.members()["vera"] == "member"


@pytest.mark.covers("E07", "LIF-04", "B11")
def test_what_ended_by_itself_is_recorded_once_when_it_is_issued_again(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, expires_in=900))
    world.pass_time(901)
    issued = world.do(world.issue(VERA))
    [event] = world.events("invitation.expired")
    assert event["actor_id"] == "clock"
    assert world.do(world.sweep()) == 0
    assert world.events("invitation.superseded") == []
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("E07")
def test_no_ghost_blocks_a_new_invitation(world: World) -> None:
    world.found()
    world.do(world.accept(VERA, world.do(world.issue(VERA))))
    world.do(world.remove(VERA))
    world.do(world.revoke(world.do(world.issue(VERA))))
    world.do(world.decline(VERA, world.do(world.issue(VERA))))
    world.do(world.issue(VERA, expires_in=900))
    world.pass_time(901)
    world.do(world.accept(VERA, world.do(world.issue(VERA, "admin"))))
    assert world.members()["vera"] == "admin"


@pytest.mark.covers("ISS-10", "A08")
def test_a_member_is_known_by_any_address_it_ever_proved_here(world: World) -> None:
    world.found()
    two = person("vera", "vera@example.com", "v2@example.com")
    world.do(world.accept(two, world.do(world.issue("vera@example.com"))))
    for address in ("vera@example.com", "V2@example.com"):
        with pytest.raises(AlreadyMemberError):
            world.do(world.issue(address))
    world.do(world.issue("v3@example.com"))
    world.do(world.remove(VERA))
    world.do(world.issue("v2@example.com"))


@pytest.mark.covers("ISS-09")
def test_the_tenants_domains_are_whole_labels(world: World) -> None:
    world.found({"allowed_domains": ["example.com"]})
    for address in ("v@sub.example.com", "v@notexample.com", "v@example.com.evil.example"):
        with pytest.raises(DomainNotAllowedError):
            world.do(world.issue(address))
    world.do(world.issue("v@EXAMPLE.com"))


@pytest.mark.covers("LIF-03", "G13")
def test_a_suspended_tenant_promises_nothing(world: World) -> None:
    world.found()
    world.do(world.suspend())
    with pytest.raises(TenantSuspendedError):
        world.do(world.issue())
    world.do(world.resume())
    world.do(world.issue())
    world.do(world.delete())
    with pytest.raises(NotFoundError):
        world.do(world.issue())


@pytest.mark.covers("ISS-16", "G08")
def test_what_may_be_pending_is_capped(world: World) -> None:
    world.found({"max_pending": 2})
    first = world.do(world.issue("a@example.com"))
    world.do(world.issue("b@example.com", expires_in=900))
    with pytest.raises(PendingLimitError):
        world.do(world.issue("c@example.com"))
    world.do(world.revoke(first))
    world.do(world.issue("c@example.com"))
    world.pass_time(901)
    world.do(world.issue("d@example.com"))


@pytest.mark.parametrize("limits, third", [
    (Limits(issue_per_inviter=Limit(2, 3600)), {"by": ADAM}),
    (Limits(issue_per_tenant=Limit(2, 3600)), {"tenant": "other"}),
    (Limits(issue_per_recipient=Limit(2, 3600)), {"email": "someone@example.com"}),
])  # fmt: skip
@pytest.mark.covers("ISS-16", "F06", "G08")
def test_each_limit_counts_its_own_subject(world: World, limits: Limits, third: dict[str, Any]) -> None:
    world.limits = limits
    world.found()
    world.found(tenant="other")
    asked: dict[str, Any] = {"email": "vera+news@example.com"}
    world.do(world.issue("vera@example.com"))
    world.do(world.issue("vera+spam@example.com"))
    before = world.rows(rate_limits)
    with pytest.raises(RateLimitedError) as refusal:
        world.do(world.issue(**asked))
    assert refusal.value.retry_after == 1800
    assert world.rows(rate_limits) == before
    world.do(world.issue(**{**asked, **third}))
    world.pass_time(1801)
    world.do(world.issue(**asked))


@pytest.mark.covers("B01", "B09", "TOK-01", "ISS-13")
def test_no_token_is_stored_and_a_mailed_one_does_not_exist_yet(world: World) -> None:
    world.found()
    handed = world.do(world.issue(VERA))
    mailed = world.do(world.issue(XENIA, deliver="email"))
    assert mailed.token is None
    assert world.invitation(mailed)["claim_token_hash"] is None
    assert handed.token is not None
    text = repr(world.everything())
    assert handed.token.reveal() not in text
    assert handed.token.reveal()[4:20] not in text
    assert f"{PUBLIC_URL}/i/" not in text
    assert [e["invitation_id"] for e in world.events("invitation.link_issued")] == [
        handed.invitation.invitation_id
    ]


@pytest.mark.covers("E06")
def test_lists_still_load_when_the_inviter_is_gone(world: World) -> None:
    world.found()
    world.do(world.issue(VERA, by=ADAM))
    world.do(world.offboard(ADAM))
    [view] = world.do(world.list_all()).items
    assert (view.invitation.inviter_principal_id, view.state) == ("adam", "revoked")


@pytest.mark.covers("D07", "AUD-04", "TEN-06")
def test_only_administrators_see_a_tenants_invitations(world: World) -> None:
    world.found()
    world.do(world.issue(VERA))
    world.do(world.issue(XENIA, by=ADAM))
    assert len(world.do(world.list_all(by=ADAM)).items) == 2
    refusals: list[tuple[Any, type[VestibuleError]]] = [
        (MIA, NotPermittedError),
        (XENIA, NotFoundError),
        (HostKey(key_id="k"), NotPermittedError),
    ]
    for who, error in refusals:
        with pytest.raises(error):
            world.do(world.list_all(by=who))

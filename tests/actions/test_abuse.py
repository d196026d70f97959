# SPDX-License-Identifier: Apache-2.0
"""What senders may do, and what recipients may do about it (ISS-20)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.actions.approvers import people
from tests.lanes import Call
from tests.world import ADAM, HOST, OLGA, VERA, XENIA, Link, World, key_in, key_of, person
from vestibule.actions.abuse.refuse_mail import refuse_mail
from vestibule.actions.abuse.suppressions import (
    count_reported,
    get_suppression,
    lift_suppression,
    list_suppressions,
    put_suppression,
)
from vestibule.core.identity import Actor, HostKey, VerifiedIdentity
from vestibule.core.limits import Limit, Limits
from vestibule.core.paging import PageRequest
from vestibule.errors import (
    ClaimRejectedError,
    NotFoundError,
    NotPermittedError,
    RateLimitedError,
    RecipientBusyError,
    RejectReason,
    SuppressedError,
)
from vestibule.storage.schema import reports, suppressions

_V = VERA.addresses[0].address


def refuse(
    link: Link, world: World, *, is_report: bool = False, by: VerifiedIdentity | None = None
) -> Call[str]:
    return Call(
        "run",
        lambda uow: refuse_mail(
            uow, by, key_of(link), is_report=is_report, context=world.context, limits=world.limits
        ),
    )


@pytest.mark.covers("ISS-20")
def test_whoever_holds_the_link_blocks_this_tenant_and_no_other(every_world: World) -> None:
    world = every_world
    world.found()
    world.found(tenant="other")
    link = world.do(world.issue(VERA, deliver="email"))
    [letter] = world.deliver()
    assert world.do(refuse(key_in(letter), world)) == "Acme"
    assert world.invitation(link)["revoked_reason"] == "blocked"
    assert world.refuse(world.accept(VERA, key_in(letter))) is RejectReason.REVOKED
    [event] = world.events("recipient.blocked")
    assert (event["actor_id"], event["body"]) == ("anonymous", {})
    # The tenant may issue again: it learns by its trail that nothing was delivered, and no more.
    world.do(world.issue(VERA, deliver="email"))
    [claimed] = world.do(world.claim_messages())
    with pytest.raises(SuppressedError):
        world.do(world.prepare(claimed))
    world.do(world.settle(claimed, "suppressed"))
    [failed] = world.events("invitation.send_failed")
    assert failed["body"]["is_final"] is True
    world.do(world.issue(VERA, deliver="email", tenant="other"))
    assert [one.recipient.address_key for one in world.deliver()] == ["vera@example.com"]


@pytest.mark.covers("ISS-20")
def test_a_dead_link_blocks_nothing_and_a_second_time_is_refused(world: World) -> None:
    world.found()
    link = world.do(world.issue(VERA))
    world.do(refuse(link, world))
    other = world.do(world.issue(XENIA))
    world.do(world.revoke(other))
    for dead in (link, other):
        with pytest.raises(ClaimRejectedError):
            world.do(refuse(dead, world, is_report=True))
    assert len(world.rows(suppressions)) == 1
    assert world.rows(reports) == []


@pytest.mark.covers("ISS-20")
def test_a_tenant_that_is_reported_often_may_send_less_until_the_reports_are_old(world: World) -> None:
    world.limits = Limits(allowance_per_tenant=Limit(20, 60), allowance_tenant_growth=Limit(1, 86_400))
    world.found()
    for number in range(3):
        link = world.do(world.issue(f"p{number}@example.com"))
        world.do(refuse(link, world, is_report=True))
    assert world.do(Call("read", lambda uow: count_reported(uow, within=timedelta(days=1)))) == (3, 1)
    assert len(world.events("invitation.reported")) == 3
    world.pass_time(60)
    world.do(world.issue("q0@example.com"))
    world.do(world.issue("q1@example.com"))
    with pytest.raises(RateLimitedError):
        world.do(world.issue("q2@example.com"))
    world.pass_time(days=31)
    for number in range(10):
        world.do(world.issue(f"r{number}@example.com"))


def may_issue(world: World, *addresses: str) -> bool:
    """Whether all of them may be invited now."""
    try:
        for address in addresses:
            world.do(world.issue(address))
    except RateLimitedError:
        return False
    return True


@pytest.mark.covers("ISS-20")
def test_one_recipient_counts_once_however_often_it_reports(world: World) -> None:
    world.limits = Limits(allowance_per_tenant=Limit(20, 60), allowance_tenant_growth=Limit(1, 86_400))
    world.found()
    for spelling in ("p@example.com", "p@example.com", "p+1@example.com", "p+2@example.com"):
        world.do(refuse(world.do(world.issue(spelling)), world, is_report=True))
    world.do(refuse(world.do(world.issue("q@example.com")), world, is_report=True))
    assert len(world.rows(reports)) == 5
    world.pass_time(60)
    assert may_issue(world, *(f"s{number}@example.com" for number in range(10)))
    world.do(refuse(world.do(world.issue("r@example.com")), world, is_report=True))
    world.pass_time(60)
    assert not may_issue(world, *(f"t{number}@example.com" for number in range(10)))


@pytest.mark.covers("ISS-20")
def test_an_inviter_does_not_report_its_own_link_but_may_block_it(world: World) -> None:
    world.found()
    world.do(refuse(world.do(world.issue(VERA, by=ADAM)), world, is_report=True, by=ADAM))
    assert world.rows(reports) == []
    [kept] = world.rows(suppressions)
    assert kept["reason"] == "blocked"
    world.do(refuse(world.do(world.issue(XENIA, by=ADAM)), world, is_report=True, by=OLGA))
    assert len(world.rows(reports)) == 1


@pytest.mark.covers("ISS-20", "ISS-04")
def test_a_block_ends_nothing_that_was_never_sent(every_world: World) -> None:
    world = every_world
    world.found({"target_key": "address_role"})
    people(world, person("otto"))
    held = world.do(world.issue(VERA, "owner"))
    link, other = (world.do(world.issue(VERA, role)) for role in ("member", "admin"))
    world.do(refuse(link, world))
    assert world.invitation(held)["revoked_at"] is None
    assert world.invitation(link)["revoked_reason"] == "blocked"
    assert world.invitation(other)["revoked_reason"] == "blocked"


@pytest.mark.covers("ISS-20")
def test_new_inviters_start_small_and_grow_by_what_is_accepted(world: World) -> None:
    world.limits = Limits(
        allowance_per_inviter=Limit(2, 86_400),
        allowance_inviter_growth=Limit(1, 86_400_000),
        allowance_per_accepted=3,
    )
    world.found()
    first = world.do(world.issue("p0@example.com", by=ADAM))
    world.do(world.issue("p1@example.com", by=ADAM))
    with pytest.raises(RateLimitedError):
        world.do(world.issue("p2@example.com", by=ADAM))
    world.do(world.issue("p2@example.com", by=OLGA))
    world.do(world.accept(person("p0"), first))
    for number in range(3, 6):
        world.do(world.issue(f"p{number}@example.com", by=ADAM))
    with pytest.raises(RateLimitedError):
        world.do(world.issue("p6@example.com", by=ADAM))
    world.pass_time(days=1)
    world.do(world.issue("p6@example.com", by=ADAM))


@pytest.mark.covers("ISS-20")
def test_many_tenants_neither_flood_a_recipient_nor_learn_of_each_other(every_world: World) -> None:
    world = every_world
    world.limits = Limits(mail_per_recipient=Limit(2, 3600), issue_per_recipient=Limit(1, 3600))
    for tenant in ("one", "two", "three"):
        world.found(tenant=tenant)
        world.do(world.issue(VERA, deliver="email", tenant=tenant))  # nobody hears 429
    with pytest.raises(RateLimitedError):
        world.do(world.issue("vera+again@example.com", tenant="one"))
    claimed = world.do(world.claim_messages())
    for message in claimed[:2]:
        assert world.do(world.prepare(message)) is not None
        world.do(world.settle(message))
    with pytest.raises(RecipientBusyError) as busy:
        world.do(world.prepare(claimed[2]))
    world.do(world.give_back(claimed[2], due_in=timedelta(seconds=busy.value.retry_after)))
    assert world.do(world.claim_messages()) == []
    assert world.events("invitation.send_failed") == []
    world.pass_time(busy.value.retry_after + 1)
    [letter] = world.deliver()
    assert letter.recipient.address_key == "vera@example.com"


@pytest.mark.covers("ISS-20")
def test_the_host_and_operators_keep_a_list_that_every_tenant_honours(world: World) -> None:
    world.found()

    def put(by: Actor = HOST) -> bool:
        return world.do(
            Call("run", lambda uow: put_suppression(uow, by, _V, "operator", context=world.context))
        )[1]

    def lift(by: Actor = HOST, tenant: str = "") -> None:
        world.do(
            Call("run", lambda uow: lift_suppression(uow, by, _V, tenant_id=tenant, context=world.context))
        )

    for by in (
        OLGA,
        HostKey(key_id="k", scopes=frozenset({"members"})),
        HostKey(key_id="b", tenant_id="acme"),
    ):
        with pytest.raises(NotPermittedError):
            put(by)
        with pytest.raises(NotPermittedError):
            lift(by)
    assert put() is True
    assert put() is False
    assert world.do(Call("read", lambda uow: get_suppression(uow, HOST, _V))).reason == "operator"
    world.do(world.issue(VERA, deliver="email"))
    [claimed] = world.do(world.claim_messages())
    with pytest.raises(SuppressedError):
        world.do(world.prepare(claimed))
    world.do(refuse(world.do(world.issue(VERA)), world))
    listed = world.do(
        Call("read", lambda uow: list_suppressions(uow, HOST, PageRequest(scope="suppressions")))
    )
    assert sorted(one.tenant_id for one in listed.items) == ["", "acme"]
    lift()
    with pytest.raises(NotFoundError):
        lift()
    lift(tenant="acme")
    world.do(world.issue(VERA, deliver="email"))
    assert len(world.deliver()) == 1
    assert [event["kind"] for event in world.events() if event["kind"].startswith("suppression.")] == [
        "suppression.set",
        "suppression.lifted",
        "suppression.lifted",
    ]
    assert "vera@example.com" not in repr(world.events())

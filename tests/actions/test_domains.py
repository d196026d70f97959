# SPDX-License-Identifier: Apache-2.0
"""A tenant's domains: named by owners, proved by DNS, kept by looking again, lost by the clock."""

from __future__ import annotations

from datetime import timedelta

import dns.rcode
import pytest

from tests.domains import Domains
from tests.nameserver import DnsServer
from tests.sealing import about_plain_rows
from tests.world import ADAM, HOST, MIA, OLGA, VERA, XENIA, World, person
from vestibule.core.domain import DomainAnswer, DomainFinding, Rung
from vestibule.core.identity import Actor, HostKey
from vestibule.core.limits import Limit, Limits
from vestibule.core.message import DomainNotice
from vestibule.errors import (
    DomainNotProvedError,
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    RateLimitedError,
    RejectReason,
)
from vestibule.storage.schema import domains as domain_table
from vestibule.storage.schema import outbox_messages

RECORD = "_vestibule.acme.com"
LIFETIME = timedelta(days=30)


# Naming and proving


@pytest.mark.covers("TEN-03", "AUD-01")
def test_a_domain_is_named_proved_and_raised_and_each_step_is_an_event(
    world: World, domains: Domains
) -> None:
    named, is_new = world.do(domains.put())
    assert (named.domain.rung, named.domain.role, is_new) == (Rung.INVITE_ONLY, "member", True)
    assert domains.check().finding is DomainFinding.NO_RECORD
    domains.publish()
    proved = domains.check()
    assert (proved.finding, proved.proof_expires_at) == (
        DomainFinding.PROVED,
        None if proved.proved_at is None else proved.proved_at + LIFETIME,
    )
    raised, is_new = world.do(domains.put(rung=Rung.AUTO_JOIN))
    assert (raised.domain.rung, raised.rung_in_force, is_new) == (Rung.AUTO_JOIN, Rung.AUTO_JOIN, False)
    told = [event["kind"] for event in world.events() if event["kind"].startswith("domain.")]
    assert told == ["domain.put", "domain.proved", "domain.put"]
    domains.check()
    assert len(world.events("domain.proved")) == 1


@pytest.mark.covers("TEN-03")
def test_what_is_left_out_of_a_domain_is_kept(world: World, domains: Domains) -> None:
    domains.open(Rung.REQUEST)
    kept, _ = world.do(domains.put(role="admin"))
    assert (kept.domain.rung, kept.domain.role) == (Rung.REQUEST, "admin")


@pytest.mark.covers("TEN-03")
def test_no_rung_that_offers_anything_stands_without_a_proof(world: World, domains: Domains) -> None:
    for rung in (Rung.SUGGEST, Rung.REQUEST, Rung.AUTO_JOIN, Rung.SSO_REQUIRED):
        with pytest.raises(DomainNotProvedError):
            world.do(domains.put(rung=rung))
    assert world.rows(domain_table) == []
    world.do(domains.put(rung=Rung.DENY))
    domains.prove()
    world.do(domains.put(rung=Rung.SUGGEST))


@pytest.mark.covers("TEN-03")
def test_two_tenants_prove_the_same_domain_apart(world: World, domains: Domains) -> None:
    world.do(world.put_tenant(tenant="other", name="Other"))
    mine = domains.prove()
    world.do(domains.put(tenant="other", by=HOST))
    theirs = domains.check(tenant="other", by=HOST)
    assert theirs.finding is DomainFinding.OTHER_VALUE
    assert theirs.challenge != mine.challenge
    domains.publish(tenant="other")
    assert domains.check(tenant="other", by=HOST).is_proved(world.lane.now())
    assert domains.check().is_proved(world.lane.now())


@pytest.mark.covers("TEN-03")
def test_a_domain_named_again_is_to_be_proved_again(world: World, domains: Domains) -> None:
    before = domains.prove()
    world.do(domains.remove())
    with pytest.raises(NotFoundError):
        domains.get()
    again, is_new = world.do(domains.put())
    assert is_new
    assert again.domain.challenge != before.challenge
    assert domains.check().finding is DomainFinding.OTHER_VALUE


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize("domain", ["gmail.com", "mailinator.com"])
def test_public_mail_can_be_denied_but_never_proved_or_opened(
    world: World, domains: Domains, domain: str
) -> None:
    denied, _ = world.do(domains.put(domain, Rung.DENY))
    assert denied.domain.rung is Rung.DENY
    for call in (lambda: domains.check(domain), lambda: world.do(domains.put(domain, Rung.SUGGEST))):
        with pytest.raises(InvalidRequestError):
            call()


@pytest.mark.covers("TEN-03")
def test_a_public_suffix_is_no_domain_of_a_tenant(world: World, domains: Domains) -> None:
    for domain in ("co.uk", "github.io"):
        with pytest.raises(InvalidRequestError) as refusal:
            world.do(domains.put(domain, Rung.DENY))
        assert refusal.value.faults[0].pointer == "/domain"
    assert list(domains.list_all().items) == []


@pytest.mark.covers("TEN-03", "D14")
def test_a_rule_gives_no_role_that_needs_an_approval_or_does_not_exist(
    world: World, domains: Domains
) -> None:
    domains.prove()
    for role in ("owner", "Member", "nobody"):
        with pytest.raises(InvalidRequestError) as refusal:
            world.do(domains.put(rung=Rung.AUTO_JOIN, role=role))
        assert refusal.value.faults[0].pointer == "/role"
    world.do(domains.put(rung=Rung.AUTO_JOIN, role="admin"))


@pytest.mark.covers("S07", "ACC-05")
def test_sso_required_needs_a_connection_that_the_tenant_requires(world: World, domains: Domains) -> None:
    domains.prove()
    with pytest.raises(InvalidRequestError) as refusal:
        world.do(domains.put(rung=Rung.SSO_REQUIRED))
    assert refusal.value.faults[0].pointer == "/rung"
    world.do(world.put_tenant({"require_connection": "idp"}))
    world.do(domains.put(rung=Rung.SSO_REQUIRED))


@pytest.mark.covers("TEN-03")
def test_a_tenant_has_only_so_many_domains(world: World, domains: Domains) -> None:
    for number in range(200):
        world.lane.do(domains.put(f"d{number}.example.com"))
    with pytest.raises(InvalidRequestError):
        world.do(domains.put("one-more.example.com"))
    assert len(domains.list_all().items) == 50


# Who may


@pytest.mark.covers("D12", "K11", "TEN-06")
def test_D12_only_an_owner_or_the_host_turns_these_switches(world: World, domains: Domains) -> None:
    domains.prove()
    before = world.rows(domain_table)
    refusals: list[tuple[Actor, type[Exception]]] = [
        (ADAM, NotPermittedError),
        (MIA, NotPermittedError),
        (XENIA, NotFoundError),
        (HostKey(key_id="weak", scopes=frozenset({"members"})), NotPermittedError),
    ]
    for who, refusal in refusals:
        for call in (
            lambda who=who: world.do(domains.put(rung=Rung.AUTO_JOIN, by=who)),
            lambda who=who: world.do(domains.remove(by=who)),
            lambda who=who: domains.check(by=who),
        ):
            with pytest.raises(refusal):
                call()
    assert world.rows(domain_table) == before
    assert domains.get(by=ADAM).challenge == before[0]["challenge"]
    for who in (MIA, XENIA):
        with pytest.raises((NotPermittedError, NotFoundError)):
            domains.list_all(by=who)
    world.do(domains.put(rung=Rung.AUTO_JOIN, by=HOST))
    world.do(domains.remove(by=OLGA))


@pytest.mark.covers("TEN-06")
def test_a_domain_of_another_tenant_is_an_unknown_one(world: World, domains: Domains) -> None:
    domains.prove()
    world.do(world.put_tenant(tenant="other", name="Other"))
    ursula = person("ursula")
    world.do(world.put_member(ursula, "owner", "other"))
    for call in (
        lambda: domains.get(by=ursula, tenant="other"),
        lambda: world.do(domains.remove(by=ursula, tenant="other")),
        lambda: domains.check(by=ursula, tenant="other"),
        lambda: domains.get(by=ursula),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert domains.get().is_proved(world.lane.now())


@pytest.mark.covers("TEN-03")
def test_looking_is_limited_per_tenant(world: World, server: DnsServer) -> None:
    world.limits = Limits(domain_check_per_tenant=Limit(2, 3600))
    domains = Domains(world, server)
    world.found()
    world.do(domains.put())
    domains.check()
    domains.check()
    with pytest.raises(RateLimitedError):
        domains.check()


# Keeping and losing


@pytest.mark.covers("TEN-03")
def test_a_look_that_fails_takes_nothing_away_before_the_proof_ends(world: World, domains: Domains) -> None:
    domains.open()
    domains.server.zone.rcodes[RECORD] = dns.rcode.SERVFAIL
    world.pass_time(days=1)
    assert domains.tend() == 0
    found = domains.get()
    assert found.finding is DomainFinding.SERVER_FAILED
    assert found.rule_at(world.lane.now()).rung_in_force is Rung.AUTO_JOIN
    assert [event["body"]["finding"] for event in world.events("domain.proof_failing")] == ["server_failed"]
    world.pass_time(hours=1)
    domains.tend()
    assert len(world.events("domain.proof_failing")) == 1
    del domains.server.zone.rcodes[RECORD]
    world.pass_time(hours=1)
    domains.tend()
    kept = domains.get()
    assert kept.finding is DomainFinding.PROVED
    assert kept.proof_expires_at == world.lane.now() + LIFETIME or not world.lane.is_sqlite


@pytest.mark.covers("TEN-03")
def test_a_proof_is_looked_for_once_a_day_and_not_more(world: World, domains: Domains) -> None:
    domains.open()
    domains.server.zone.asked.clear()
    domains.tend()
    world.pass_time(hours=23)
    domains.tend()
    assert domains.server.zone.asked == []
    world.pass_time(hours=2)
    domains.tend()
    domains.tend()
    assert [name for name, _ in domains.server.zone.asked] == [RECORD]


@pytest.mark.covers("TEN-03", "ACC-16", "LIF-03")
def test_a_lost_proof_ends_the_rule_at_its_moment_and_is_one_event(world: World, domains: Domains) -> None:
    domains.open()
    domains.server.forget(RECORD)
    ann = person("ann", "ann@acme.com")
    assert [door.door.value for door in domains.doors(ann)] == ["join"]
    world.pass_time(days=30)
    assert domains.doors(ann) == []
    assert domains.get().rung is Rung.AUTO_JOIN
    assert domains.tend() == 1
    assert domains.tend() == 0
    assert [event["body"]["domain"] for event in world.events("domain.proof_lapsed")] == ["acme.com"]
    assert domains.get().proof_expires_at is None
    domains.publish()
    domains.check()
    assert [door.door.value for door in domains.doors(ann)] == ["join"]


@pytest.mark.covers("TEN-03")
def test_owners_are_told_when_a_proof_fails_and_when_it_lapses(world: World, domains: Domains) -> None:
    domains.open()
    domains.server.forget(RECORD)
    world.pass_time(days=2)
    domains.tend()
    world.pass_time(days=29)
    domains.tend()
    rows = world.rows(outbox_messages, kind=DomainNotice.kind)
    assert len(rows) == 2
    assert all("olga" in row["payload"] and "acme.com" in row["payload"] for row in rows)


@pytest.mark.covers("TEN-03")
def test_a_domain_removed_while_it_was_looked_for_stays_removed(world: World, domains: Domains) -> None:
    domains.open()
    world.pass_time(days=2)
    [due] = domains.list_due()
    world.do(domains.remove())
    domains.recheck(due, DomainAnswer(texts=[due.record_value]))
    assert world.rows(domain_table) == []
    world.do(domains.put())
    domains.recheck(due, DomainAnswer(texts=[due.record_value]))
    assert domains.get().proved_at is None


# Denying


@pytest.mark.covers("ISS-09", "ACC-09", "E01")
def test_denying_a_domain_revokes_what_is_pending_there_and_nothing_else(
    world: World, domains: Domains
) -> None:
    there = world.do(world.issue("vera@acme.com"))
    beside = [
        world.do(world.issue(address))
        for address in ("vera@sub.acme.com", "vera@evilacme.com", "vera@acme.com.evil.com")
    ]
    changed, _ = world.do(domains.put(rung=Rung.DENY))
    assert changed.domain.rung is Rung.DENY
    assert world.refuse(world.accept(person("vera", "vera@acme.com"), there)) is RejectReason.REVOKED
    assert [event["body"]["reason"] for event in world.events("invitation.revoked")] == ["domain_denied"]
    assert world.events("domain.put")[-1]["body"]["revoked_count"] == 1
    for issued in beside:
        address = issued.invitation.invited_email.key
        world.do(world.accept(person(address, address), issued))


@pytest.mark.covers("ISS-09", "ACC-09")
@about_plain_rows
def test_a_denied_domain_is_refused_at_accept_whatever_else_is_true(world: World, domains: Domains) -> None:
    issued = world.do(world.issue(VERA))
    world.execute(
        "INSERT INTO vestibule_domains (tenant_id, domain, rung, role, challenge, created_at) SELECT"
        " tenant_id, 'example.com', 'deny', 'member', 'x', created_at FROM vestibule_tenants"
    )
    assert world.refuse(world.accept(VERA, issued)) is RejectReason.DOMAIN_NOT_ALLOWED
    world.do(domains.remove("example.com"))
    world.do(world.accept(VERA, issued))


@pytest.mark.covers("TEN-06", "D12")
def test_a_key_that_is_bound_to_a_tenant_says_something_there_only(world: World, domains: Domains) -> None:
    world.do(world.put_tenant(tenant="other", name="Other"))
    bound = HostKey(key_id="bound", scopes=frozenset({"tenants"}), tenant_id="other")
    domains.prove()
    with pytest.raises(NotFoundError):
        world.do(domains.put(rung=Rung.AUTO_JOIN, by=bound))
    with pytest.raises(NotFoundError):
        domains.get(by=bound)
    with pytest.raises(NotFoundError):
        domains.check(by=bound)
    named, is_new = world.do(domains.put(by=bound, tenant="other"))
    assert (named.domain.tenant_id, is_new) == ("other", True)

# SPDX-License-Identifier: Apache-2.0
"""The ladder, the proof and the door, as values."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW, make_email, make_grant, make_identity, make_snapshot
from vestibule.core.binding import judge_claim
from vestibule.core.domain import (
    DomainAnswer,
    DomainFinding,
    DomainKind,
    DomainRule,
    Door,
    ProofPolicy,
    Rung,
    TenantDomain,
    check_default_role,
    check_domain_kind,
    check_not_denied,
    find_door,
    judge_answer,
    may_be_default,
    read_domain,
    rule_admits,
    rule_name,
)
from vestibule.core.identity import VerifiedAddress
from vestibule.core.policy import DEFAULT_POLICY, Policy, RoleRule
from vestibule.errors import DomainNotAllowedError, EmailInvalidError, InvalidRequestError, RejectReason

VALUE = "vestibule-domain=00112233445566778899aabbccddeeff"


def make_rule(rung: Rung = Rung.AUTO_JOIN, **changes: Any) -> DomainRule:
    values: dict[str, Any] = {"rung": rung, "role": "member", "is_proved": True}
    return DomainRule(**{**values, **changes})


def make_domain(**changes: Any) -> TenantDomain:
    values: dict[str, Any] = {
        "tenant_id": "acme",
        "domain": "acme.com",
        "rung": Rung.AUTO_JOIN,
        "role": "member",
        "challenge": "00112233445566778899aabbccddeeff",
        "created_at": NOW,
        "proof_expires_at": NOW + timedelta(days=1),
    }
    return TenantDomain(**{**values, **changes})


# What a domain is


@pytest.mark.covers("S03", "ISS-09")
@pytest.mark.parametrize(
    "typed,meant",
    [
        ("acme.com", "acme.com"),
        ("ACME.COM", "acme.com"),
        (" acme.com\n", "acme.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("sub.acme.com", "sub.acme.com"),
    ],
)
def test_a_domain_has_one_form(typed: str, meant: str) -> None:
    assert read_domain(typed) == meant
    assert read_domain(meant) == meant


@pytest.mark.covers("S03", "S04", "ISS-09")
@pytest.mark.parametrize(
    "typed",
    [
        "acme.com.", "com", "", ".", ".acme.com", "acme..com", "@acme.com", "x@acme.com", "*.acme.com", "acme.*",
        "^acme.com$", "acme.com|evil.com", "acme.com,evil.com", "acme com", "acme.com\0.evil.com", "acme.com\n.evil.com",
        "acme.com%00", "acme.com/", "[192.0.2.1]", "192.0.2.1", "acme.com:25", "a" * 64 + ".com", "_vestibule.acme.com",
        "acme\u200b.com", "аcme.com.", None, 7, ["acme.com"],
    ],
)  # fmt: skip
def test_S04_what_is_no_domain_is_refused_with_its_place(typed: object) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        read_domain(typed)
    assert [fault.pointer for fault in refusal.value.faults] == ["/domain"]


@pytest.mark.covers("S03", "ISS-09")
@pytest.mark.parametrize(
    "address,is_admitted",
    [
        ("x@acme.com", True),
        ("X@ACME.COM", True),
        ("x@evilacme.com", False),
        ("x@acme.com.evil.com", False),
        ("x@sub.acme.com", False),
        ("x@acmexcom.example", False),
        ("acme.com@evil.com", False),
        ("x+acme.com@evil.com", False),
        ("x@acme.co", False),
        ("x@acme.comm", False),
        ("x@cme.com", False),
    ],
)
def test_S03_a_rule_means_whole_labels(address: str, is_admitted: bool) -> None:
    email = make_email(address)
    assert rule_admits(make_rule(), DEFAULT_POLICY, rule_name("acme.com"), email, "member") is is_admitted


@pytest.mark.covers("S03", "S04")
@pytest.mark.parametrize(
    "address", ["x@acme.com.", "x@acme.com\0.evil.com", "x@acme.com\n.evil.com", "x@acme.com%00"]
)
def test_S04_an_address_with_a_terminator_never_becomes_one(address: str) -> None:
    with pytest.raises(EmailInvalidError):
        make_email(address)


@pytest.mark.covers("S03")
@given(
    before=st.text("abc.-_@*", max_size=6),
    after=st.text("abc.-_@*", max_size=6),
)
def test_S03_nothing_around_a_domain_makes_it_match(before: str, after: str) -> None:
    try:
        email = make_email(f"x@{before}acme.com{after}")
    except EmailInvalidError:
        return
    admitted = rule_admits(make_rule(), DEFAULT_POLICY, rule_name("acme.com"), email, "member")
    assert admitted is (before == after == "")


# The proof


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize(
    "answer,finding",
    [
        (DomainAnswer(texts=[VALUE]), DomainFinding.PROVED),
        (DomainAnswer(texts=["v=spf1 -all", VALUE]), DomainFinding.PROVED),
        (DomainAnswer(texts=[]), DomainFinding.NO_RECORD),
        (DomainAnswer(texts=["v=spf1 -all"]), DomainFinding.OTHER_VALUE),
        (DomainAnswer(texts=[VALUE.upper()]), DomainFinding.OTHER_VALUE),
        (DomainAnswer(texts=[VALUE + " "]), DomainFinding.OTHER_VALUE),
        (DomainAnswer(texts=["x" + VALUE]), DomainFinding.OTHER_VALUE),
        (DomainAnswer(texts=[VALUE[:-1]]), DomainFinding.OTHER_VALUE),
        (DomainAnswer(texts=[VALUE[:-1] + "0"]), DomainFinding.OTHER_VALUE),
        (DomainAnswer(texts=[VALUE] * 21), DomainFinding.TOO_MANY_RECORDS),
        (DomainAnswer(fault=DomainFinding.TIMED_OUT), DomainFinding.TIMED_OUT),
        (DomainAnswer(texts=[VALUE], fault=DomainFinding.SERVER_FAILED), DomainFinding.SERVER_FAILED),
    ],
)
def test_only_the_very_value_proves(answer: DomainAnswer, finding: DomainFinding) -> None:
    assert judge_answer(answer, VALUE, ProofPolicy()) is finding


@pytest.mark.covers("TEN-03")
def test_a_proof_ends_at_its_moment_and_the_rung_falls_with_it() -> None:
    domain = make_domain(proof_expires_at=NOW)
    just_before = domain.rule_at(NOW - timedelta(milliseconds=1))
    assert just_before.rung_in_force is Rung.AUTO_JOIN
    assert domain.rule_at(NOW).rung_in_force is Rung.INVITE_ONLY
    assert make_domain(rung=Rung.DENY, proof_expires_at=None).rule_at(NOW).rung_in_force is Rung.DENY


def test_the_record_is_told_ready_to_paste() -> None:
    assert (make_domain().record_name, make_domain().record_value) == ("_vestibule.acme.com", VALUE)


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize("rung", list(Rung))
@pytest.mark.parametrize("kind", [None, *DomainKind])
def test_where_anybody_has_an_address_no_rule_lets_them_in(kind: DomainKind | None, rung: Rung) -> None:
    is_fine = kind is None or (kind is not DomainKind.PUBLIC_SUFFIX and not rung.needs_proof)
    if is_fine:
        check_domain_kind(kind, rung)
    else:
        with pytest.raises(InvalidRequestError):
            check_domain_kind(kind, rung)


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize("kind", list(DomainKind))
def test_where_anybody_has_an_address_nothing_is_proved(kind: DomainKind) -> None:
    check_domain_kind(None, None)
    with pytest.raises(InvalidRequestError):
        check_domain_kind(kind, None)


# The role that a rule gives


@pytest.mark.covers("TEN-03", "D12")
def test_a_rule_gives_no_role_that_needs_an_approval() -> None:
    policy = replace(DEFAULT_POLICY, rules={"admin": RoleRule(approvals=1)})
    check_default_role(policy, "member")
    for role in ("owner", "admin", "Member", "nobody", ""):
        with pytest.raises(InvalidRequestError):
            check_default_role(policy, role)
    assert not may_be_default(replace(DEFAULT_POLICY, rules={"owner": RoleRule(approvals=0)}), "owner")


# The door


def _policy(*, allows: bool, connection: str | None, elevates: bool) -> Policy:
    return replace(
        DEFAULT_POLICY,
        allowed_domains=None if allows else frozenset({"other.example"}),
        require_connection=connection,
        rules={"member": RoleRule(approvals=1)} if elevates else {},
    )


@pytest.mark.covers("S07", "S06", "ACC-05", "TEN-03")
@pytest.mark.parametrize("rung", list(Rung))
@pytest.mark.parametrize("is_proved", [True, False])
def test_S07_whatever_combines_the_strictest_wins(rung: Rung, is_proved: bool) -> None:
    """Every combination of rung x proof x allow-list x required connection x approval x removal."""
    address = make_email("x@acme.com")
    switches = itertools.product(
        (True, False), (None, "idp"), (True, False), (None, "idp", "other"), (True, False)
    )
    for allows, required, elevates, connection, must_ask in switches:
        rule = make_rule(rung, is_proved=is_proved)
        policy = _policy(allows=allows, connection=required, elevates=elevates)
        door = find_door(rule, policy, address, connection, must_ask=must_ask)
        if not is_proved or not allows or rung in (Rung.DENY, Rung.INVITE_ONLY):
            assert door is None
        elif rung is Rung.SUGGEST:
            assert door is Door.SUGGEST
        elif rung is Rung.REQUEST or must_ask or elevates or (rung is Rung.SSO_REQUIRED and required is None):
            assert door is Door.REQUEST
        else:
            assert door is (Door.JOIN if required in (None, connection) else Door.SIGN_IN)


@pytest.mark.covers("S07", "TEN-03", "ACC-05")
@pytest.mark.parametrize("rung", list(Rung))
@pytest.mark.parametrize("is_proved", [True, False])
def test_S07_a_door_that_is_open_is_one_that_accept_opens_and_no_other(rung: Rung, is_proved: bool) -> None:
    """What is shown and what is judged can't drift apart: the grant of a rule is accepted exactly at JOIN."""
    switches = itertools.product((True, False), (None, "idp"), (True, False), (None, "idp", "other"))
    for allows, required, elevates, connection in switches:
        rule = make_rule(rung, is_proved=is_proved)
        policy = _policy(allows=allows, connection=required, elevates=elevates)
        grant = make_grant(
            policy=policy,
            inviter_principal_id=rule_name("example.com"),
            inviter_role=None,
            domain_rule=rule,
        )
        door = find_door(rule, policy, grant.invited_email, connection)
        decision = judge_claim(make_snapshot(grant), make_identity(connection=connection))
        assert (decision.reason is None) is (door is Door.JOIN), (rule, policy, connection)


@pytest.mark.covers("TEN-03")
@pytest.mark.parametrize(
    "changes",
    [
        {"domain_rule": None},
        {"domain_rule": make_rule(is_proved=False)},
        {"domain_rule": make_rule(Rung.REQUEST)},
        {"domain_rule": make_rule(role="admin")},
        {"inviter_principal_id": rule_name("acme.com")},
        {"inviter_principal_id": rule_name("")},
    ],
)
def test_a_promise_of_a_rule_dies_with_the_rule(changes: dict[str, Any]) -> None:
    standing = {
        "inviter_principal_id": rule_name("example.com"),
        "inviter_role": "owner",
        "domain_rule": make_rule(),
    }
    fine = make_grant(**standing)
    assert judge_claim(make_snapshot(fine), make_identity()).reason is None
    assert fine.is_presentable(NOW)
    broken = make_grant(**{**standing, **changes})
    assert judge_claim(make_snapshot(broken), make_identity()).reason is RejectReason.INVITER_GONE
    assert not broken.is_presentable(NOW)


@pytest.mark.covers("ISS-09", "ACC-09")
def test_a_denied_domain_is_refused_at_issue_and_at_accept() -> None:
    denied = make_rule(Rung.DENY, is_proved=False)
    check_not_denied(make_rule(Rung.INVITE_ONLY, is_proved=False))
    check_not_denied(None)
    with pytest.raises(DomainNotAllowedError):
        check_not_denied(denied)
    grant = make_grant(domain_rule=denied)
    assert judge_claim(make_snapshot(grant), make_identity()).reason is RejectReason.DOMAIN_NOT_ALLOWED
    assert not grant.is_presentable(NOW)


@pytest.mark.covers("ACC-16", "ACC-05", "A18")
@pytest.mark.parametrize("rule,is_in", [(None, False), (False, False), (True, True)])
def test_the_word_of_a_tenants_own_provider_counts_while_the_domain_is_proved(
    rule: bool | None, is_in: bool
) -> None:
    said = VerifiedAddress(address=make_email(), evidence="sso", tenant_id="acme")
    kept = None if rule is None else make_rule(Rung.INVITE_ONLY, is_proved=rule)
    decision = judge_claim(
        make_snapshot(make_grant(domain_rule=kept)), replace(make_identity(), addresses=(said,))
    )
    assert decision.reason is (None if is_in else RejectReason.WRONG_RECIPIENT)

# SPDX-License-Identifier: Apache-2.0
"""Who may do what: a matrix over roles, so that an action without a row can't pass unseen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.factories import NOW, make_identity, make_membership, make_tenant
from vestibule.core.authority import (
    check_active,
    check_administrator,
    check_directory,
    check_key,
    check_may_grant,
    check_may_remove,
    check_member,
    check_principal,
)
from vestibule.core.identity import ALL_SCOPES, HostKey, Scope
from vestibule.core.policy import DEFAULT_POLICY
from vestibule.core.tenant import Membership
from vestibule.errors import (
    NotFoundError,
    NotPermittedError,
    RoleNotAssignableError,
    TenantSuspendedError,
    VestibuleError,
)

TENANT = make_tenant()
ROLES = ("owner", "admin", "member")
FINE = None


def outcome(check: Callable[..., object], *arguments: object, **named: object) -> type[VestibuleError] | None:
    try:
        check(*arguments, **named)
    except VestibuleError as refusal:
        return type(refusal)
    return FINE


def member(role: str) -> Membership:
    return make_membership(role)


@pytest.mark.parametrize("role,expected", [("owner", FINE), ("admin", FINE), ("member", NotPermittedError)])
def test_owners_and_admins_administer_and_members_do_not(
    role: str, expected: type[VestibuleError] | None
) -> None:
    assert outcome(check_administrator, TENANT, member(role), NOW) is expected
    assert outcome(check_member, TENANT, member(role), NOW) is FINE


@pytest.mark.covers("N07")
@pytest.mark.parametrize("check", [check_administrator, check_member])
def test_N07_a_foreign_a_deleted_and_an_unknown_tenant_answer_alike(check: Callable[..., object]) -> None:
    deleted = dataclasses.replace(TENANT, deleted_at=NOW)
    answers = [outcome(check, None, None, NOW), outcome(check, TENANT, None, NOW)]
    answers += [outcome(check, deleted, member("owner"), NOW), outcome(check, None, member("owner"), NOW)]
    assert answers == [NotFoundError] * 4
    assert outcome(check, TENANT, member("owner"), NOW) is FINE


@pytest.mark.parametrize("role", ROLES)
def test_a_membership_that_has_ended_or_is_suspended_gives_nothing(role: str) -> None:
    moment = timedelta(milliseconds=1)
    for ended in ({"expires_at": NOW}, {"expires_at": NOW - moment}, {"suspended_at": NOW - moment}):
        assert outcome(check_member, TENANT, make_membership(role, **ended), NOW) is NotFoundError
        assert outcome(check_administrator, TENANT, make_membership(role, **ended), NOW) is NotFoundError
    assert outcome(check_member, TENANT, make_membership(role, expires_at=NOW + moment), NOW) is FINE


@pytest.mark.covers("ISS-03", "ISS-04", "D01", "D02")
@pytest.mark.parametrize(
    "granting,granted,expected",
    [
        ("owner", "owner", FINE),
        ("owner", "admin", FINE),
        ("owner", "member", FINE),
        ("admin", "owner", RoleNotAssignableError),
        ("admin", "admin", RoleNotAssignableError),
        ("admin", "member", FINE),
        ("member", "owner", NotPermittedError),
        ("member", "admin", NotPermittedError),
        ("member", "member", NotPermittedError),
        ("ghost", "member", NotPermittedError),
        ("owner", "ghost", RoleNotAssignableError),
    ],
)
def test_D01_each_role_grants_exactly_what_the_policy_lists(
    granting: str, granted: str, expected: type[VestibuleError] | None
) -> None:
    assert outcome(check_may_grant, DEFAULT_POLICY, granting, granted) is expected


@pytest.mark.covers("D13")
@pytest.mark.parametrize("removing", ROLES)
@pytest.mark.parametrize("removed", ROLES)
def test_D13_only_whom_one_may_make_one_may_remove(removing: str, removed: str) -> None:
    allowed = {("owner", "owner"), ("owner", "admin"), ("owner", "member"), ("admin", "member")}
    expected = FINE if (removing, removed) in allowed else NotPermittedError
    other = make_membership(removed, principal_id="principal-other")
    assert outcome(check_may_remove, DEFAULT_POLICY, member(removing), other) is expected


@pytest.mark.covers("D13")
@pytest.mark.parametrize("role", ROLES)
def test_anybody_may_leave(role: str) -> None:
    assert outcome(check_may_remove, DEFAULT_POLICY, member(role), member(role)) is FINE


@pytest.mark.covers("D13")
def test_D13_no_relation_lets_an_admin_remove_an_owner() -> None:
    generous = dataclasses.replace(DEFAULT_POLICY, assignable={"admin": frozenset({"owner"})})
    owner = make_membership("owner", principal_id="principal-other")
    assert outcome(check_may_remove, generous, member("admin"), owner) is NotPermittedError
    lenient = dataclasses.replace(DEFAULT_POLICY, assignable={"member": frozenset({"member"})})
    peer = make_membership("member", principal_id="principal-other")
    assert outcome(check_may_remove, lenient, member("member"), peer) is NotPermittedError


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES))
def test_a_key_needs_the_scope_and_a_principal_never_passes_for_one(scope: Scope) -> None:
    full, empty = HostKey(key_id="k"), HostKey(key_id="k", scopes=ALL_SCOPES - {scope})
    assert outcome(check_key, full, scope) is FINE
    assert outcome(check_key, empty, scope) is NotPermittedError
    assert outcome(check_key, make_identity(), scope) is NotPermittedError


@pytest.mark.covers("TEN-06", "LIF-03")
def test_a_key_bound_to_a_tenant_has_no_say_anywhere_else() -> None:
    bound = HostKey(key_id="k", tenant_id="acme")
    assert outcome(check_key, bound, "members", tenant_id="acme") is FINE
    assert outcome(check_key, bound, "members", tenant_id="other") is NotFoundError
    assert outcome(check_key, bound, "principals") is NotPermittedError
    assert outcome(check_key, HostKey(key_id="k"), "members", tenant_id="other") is FINE


@pytest.mark.covers("LIF-03")
def test_a_directory_speaks_by_a_bound_key_with_its_scope_only() -> None:
    assert check_directory(HostKey(key_id="k", tenant_id="acme")) == "acme"
    for actor in (
        HostKey(key_id="k"),
        HostKey(key_id="k", tenant_id="acme", scopes=ALL_SCOPES - {"directory"}),
        make_identity(),
    ):
        assert outcome(check_directory, actor) is NotPermittedError


def test_a_key_is_nobodys_identity() -> None:
    assert check_principal(make_identity()) == make_identity()
    assert outcome(check_principal, HostKey(key_id="k")) is NotPermittedError


def test_nothing_is_promised_while_a_tenant_is_suspended() -> None:
    assert outcome(check_active, TENANT) is FINE
    assert outcome(check_active, dataclasses.replace(TENANT, suspended_at=NOW)) is TenantSuspendedError


def test_the_state_of_a_tenant_follows_from_its_timestamps() -> None:
    suspended = dataclasses.replace(TENANT, suspended_at=NOW)
    deleted = dataclasses.replace(suspended, deleted_at=NOW)
    assert [tenant.state for tenant in (TENANT, suspended, deleted)] == ["active", "suspended", "deleted"]

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from tests.factories import make_email, make_membership
from vestibule.core.invitation import InvitationDraft
from vestibule.core.issuing import IssueFacts, check_facts, check_recipient, check_role_exists, issue_hits
from vestibule.core.limits import Limits
from vestibule.core.policy import DEFAULT_POLICY
from vestibule.errors import AlreadyMemberError, DomainNotAllowedError, InvalidRequestError, PendingLimitError


@pytest.mark.covers("D14")
@pytest.mark.parametrize("role", ["", "Owner", " owner", "member,owner", "\uff4fwner", "guest", "member\x00"])
def test_D14_a_role_is_named_exactly_or_refused(role: str) -> None:
    check_role_exists(DEFAULT_POLICY, "member")
    with pytest.raises(InvalidRequestError) as caught:
        check_role_exists(DEFAULT_POLICY, role)
    assert caught.value.faults[0].pointer == "/role"


@pytest.mark.covers("ISS-09")
@pytest.mark.parametrize("near", ["v@evil-example.com", "v@example.com.evil.com", "v@sub.example.com"])
def test_only_a_whole_allowed_domain_may_be_invited(near: str) -> None:
    policy = dataclasses.replace(DEFAULT_POLICY, allowed_domains=frozenset({"example.com"}))
    check_recipient(policy, make_email("v@example.com"), None)
    check_recipient(DEFAULT_POLICY, make_email(near), None)
    with pytest.raises(DomainNotAllowedError):
        check_recipient(policy, make_email(near), None)


def test_a_member_is_not_invited_and_a_foreign_domain_is_told_first() -> None:
    policy = dataclasses.replace(DEFAULT_POLICY, allowed_domains=frozenset({"other.example"}))
    with pytest.raises(AlreadyMemberError):
        check_recipient(DEFAULT_POLICY, make_email(), make_membership())
    with pytest.raises(DomainNotAllowedError):
        check_recipient(policy, make_email(), make_membership())


@pytest.mark.covers("ISS-16")
def test_the_cap_on_pending_invitations_is_reached_exactly() -> None:
    policy = dataclasses.replace(DEFAULT_POLICY, max_pending=3, max_pending_per_inviter=2)
    draft = InvitationDraft(email=make_email(), role="member")
    check_facts(policy, draft, _facts(pending=2, of_inviter=1))
    for pending, of_inviter in ((3, 1), (2, 2)):
        with pytest.raises(PendingLimitError):
            check_facts(policy, draft, _facts(pending=pending, of_inviter=of_inviter))


def _facts(*, pending: int, of_inviter: int) -> IssueFacts:
    return IssueFacts(
        member=None,
        pending=pending,
        pending_of_inviter=of_inviter,
        live_resources=frozenset(),
        overdue_review=False,
    )


@pytest.mark.covers("ISS-16", "G08")
@pytest.mark.parametrize(
    "spelling,same",
    [
        ("john.doe@gmail.com", "johndoe@googlemail.com"),
        ("john.doe+x@gmail.com", "johndoe@gmail.com"),
        ("vera+a@example.com", "vera+b@example.com"),
    ],
)
def test_G08_spellings_of_one_mailbox_share_a_recipient_limit_in_a_tenant(spelling: str, same: str) -> None:
    limits = Limits()
    one = issue_hits(limits, "acme", "principal-a", make_email(spelling))
    two = issue_hits(limits, "acme", "principal-b", make_email(same))
    assert one[2] == two[2]
    # What another tenant sends is not for this one to learn (ISS-20).
    other = issue_hits(limits, "other", "principal-b", make_email(same))
    assert {hit.key for hit in one}.isdisjoint(hit.key for hit in other)
    assert make_email(spelling) != make_email(same)


@pytest.mark.covers("ISS-16", "TEN-03")
def test_a_person_is_one_inviter_everywhere_and_a_rule_one_in_each_tenant() -> None:
    def key_of(tenant_id: str, principal_id: str) -> bytes:
        return issue_hits(Limits(), tenant_id, principal_id, make_email("v@example.com"))[0].key

    assert key_of("acme", "olga") == key_of("other", "olga")
    assert key_of("acme", "domain|acme.com") == key_of("acme", "domain|acme.com")
    assert key_of("acme", "domain|acme.com") != key_of("other", "domain|acme.com")
    assert key_of("acme", "domain|acme.com") != key_of("acme", "domain|acme.org")


def test_a_dot_makes_another_recipient_where_it_does_so_in_the_mail() -> None:
    one, two = (issue_hits(Limits(), "t", "p", make_email(a)) for a in ("a.b@example.com", "ab@example.com"))
    assert one[2].key != two[2].key

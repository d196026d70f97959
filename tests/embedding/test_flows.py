# SPDX-License-Identifier: Apache-2.0
"""Every method of the facade, once for what it is for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.embedding.host import MALLORY, OLGA, VERA, VERAS, count_rows, found_acme, invite
from vestibule import (
    ClaimRejectedError,
    InvalidRequestError,
    InvitationDraft,
    InvitationState,
    MemberDraft,
    MisuseError,
    NotFoundError,
    RequestContext,
    TenantDeletedError,
    TenantSuspendedError,
    Vestibule,
    keep_refusals,
)
from vestibule.testing import FrozenClock, Letters, make_identity


@pytest.mark.covers("INT-04")
def test_who_somebody_is_is_the_hosts_word_at_each_call(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)
    unverified = make_identity("vera", "vera@elsewhere.example")
    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        vestibule.accept(connection, unverified, token)

    both = make_identity("vera", "vera@elsewhere.example", "vera@example.com")
    with keep_refusals(engine) as connection:
        assert vestibule.accept(connection, both, token).tenant_name == "Acme"


def test_look_decline_and_ask_again(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    issued, token = invite(engine, vestibule)
    invitation_id = issued.invitation.invitation_id
    with engine.begin() as connection:
        seen = vestibule.preview(connection, token, identity=MALLORY)
        assert (seen.tenant_name, seen.invited_email.masked) == ("Acme", "v***@example.com")
        with pytest.raises(ClaimRejectedError):
            vestibule.decline(connection, MALLORY, token)
        assert vestibule.decline(connection, VERA, token) == invitation_id
        vestibule.request_new(connection, token, identity=VERA)
        view = vestibule.get_invitation(connection, OLGA, "acme", invitation_id)
    letters = Letters()
    vestibule.deliver(engine, letters)

    assert view.state is InvitationState.DECLINED
    assert sorted(one.kind for one in letters.to("olga@example.com")) == ["declined_notice", "renewal_notice"]


def test_ones_own_invitations_need_no_link(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    invite(engine, vestibule)
    with engine.begin() as connection:
        assert vestibule.list_own(connection, MALLORY).items == []
        (mine,) = vestibule.list_own(connection, VERA).items
        with pytest.raises(ClaimRejectedError):
            vestibule.accept_own(connection, MALLORY, mine.invitation.invitation_id)
        vestibule.accept_own(connection, VERA, mine.invitation.invitation_id)

    assert count_rows(engine, "vestibule_memberships", principal_id="vera") == 1


def test_resending_kills_the_old_link(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    issued, old = invite(engine, vestibule)
    with engine.begin() as connection:
        again = vestibule.resend(connection, OLGA, "acme", issued.invitation.invitation_id, deliver="link")
    new = vestibule.link(again).rpartition("/")[2]

    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, old)
    with keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, new)


def test_what_goes_by_mail_has_no_link_to_hand_over(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    with engine.begin() as connection:
        issued = vestibule.issue(connection, OLGA, "acme", InvitationDraft(email=VERAS, role="member"))
    with pytest.raises(MisuseError, match="link"):
        vestibule.link(issued)


def test_lists_are_paged_and_a_cursor_belongs_to_its_own_list(
    engine: sa.Engine, vestibule: Vestibule
) -> None:
    found_acme(engine, vestibule)
    for number in range(3):
        invite(engine, vestibule, make_identity(f"p{number}").addresses[0].address)
    with engine.begin() as connection:
        first = vestibule.list_invitations(connection, OLGA, "acme", state=InvitationState.PENDING, limit=2)
        rest = vestibule.list_invitations(
            connection, OLGA, "acme", state=InvitationState.PENDING, limit=2, cursor=first.next_cursor
        )
        with pytest.raises(InvalidRequestError):
            vestibule.list_invitations(connection, OLGA, "acme", cursor=first.next_cursor)
        with pytest.raises(NotFoundError):
            vestibule.list_invitations(connection, MALLORY, "acme")

    assert (len(first.items), len(rest.items), rest.next_cursor) == (2, 1, None)


@pytest.mark.covers("LIF-03")
def test_a_tenant_is_suspended_resumed_and_deleted(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)
    with engine.begin() as connection:
        assert vestibule.suspend_tenant(connection, "acme").state == "suspended"
        with pytest.raises(TenantSuspendedError):
            vestibule.issue(connection, OLGA, "acme", InvitationDraft(email=VERAS, role="member"))
        assert vestibule.resume_tenant(connection, "acme").state == "active"
        with pytest.raises(ClaimRejectedError):
            vestibule.accept(connection, VERA, token)
        vestibule.delete_tenant(connection, "acme")
        with pytest.raises(TenantDeletedError):
            vestibule.put_tenant(connection, "acme", name="Acme")


def test_members_of_our_own_table_come_and_go(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    with engine.begin() as connection:
        vestibule.put_member(connection, "acme", "vera", MemberDraft(role="admin", email=VERAS))
        vestibule.remove_member(connection, "acme", "vera", remover=OLGA)
        with pytest.raises(NotFoundError):
            vestibule.remove_member(connection, "acme", "vera")
        assert vestibule.offboard(connection, "olga").last_owner_of == ("acme",)


@pytest.mark.covers("ISS-08")
def test_the_hosts_context_stands_in_the_trail(engine: sa.Engine, vestibule: Vestibule) -> None:
    found_acme(engine, vestibule)
    context = RequestContext(correlation_id="host-request-7", ip="192.0.2.7", user_agent="browser")
    with engine.begin() as connection:
        draft = InvitationDraft(email=VERAS, role="member")
        vestibule.issue(connection, OLGA, "acme", draft, context=context)

    assert (
        count_rows(engine, "vestibule_audit_events", correlation_id="host-request-7", source="library") == 1
    )
    assert count_rows(engine, "vestibule_invitations", issued_ip="192.0.2.7", issued_ua="browser") == 1


def test_time_moves_only_when_a_host_test_moves_it(tmp_path: Path) -> None:
    clock = FrozenClock()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    vestibule = Vestibule(public_url="https://app.example", clock=clock)
    with engine.begin() as connection:
        vestibule.create_schema(connection)
    found_acme(engine, vestibule)
    _, token = invite(engine, vestibule)

    clock.advance(timedelta(days=7) - timedelta(milliseconds=1))
    with engine.begin() as connection:
        assert vestibule.preview(connection, token).state is InvitationState.PENDING
    clock.advance(timedelta(milliseconds=1))
    with pytest.raises(ClaimRejectedError), keep_refusals(engine) as connection:
        vestibule.accept(connection, VERA, token)
    engine.dispose()

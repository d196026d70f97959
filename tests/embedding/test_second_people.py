# SPDX-License-Identifier: Apache-2.0
"""Approvals, grants beside a membership and ensuring, inside a host's own transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.embedding.host import count_rows
from vestibule import (
    EmailAddress,
    InvitationDraft,
    InvitationState,
    MemberDraft,
    NotPermittedError,
    ResourceGrant,
    StepUpRequiredError,
    Vestibule,
    host_identity,
    keep_refusals,
)

OLGA = host_identity("olga", "olga@example.com")
OTTO = host_identity("otto", "otto@example.com")
VERA = host_identity("vera", "vera@example.com")


def _found(engine: sa.Engine, vestibule: Vestibule, policy: Mapping[str, Any] | None = None) -> None:
    with engine.begin() as connection:
        vestibule.put_tenant(connection, "acme", name="Acme", policy=policy)
        for who in ("olga", "otto"):
            vestibule.put_member(connection, "acme", who, MemberDraft(role="owner"))


@pytest.mark.covers("INT-02", "ISS-04", "ISS-17", "ISS-19")
def test_a_second_owner_approves_in_the_hosts_transaction(engine: sa.Engine, vestibule: Vestibule) -> None:
    _found(engine, vestibule)
    draft = InvitationDraft(email=EmailAddress.parse_input("vere@example.com"), role="owner")
    with engine.begin() as connection:
        wrong = vestibule.issue(connection, OLGA, "acme", draft)
        address = EmailAddress.parse_input("vera@example.com")
        asked = vestibule.correct(connection, OLGA, "acme", wrong.invitation.invitation_id, address)
    assert asked.state is InvitationState.HELD
    one = asked.invitation.invitation_id
    with engine.begin() as connection:
        again = vestibule.ensure(connection, OLGA, "acme", dataclasses.replace(draft, email=address))
        assert (again.outcome, again.invitation and again.invitation.invitation_id) == ("held", one)
        with pytest.raises(NotPermittedError):
            vestibule.approve(connection, OLGA, "acme", one)
        digest = vestibule.get_held(connection, OTTO, "acme", one).request.digest
        assert vestibule.approve(connection, OTTO, "acme", one, digest=digest).state == "pending"
        assert vestibule.accept_own(connection, VERA, one).role == "owner"


@pytest.mark.covers("INT-02", "ISS-18", "LIF-05")
def test_a_host_authorises_by_what_is_held_now(engine: sa.Engine, vestibule: Vestibule) -> None:
    _found(engine, vestibule)
    grant = ResourceGrant(resource_id="docs", role="member", expires_in=600)
    draft = InvitationDraft(
        email=EmailAddress.parse_input("vera@example.com"), role="member", grants=(grant,)
    )
    with engine.begin() as connection:
        vestibule.put_resource(connection, "acme", "docs", "Documents")
        issued = vestibule.issue(connection, OLGA, "acme", draft)
        vestibule.accept_own(connection, VERA, issued.invitation.invitation_id)
        held = vestibule.list_grants(connection, "acme", "vera")
        assert [(one.resource_id, one.role) for one in held] == [("docs", "member")]
        vestibule.delete_resource(connection, "acme", "docs")
        assert list(vestibule.list_grants(connection, "acme", "vera")) == []


@pytest.mark.covers("INT-02", "S09")
def test_a_demand_for_a_fresh_session_is_kept_in_the_trail(engine: sa.Engine, vestibule: Vestibule) -> None:
    _found(engine, vestibule, {"roles": {"member": {"auth_max_age": 300}}})
    draft = InvitationDraft(email=EmailAddress.parse_input("vera@example.com"), role="member")
    with engine.begin() as connection:
        one = vestibule.issue(connection, OLGA, "acme", draft).invitation.invitation_id
    stale = host_identity(
        "vera", "vera@example.com", authenticated_at=datetime.now(UTC) - timedelta(minutes=6)
    )
    with pytest.raises(StepUpRequiredError), keep_refusals(engine) as connection:
        vestibule.accept_own(connection, stale, one)
    assert count_rows(engine, "vestibule_audit_events", kind="claim.rejected") == 1
    fresh = host_identity("vera", "vera@example.com", authenticated_at=datetime.now(UTC))
    with engine.begin() as connection:
        assert vestibule.accept_own(connection, fresh, one).role == "member"

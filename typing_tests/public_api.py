# SPDX-License-Identifier: Apache-2.0
"""What a type checker says of the public API. Checked by ``make types``, never run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_type

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Session, sessionmaker

import vestibule as v
from vestibule.testing import FrozenClock, Letters


class Table:
    """A host's own members, by structure alone."""

    def __init__(self, connection: sa.Connection) -> None: ...

    def find(self, tenant_id: str, principal_id: str) -> v.Membership | None: ...

    def find_by_address(
        self, tenant_id: str, address: v.EmailAddress, now: datetime
    ) -> v.Membership | None: ...

    def put(self, membership: v.Membership) -> None: ...

    def count(self, tenant_id: str) -> int:
        raise NotImplementedError

    def remove(self, tenant_id: str, principal_id: str) -> bool:
        raise NotImplementedError

    def list_of_principal(self, principal_id: str) -> Sequence[v.Membership]:
        raise NotImplementedError


def check_calls(connection: sa.Connection, session: Session, me: v.VerifiedIdentity) -> None:
    factory: v.HostMembersFactory = Table
    library = v.Vestibule(public_url="https://app.example", members=factory, clock=FrozenClock())
    draft = v.InvitationDraft(email=v.EmailAddress.parse_input("a@b.example"), role="member")
    assert_type(library.issue(connection, me, "acme", draft), v.IssuedInvitation)
    assert_type(library.accept(session, me, "vst_"), v.Accepted)
    assert_type(library.preview(session, v.parse_claim_token("vst_")), v.InvitationPreview)
    assert_type(library.list_invitations(session, me, "acme"), v.Page[v.InvitationView])
    assert_type(library.list_own(session, me), v.Page[v.OwnInvitation])
    assert_type(library.offboard(connection, "vera"), v.Offboarded)
    library.accept(connection, "vera", "vst_")  # type: ignore[arg-type]
    v.InvitationDraft(email="a@b.example", role="member")  # type: ignore[arg-type]
    v.Vestibule()  # type: ignore[call-arg]
    v.Vestibule(public_url="https://app.example", members=object)  # type: ignore[arg-type]


def check_transactions(engine: sa.Engine, sessions: sessionmaker[Session], library: v.Vestibule) -> None:
    with v.keep_refusals(engine) as connection:
        assert_type(connection, sa.Connection)
    with v.keep_refusals(sessions) as session:
        assert_type(session, Session)
    assert_type(library.deliver(engine, Letters()), v.Deliveries)


async def check_async(connection: AsyncConnection, library: v.Vestibule, me: v.VerifiedIdentity) -> None:
    accepted = await connection.run_sync(lambda c: library.accept(c, me, "vst_"))
    assert_type(accepted, v.Accepted)
    assert_type(await connection.run_sync(library.accept, me, "vst_"), v.Accepted)

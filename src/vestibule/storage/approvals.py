# SPDX-License-Identifier: Apache-2.0
"""Approvals of held requests, what must be known of approvers, and reviews of break-glass grants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.approval import Approval, Approver, HeldRequest, count_approvals, read_request
from vestibule.core.invitation import Invitation
from vestibule.core.paging import Page, PageRequest
from vestibule.core.privacy import EVERYWHERE, name_unkept
from vestibule.core.tenant import Membership, Tenant
from vestibule.ports import Members, Review
from vestibule.storage.filters import is_held, is_open
from vestibule.storage.invitations.rows import VISIBLE, read_grants, read_invitation
from vestibule.storage.paging import fetch_page
from vestibule.storage.schema import approvals, audit_events, invitations, principal_addresses, reviews
from vestibule.storage.vault import Vault


class SqlApprovals:
    """Implements ``ports.Approvals``."""

    def __init__(
        self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault, members: Members
    ) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault
        self._members = members

    def lock(self, tenant_id: str, invitation_id: str) -> Invitation | None:
        query = sa.select(*VISIBLE).where(
            invitations.c.invitation_id == invitation_id, invitations.c.tenant_id == tenant_id
        )
        row = self._connection.execute(query.with_for_update()).first()
        if row is None:
            return None
        found = read_grants(self._connection, [invitation_id])
        return read_invitation(row, self._vault, found.get(invitation_id, ()))

    def add(self, invitation_id: str, approval: Approval) -> None:
        ours = sa.and_(
            approvals.c.invitation_id == invitation_id,
            approvals.c.approver_principal_id == approval.approver_principal_id,
        )
        self._connection.execute(sa.delete(approvals).where(ours))
        self._connection.execute(
            sa.insert(approvals).values(
                invitation_id=invitation_id,
                approver_principal_id=approval.approver_principal_id,
                digest=approval.digest,
                connection=approval.connection,
                amr=" ".join(approval.amr)[:255],
                authenticated_at=approval.authenticated_at,
                approved_at=approval.approved_at,
            )
        )

    def list_of(self, invitation_id: str) -> Sequence[Approval]:
        query = (
            sa.select(approvals)
            .where(approvals.c.invitation_id == invitation_id)
            .order_by(approvals.c.approved_at, approvals.c.approver_principal_id)
        )
        return [_read_approval(row) for row in self._connection.execute(query)]

    def read_request(self, tenant: Tenant, invitation: Invitation) -> HeldRequest:
        inviter = self._members.find(tenant.tenant_id, invitation.inviter_principal_id)
        known = frozenset() if inviter is None else self.read_approver(inviter).addresses
        return read_request(tenant.policy, tenant.policy_hash, invitation, known)

    def count(self, tenant: Tenant, request: HeldRequest) -> int:
        given = self.list_of(request.invitation.invitation_id)
        found = (self._members.find(tenant.tenant_id, one.approver_principal_id) for one in given)
        approvers = {one.principal_id: self.read_approver(one) for one in found if one is not None}
        return count_approvals(tenant.policy, request, given, approvers, self._now())

    def read_approver(self, membership: Membership, addresses: Sequence[str] = ()) -> Approver:
        remembered = sa.select(principal_addresses.c.address).where(
            principal_addresses.c.principal_id == membership.principal_id
        )
        stored = self._connection.execute(remembered).scalars()
        known = {*addresses, *(self._vault.address(EVERYWHERE, one) for one in stored)}
        if membership.email is not None:
            known.add(membership.email)
        if self._vault.is_blind(membership.tenant_id):
            # Whoever is invited may be known by its index alone.
            known |= {name_unkept(self._vault.form(membership.tenant_id, one)) for one in known}
        return Approver(
            membership=membership,
            addresses=frozenset(known),
            invited_by=self._find_inviter(membership.invitation_id),
        )

    def list_waited(self, limit: int) -> Sequence[tuple[str, str]]:
        now = self._now()
        query = (
            sa.select(invitations.c.tenant_id, invitations.c.invitation_id)
            .where(invitations.c.release_at <= now, is_held(), is_open())
            .where(invitations.c.expires_at > now)
            .order_by(invitations.c.release_at, invitations.c.invitation_id)
            .limit(limit)
        )
        return [(row.tenant_id, row.invitation_id) for row in self._connection.execute(query)]

    def set_release(self, invitation_id: str, release_at: datetime | None) -> None:
        change = sa.update(invitations).where(invitations.c.invitation_id == invitation_id)
        self._connection.execute(change.values(release_at=release_at))

    def lost_owner_since(self, tenant_id: str, since: datetime) -> bool:
        query = sa.select(audit_events.c.event_id).where(
            audit_events.c.tenant_id == tenant_id,
            audit_events.c.kind.in_(("membership.removed", "membership.stripped", "membership.set")),
            audit_events.c.occurred_at > since,
            sa.or_(
                audit_events.c.body.contains('"role":"owner"'),
                audit_events.c.body.contains('"previous_role":"owner"'),
            ),
            # Who was made an owner by the host, or kept as one, is no loss.
            sa.or_(audit_events.c.kind != "membership.set", ~audit_events.c.body.contains('"role":"owner"')),
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _find_inviter(self, invitation_id: str | None) -> str | None:
        if invitation_id is None:
            return None
        query = sa.select(invitations.c.inviter_principal_id).where(
            invitations.c.invitation_id == invitation_id
        )
        return self._connection.execute(query).scalar()


class SqlReviews:
    """Implements ``ports.Reviews``."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def list_of_tenant(self, tenant_id: str, request: PageRequest, *, is_open: bool) -> Page[Review]:
        query = sa.select(reviews).where(reviews.c.tenant_id == tenant_id)
        if is_open:
            query = query.where(reviews.c.reviewed_at.is_(None))
        order = (reviews.c.opened_at, reviews.c.invitation_id)
        return fetch_page(self._connection, query, order, request).map(_read_review)

    def find(self, tenant_id: str, invitation_id: str) -> Review | None:
        query = sa.select(reviews).where(
            reviews.c.tenant_id == tenant_id, reviews.c.invitation_id == invitation_id
        )
        row = self._connection.execute(query).first()
        return None if row is None else _read_review(row)

    def close(self, tenant_id: str, invitation_id: str, reviewer_principal_id: str, note: str) -> bool:
        change = (
            sa.update(reviews)
            .where(reviews.c.tenant_id == tenant_id, reviews.c.invitation_id == invitation_id)
            .where(reviews.c.reviewed_at.is_(None))
            .values(reviewed_at=self._now(), reviewer_principal_id=reviewer_principal_id, note=note)
        )
        return self._connection.execute(change).rowcount == 1


def _read_approval(row: sa.Row[Any]) -> Approval:
    return Approval(
        approver_principal_id=row.approver_principal_id,
        digest=row.digest,
        connection=row.connection,
        amr=tuple(row.amr.split()),
        authenticated_at=row.authenticated_at,
        approved_at=row.approved_at,
    )


def _read_review(row: sa.Row[Any]) -> Review:
    return Review(
        invitation_id=row.invitation_id,
        tenant_id=row.tenant_id,
        principal_id=row.principal_id,
        role=row.role,
        opened_at=row.opened_at,
        due_at=row.due_at,
        reviewed_at=row.reviewed_at,
        reviewer_principal_id=row.reviewer_principal_id,
        note=row.note,
    )

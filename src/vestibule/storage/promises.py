# SPDX-License-Identifier: Apache-2.0
"""Placing a promise: supersede, seat, grant, trail and outbox as one write; and releasing a held one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from vestibule.core.event import InvitationExpired, InvitationSuperseded, StoredEvent
from vestibule.core.identity import Actor, RequestContext
from vestibule.core.invitation import Invitation, InvitationDraft
from vestibule.core.issuing import IssueFacts, is_break_glass
from vestibule.core.policy import Policy
from vestibule.core.promise import Promise, find_target
from vestibule.errors import SeatLimitError, UnavailableError
from vestibule.ports import Audit, Claims, Directory, Domains, EventStamp, Invitations, Members, Outbox
from vestibule.storage.filters import database_clock, is_open
from vestibule.storage.invitations.rows import VISIBLE, read_grants, read_invitation
from vestibule.storage.schema import invitation_grants, invitations, resources, reviews
from vestibule.storage.vault import Vault

_RACE_TRIES = 100


class SqlPromises:
    """Implements ``ports.Promises`` over the other stores of the same unit of work."""

    def __init__(  # noqa: PLR0913 - the stores of one unit of work, each by its name
        self,
        connection: sa.Connection,
        now: Callable[[], datetime],
        *,
        members: Members,
        invitations: Invitations,
        claims: Claims,
        audit: Audit,
        outbox: Outbox,
        directory: Directory,
        domains: Domains,
        vault: Vault,
    ) -> None:
        self._connection = connection
        self._vault = vault
        self._now = now
        self._members = members
        self._invitations = invitations
        self._claims = claims
        self._audit = audit
        self._outbox = outbox
        self._directory = directory
        self._domains = domains

    def read_facts(
        self, tenant_id: str, policy: Policy, inviter_principal_id: str, draft: InvitationDraft
    ) -> IssueFacts:
        now = self._now()
        pending = self._invitations.count_pending(tenant_id, policy.max_pending)
        theirs = pending
        if pending >= policy.max_pending_per_inviter:
            theirs = self._invitations.count_of_inviter(tenant_id, inviter_principal_id)
        return IssueFacts(
            member=self._members.find_by_address(tenant_id, draft.email, now),
            pending=pending,
            pending_of_inviter=theirs,
            live_resources=self._live_resources(tenant_id, draft),
            domain_rule=self._domains.find_rule(tenant_id, draft.email.domain),
            open_roles=self._open_roles(tenant_id, policy, draft),
            is_barred=self._directory.is_barred(tenant_id, draft.email.key),
            overdue_review=is_break_glass(policy, draft.promised_roles)
            and self._has_overdue_review(tenant_id, inviter_principal_id),
        )

    def place(self, promise: Promise, *, actor: Actor | str) -> StoredEvent:
        invitation, has_seat = promise.invitation, False
        for _ in range(_RACE_TRIES):
            self._supersede(promise)
            if promise.reserves_seat and not has_seat:
                if not self._reserve(invitation.tenant_id, promise.context):
                    raise SeatLimitError
                has_seat = True
            if self._add(promise):
                return self._write_around(promise, actor)
        raise UnavailableError

    def release(self, invitation: Invitation, *, reserves_seat: bool, lifetime: int) -> Invitation | None:
        context = RequestContext(correlation_id=invitation.correlation_id, source="worker")
        if reserves_seat and not self._reserve(invitation.tenant_id, context):
            raise SeatLimitError
        now = self._now()
        change = (
            sa.update(invitations)
            .where(invitations.c.invitation_id == invitation.invitation_id, is_open())
            .where(invitations.c.held_at.is_not(None), invitations.c.approved_at.is_(None))
            .where(invitations.c.expires_at > database_clock(self._connection, now))
            .values(
                approved_at=now,
                expires_at=now + timedelta(seconds=lifetime),
                has_reservation=reserves_seat,
                due_address=invitations.c.due_address if invitation.deliver == "email" else None,
            )
            .returning(*VISIBLE)
        )
        row = self._connection.execute(change).first()
        return None if row is None else read_invitation(row, self._vault, invitation.grants)

    def _add(self, promise: Promise) -> bool:
        return self._invitations.add(
            promise.invitation,
            target=promise.target,
            context=promise.context,
            claim_token_hash=promise.claim_token_hash,
            reserves_seat=promise.reserves_seat,
        )

    def _write_around(self, promise: Promise, actor: Actor | str) -> StoredEvent:
        invitation = promise.invitation
        for one in invitation.grants:
            self._connection.execute(
                sa.insert(invitation_grants).values(
                    invitation_id=invitation.invitation_id,
                    resource_id=one.resource_id,
                    role=one.role,
                    expires_in=one.expires_in,
                )
            )
        if promise.review_due_at is not None:
            self._open_review(invitation, promise.review_due_at)
        written = [
            self._audit.append(event, actor=actor, context=promise.context) for event in promise.events
        ]
        for message in promise.messages:
            self._outbox.put(message)
        return written[0]

    def _open_review(self, invitation: Invitation, due_at: datetime) -> None:
        self._connection.execute(
            sa.insert(reviews).values(
                invitation_id=invitation.invitation_id,
                tenant_id=invitation.tenant_id,
                principal_id=invitation.inviter_principal_id,
                role=invitation.promised_roles[-1],
                opened_at=invitation.created_at,
                due_at=due_at,
            )
        )

    def _supersede(self, promise: Promise) -> None:
        invitation, context = promise.invitation, promise.context
        tenant_id, by = invitation.tenant_id, invitation.invitation_id
        expired, superseded = self._invitations.supersede(
            tenant_id, invitation.invited_email, promise.target, also=invitation.corrects_id
        )
        for earlier in expired:
            ended = InvitationExpired(tenant_id=tenant_id, invitation_id=earlier)
            self._audit.append(ended, actor="clock", context=context)
        for earlier in superseded:
            replaced = InvitationSuperseded(tenant_id=tenant_id, invitation_id=earlier, superseded_by_id=by)
            self._audit.append(replaced, actor=invitation.inviter_principal_id, context=context)

    def _reserve(self, tenant_id: str, context: RequestContext) -> bool:
        if self._invitations.reserve_seat(tenant_id):
            return True
        # What the clock has ended still holds its seat until somebody records it; a dead sweeper must not
        # matter.
        stamp = EventStamp(actor_id="clock", correlation_id=context.correlation_id, source=context.source)
        released = self._claims.release_stale_seats(tenant_id, stamp)
        return released > 0 and self._invitations.reserve_seat(tenant_id)

    def _open_roles(self, tenant_id: str, policy: Policy, draft: InvitationDraft) -> frozenset[str]:
        invited = self._vault.form(tenant_id, draft.email.key)
        query = (
            sa.select(invitations.c.invitation_id, invitations.c.role, invitations.c.grants_only)
            .where(invitations.c.tenant_id == tenant_id, invitations.c.invited_email == invited)
            .where(invitations.c.target == find_target(policy, draft, draft.role or ""), is_open())
            .where(invitations.c.expires_at > self._now())
        )
        found = self._connection.execute(query).all()
        roles = {row.role for row in found if not row.grants_only}
        for grants in read_grants(self._connection, [row.invitation_id for row in found]).values():
            roles |= {one.role for one in grants}
        return frozenset(roles)

    def _live_resources(self, tenant_id: str, draft: InvitationDraft) -> frozenset[str]:
        if not draft.grants:
            return frozenset()
        query = sa.select(resources.c.resource_id).where(
            resources.c.tenant_id == tenant_id,
            resources.c.resource_id.in_([one.resource_id for one in draft.grants]),
            resources.c.deleted_at.is_(None),
        )
        # Held in share mode: whoever deletes one waits, and then finds this invitation to revoke.
        found = self._connection.execute(query.with_for_update(read=True, key_share=True))
        return frozenset(found.scalars())

    def _has_overdue_review(self, tenant_id: str, principal_id: str) -> bool:
        query = sa.select(reviews.c.invitation_id).where(
            reviews.c.tenant_id == tenant_id,
            reviews.c.principal_id == principal_id,
            reviews.c.reviewed_at.is_(None),
            reviews.c.due_at <= self._now(),
        )
        return self._connection.execute(query.limit(1)).first() is not None

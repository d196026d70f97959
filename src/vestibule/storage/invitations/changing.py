# SPDX-License-Identifier: Apache-2.0
"""Making and renewing pending grants, and giving them their token."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.identity import RequestContext
from vestibule.core.invitation import Invitation
from vestibule.storage.dialect import insert_unless_there
from vestibule.storage.filters import database_clock, is_open
from vestibule.storage.invitations.rows import (
    VISIBLE,
    InvitationRows,
    due_place,
    personal_place,
    read_invitation,
)
from vestibule.storage.schema import invitations
from vestibule.storage.seats import give_back_seats, take_seat


class ChangingInvitations(InvitationRows):
    """The part of ``ports.Invitations`` that makes and renews."""

    def supersede(
        self, tenant_id: str, email: EmailAddress, target: str, *, also: str | None = None
    ) -> tuple[Sequence[str], Sequence[str]]:
        now = self._now()
        invited = self._vault.form(tenant_id, email.key)
        same = sa.and_(invitations.c.invited_email == invited, invitations.c.target == target)
        if also is not None:
            same = sa.or_(same, invitations.c.invitation_id == also)
        ours = sa.and_(invitations.c.tenant_id == tenant_id, same, is_open())
        stale = sa.update(invitations).where(ours, invitations.c.expires_at <= now)
        pending = (
            sa.update(invitations)
            .where(ours)
            .values(revoked_at=now, revoked_reason="superseded", claim_token_hash=None, due_address=None)
        )
        columns = (invitations.c.invitation_id, invitations.c.has_reservation)
        stale = stale.values(expired_at=now, due_address=None)
        expired = self._connection.execute(stale.returning(*columns)).all()
        superseded = self._connection.execute(pending.returning(*columns)).all()
        give_back_seats(
            self._connection, tenant_id, sum(row.has_reservation for row in [*expired, *superseded])
        )
        return [row.invitation_id for row in expired], [row.invitation_id for row in superseded]

    def add(
        self,
        invitation: Invitation,
        *,
        target: str,
        context: RequestContext,
        claim_token_hash: bytes | None,
        reserves_seat: bool,
    ) -> bool:
        values = {
            "invitation_id": invitation.invitation_id,
            "tenant_id": invitation.tenant_id,
            "role": invitation.role,
            "invited_email": self._vault.keep(invitation.tenant_id, invitation.invited_email.key),
            "inviter_principal_id": invitation.inviter_principal_id,
            "target": target,
            "claim_token_hash": claim_token_hash,
            "generation": invitation.generation,
            "created_at": invitation.created_at,
            "expires_in": invitation.expires_in,
            "expires_at": invitation.expires_at,
            "policy_version": invitation.policy_version,
            "has_reservation": reserves_seat,
            "locale": invitation.locale,
            "scope": invitation.scope,
            "membership_expires_in": invitation.membership_expires_in,
            "membership_starts_at": invitation.membership_starts_at,
            "grants_only": invitation.grants_only,
            "deliver": invitation.deliver,
            "held_at": invitation.held_at,
            "release_at": invitation.release_at,
            "corrects_id": invitation.corrects_id,
            "send_count": 0,
            "issued_ip": context.ip[:64],
            "issued_ua": context.user_agent[:300],
            "source": context.source,
            "correlation_id": context.correlation_id,
        }
        if invitation.is_held or invitation.deliver == "email":
            values["due_address"] = self._seal_due(invitation)
        # Whoever loses the race for the open target inserts nothing, and has waited for the winner.
        return insert_unless_there(self._connection, invitations, values | self._say(invitation))

    def _say(self, invitation: Invitation) -> dict[str, Any]:
        """What is said of the person: sealed as one where addresses are, else each in its column."""
        metadata = None if invitation.metadata is None else json.dumps(dict(invitation.metadata))
        said = {
            "message": invitation.message,
            "justification": invitation.justification,
            "metadata": metadata,
        }
        invited = self._vault.form(invitation.tenant_id, invitation.invited_email.key)
        place = personal_place(invitation.invitation_id)
        sealed = self._vault.seal(invitation.tenant_id, invited, place, said)
        if sealed is not None:
            return {"personal": sealed}
        return {
            "message": invitation.message,
            "justification": invitation.justification,
            "metadata_json": metadata,
        }

    def _seal_due(self, invitation: Invitation) -> bytes | None:
        """The address as long as something is awaited, where the tenant keeps none."""
        tenant_id, email = invitation.tenant_id, invitation.invited_email
        if not email.is_kept or not self._vault.is_blind(tenant_id):
            return None
        invited, place = self._vault.form(tenant_id, email.key), due_place(invitation.invitation_id)
        return self._vault.seal(tenant_id, invited, place, {"address": email.key})

    def forget_address(self, invitation_id: str, generation: int) -> None:
        change = sa.update(invitations).where(
            invitations.c.invitation_id == invitation_id,
            invitations.c.generation == generation,
            invitations.c.due_address.is_not(None),
        )
        self._connection.execute(change.values(due_address=None))

    def is_to(self, invitation: Invitation, email: EmailAddress) -> bool:
        tenant_id = invitation.tenant_id
        sent_to = self._vault.form(tenant_id, invitation.invited_email.key)
        return sent_to == self._vault.form(tenant_id, email.key)

    def reserve_seat(self, tenant_id: str) -> bool:
        return take_seat(self._connection, tenant_id)

    def renew(
        self, invitation: Invitation, *, lifetime: int, policy_version: int, claim_token_hash: bytes | None
    ) -> Invitation | None:
        now = self._now()
        change = (
            sa.update(invitations)
            .where(invitations.c.invitation_id == invitation.invitation_id, is_open())
            .where(invitations.c.generation == invitation.generation)
            .where(invitations.c.expires_at > database_clock(self._connection, now))
            .values(
                generation=invitation.generation + 1,
                claim_token_hash=claim_token_hash,
                due_address=self._seal_due(invitation) if claim_token_hash is None else None,
                expires_at=now + timedelta(seconds=lifetime),
                policy_version=policy_version,
                resent_at=now,
            )
            .returning(*VISIBLE)
        )
        row = self._connection.execute(change).first()
        return None if row is None else read_invitation(row, self._vault, invitation.grants)

    def set_token(self, invitation_id: str, generation: int, claim_token_hash: bytes) -> bool:
        change = (
            sa.update(invitations)
            .where(
                invitations.c.invitation_id == invitation_id,
                invitations.c.generation == generation,
                is_open(),
            )
            .where(invitations.c.expires_at > database_clock(self._connection, self._now()))
            .values(claim_token_hash=claim_token_hash)
        )
        return self._connection.execute(change).rowcount == 1

    def record_sent(self, invitation_id: str) -> None:
        change = (
            sa.update(invitations)
            .where(invitations.c.invitation_id == invitation_id)
            .values(send_count=invitations.c.send_count + 1, last_sent_at=self._now())
        )
        self._connection.execute(change)

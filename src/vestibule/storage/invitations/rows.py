# SPDX-License-Identifier: Apache-2.0
"""From a row to an invitation, and what every part of the store shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.invitation import Invitation, ResourceGrant
from vestibule.storage.schema import invitation_grants, invitations
from vestibule.storage.vault import Vault

VISIBLE = tuple(column for column in invitations.c if column.name != "claim_token_hash")


class InvitationRows:
    """The connection and clock of one unit of work."""

    def __init__(self, connection: sa.Connection, now: Callable[[], datetime], vault: Vault) -> None:
        self._connection = connection
        self._now = now
        self._vault = vault


def personal_place(invitation_id: str) -> str:
    """What the sealed part of this row is bound to."""
    return f"{invitation_id}\0personal"


def due_place(invitation_id: str) -> str:
    """What the address that a mail still needs is bound to."""
    return f"{invitation_id}\0due_address"


def read_address(row: sa.Row[Any], vault: Vault) -> EmailAddress:
    """Whom the invitation is for: its address, or the name of one that is not kept."""
    due = vault.open(row.tenant_id, row.invited_email, due_place(row.invitation_id), row.due_address)
    return EmailAddress(due.get("address") or vault.address(row.tenant_id, row.invited_email))


def read_grants(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[ResourceGrant, ...]]:
    """What the invitations of these ids grant beside the membership."""
    if not ids:
        return {}
    query = (
        sa.select(invitation_grants)
        .where(invitation_grants.c.invitation_id.in_(ids))
        .order_by(invitation_grants.c.resource_id)
    )
    found: dict[str, tuple[ResourceGrant, ...]] = {}
    for row in connection.execute(query):
        one = ResourceGrant(resource_id=row.resource_id, role=row.role, expires_in=row.expires_in)
        found[row.invitation_id] = (*found.get(row.invitation_id, ()), one)
    return found


def read_invitation(row: sa.Row[Any], vault: Vault, grants: tuple[ResourceGrant, ...] = ()) -> Invitation:
    """The record without its hash."""
    said = {"message": row.message, "justification": row.justification, "metadata": row.metadata_json}
    place = personal_place(row.invitation_id)
    said |= vault.open(row.tenant_id, row.invited_email, place, row.personal)
    return Invitation(
        invitation_id=row.invitation_id,
        tenant_id=row.tenant_id,
        role=row.role,
        invited_email=read_address(row, vault),
        inviter_principal_id=row.inviter_principal_id,
        generation=row.generation,
        created_at=row.created_at,
        expires_in=row.expires_in,
        expires_at=row.expires_at,
        policy_version=row.policy_version,
        locale=row.locale,
        message=said["message"],
        scope=row.scope,
        metadata=None if said["metadata"] is None else json.loads(said["metadata"]),
        membership_expires_in=row.membership_expires_in,
        membership_starts_at=row.membership_starts_at,
        justification=said["justification"],
        grants_only=row.grants_only,
        grants=grants,
        deliver=row.deliver,
        held_at=row.held_at,
        approved_at=row.approved_at,
        release_at=row.release_at,
        corrects_id=row.corrects_id,
        send_count=row.send_count,
        last_sent_at=row.last_sent_at,
        resent_at=row.resent_at,
        consumed_at=row.consumed_at,
        consumed_by_principal_id=row.consumed_by_principal_id,
        declined_at=row.declined_at,
        revoked_at=row.revoked_at,
        revoked_reason=row.revoked_reason,
        correlation_id=row.correlation_id,
    )

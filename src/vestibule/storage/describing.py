# SPDX-License-Identifier: Apache-2.0
"""Everything held of one person as one document: theirs, and nothing of anybody else (LIF-06)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.email import EmailAddress
from vestibule.core.privacy import EVERYWHERE
from vestibule.ports.privacy import Person
from vestibule.storage.invitations.rows import VISIBLE, read_grants, read_invitation
from vestibule.storage.schema import (
    accounts,
    audit_events,
    directory_users,
    grants,
    invitations,
    join_requests,
    memberships,
    principals,
    sessions,
    suppressions,
)
from vestibule.storage.vault import Vault

_EVENTS_MAX = 10_000


def describe_person(
    connection: sa.Connection, vault: Vault, person: Person, forms: Sequence[str]
) -> dict[str, Any]:
    """*forms*: how the person's addresses are stored."""
    ids = list(person.principal_ids)

    def read(
        query: sa.Select[Any], scope: Callable[[sa.Row[Any]], str] | None = None
    ) -> list[dict[str, Any]]:
        return [_describe(row, vault, scope) for row in connection.execute(query)]

    def tenant(row: sa.Row[Any]) -> str:
        return str(row.tenant_id)

    by_address = join_requests.c.address.in_(forms)
    theirs = sa.or_(memberships.c.principal_id.in_(ids), memberships.c.email.in_(forms))
    received = _list_invitations(connection, vault, forms)
    return {
        "principals": read(sa.select(principals).where(principals.c.principal_id.in_(ids))),
        "addresses": [one for one in person.addresses if EmailAddress(one).is_kept],
        "accounts": read(
            sa.select(
                accounts.c.account_id, accounts.c.address, accounts.c.name, accounts.c.created_at
            ).where(sa.or_(accounts.c.account_id.in_(ids), accounts.c.address.in_(forms))),
            lambda _: EVERYWHERE,
        ),
        "sessions": read(
            sa.select(sessions.c.principal_id, sessions.c.connection_id, sessions.c.expires_at).where(
                sessions.c.principal_id.in_(ids)
            )
        ),
        "memberships": read(sa.select(memberships).where(theirs), tenant),
        "grants": read(sa.select(grants).where(grants.c.principal_id.in_(ids))),
        "invitations_received": received,
        "invitations_issued": read(_issued(ids)),
        "join_requests": read(
            sa.select(join_requests).where(sa.or_(join_requests.c.principal_id.in_(ids), by_address)), tenant
        ),
        "suppressions": read(sa.select(suppressions).where(suppressions.c.address.in_(forms)), tenant),
        "directory_users": _list_directory_users(connection, vault, forms),
        "events": _list_events(connection, ids, [one["invitation_id"] for one in received]),
    }


def _issued(ids: Sequence[str]) -> sa.Select[Any]:
    # Whom they invited is somebody else's.
    return sa.select(
        invitations.c.tenant_id,
        invitations.c.invitation_id,
        invitations.c.role,
        invitations.c.created_at,
        invitations.c.issued_ip,
        invitations.c.issued_ua,
    ).where(invitations.c.inviter_principal_id.in_(ids))


def _list_invitations(connection: sa.Connection, vault: Vault, forms: Sequence[str]) -> list[dict[str, Any]]:
    rows = connection.execute(sa.select(*VISIBLE).where(invitations.c.invited_email.in_(forms))).all()
    vault.prefetch((row.tenant_id, row.invited_email) for row in rows)
    bundles = read_grants(connection, [row.invitation_id for row in rows])
    found = []
    for row in rows:
        one = read_invitation(row, vault, bundles.get(row.invitation_id, ()))
        found.append(
            {
                "tenant_id": one.tenant_id,
                "invitation_id": one.invitation_id,
                "email": one.invited_email.shown,
                "role": one.role,
                "message": one.message,
                "justification": one.justification,
                "metadata": None if one.metadata is None else dict(one.metadata),
                "locale": one.locale,
                "created_at": _plain(one.created_at),
                "expires_at": _plain(one.expires_at),
                "consumed_at": _plain(one.consumed_at),
                "declined_at": _plain(one.declined_at),
                "revoked_at": _plain(one.revoked_at),
                "revoked_reason": one.revoked_reason,
            }
        )
    return found


def _list_directory_users(
    connection: sa.Connection, vault: Vault, forms: Sequence[str]
) -> list[dict[str, Any]]:
    from vestibule.storage.directory import read_user  # noqa: PLC0415 - only for an export

    query = sa.select(directory_users).where(directory_users.c.user_name.in_(forms))
    users = [read_user(row, vault) for row in connection.execute(query)]
    return [
        {"tenant_id": one.tenant_id, "user_id": one.user_id, "document": json.loads(one.document)}
        for one in users
    ]


def _list_events(
    connection: sa.Connection, ids: Sequence[str], invitation_ids: Sequence[str]
) -> list[dict[str, Any]]:
    columns = ("tenant_id", "event_id", "kind", "occurred_at", "invitation_id", "actor_id")
    about = sa.or_(audit_events.c.actor_id.in_(ids), audit_events.c.invitation_id.in_(invitation_ids))
    query = sa.select(*(audit_events.c[name] for name in columns)).where(about)
    rows = connection.execute(query.order_by(audit_events.c.occurred_at).limit(_EVENTS_MAX))
    return [{name: _plain(getattr(row, name)) for name in columns} for row in rows]


def _describe(row: sa.Row[Any], vault: Vault, scope: Callable[[sa.Row[Any]], str] | None) -> dict[str, Any]:
    found = {name: _plain(value) for name, value in row._mapping.items()}  # noqa: SLF001 - its public name
    for name in ("address", "email"):
        if scope is not None and found.get(name):
            found[name] = EmailAddress(vault.address(scope(row), found[name])).shown
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

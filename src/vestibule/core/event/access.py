# SPDX-License-Identifier: Apache-2.0
"""Accounts, keys, connections and directories."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.core.event.record import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUserPut(AuditEvent):
    """A tenant's directory said something of one of its users. Nothing is granted by that."""

    kind = "directory.user_put"
    user_id: str
    is_new: bool
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUserDeactivated(AuditEvent):
    """What went with a user whom its directory has deactivated or removed (LIF-03)."""

    kind = "directory.user_deactivated"
    user_id: str
    memberships_ended: int
    invitations_revoked: int
    sessions_ended: int
    last_owner_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUserRemoved(AuditEvent):
    kind = "directory.user_removed"
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroupPut(AuditEvent):
    kind = "directory.group_put"
    group_id: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroupRemoved(AuditEvent):
    kind = "directory.group_removed"
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCreated(AuditEvent):
    kind = "account.created"
    principal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated(AuditEvent):
    kind = "api_key.created"
    key_id: str
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked(AuditEvent):
    kind = "api_key.revoked"
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPut(AuditEvent):
    """A way to sign in was made or changed. *has_new_credential*: what it proves itself with was replaced."""

    kind = "connection.put"
    connection_id: str
    provider: str
    issuer: str
    is_new: bool
    is_disabled: bool
    has_new_credential: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDisabled(AuditEvent):
    kind = "connection.disabled"
    connection_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRemoved(AuditEvent):
    kind = "connection.removed"
    connection_id: str
    sessions_ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(AuditEvent):
    """Somebody came in through a connection; which addresses count is judged at each use."""

    kind = "principal.signed_in"
    principal_id: str
    connection_id: str

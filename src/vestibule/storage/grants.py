# SPDX-License-Identifier: Apache-2.0
"""Who may do what to which table: behind ``vestibule db grants`` and ``vestibule doctor`` (OBS-06).

A row for every table, a cell for every role, in PostgreSQL's own words; what is left out is refused. A new
table needs a row here, and a test says so; docs/separation.md explains how.

Nobody updates, deletes or truncates events. ``migrate`` owns everything and has no cell.
``FOR UPDATE`` and ``FOR KEY SHARE`` need the right to update one column: then it is one that tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vestibule.core.process import ProcessRole
from vestibule.storage.create import VERSION_TABLE
from vestibule.storage.schema import metadata

_RIGHT = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)(?: \(([a-z_, ]+)\))?")
_FINAL = (
    "consumed_at",
    "consumed_by_principal_id",
    "declined_at",
    "declined_by_principal_id",
    "revoked_at",
    "revoked_reason",
    "expired_at",
    "bound_principal_id",
)


def _but(table: str, *columns: str) -> str:
    """Every column of the table but these."""
    return "(" + ", ".join(sorted(set(metadata.tables[table].c.keys()) - set(columns))) + ")"


def _row(
    *, issue: str = "", claim: str = "", admin: str = "", worker: str = "", support: str = ""
) -> Mapping[ProcessRole, str]:
    return {
        ProcessRole.ISSUE: issue,
        ProcessRole.CLAIM: claim,
        ProcessRole.ADMIN: admin,
        ProcessRole.WORKER: worker,
        ProcessRole.SUPPORT: support,
    }


def parse_rights(text: str) -> dict[str, frozenset[str]]:
    """Privileges, each with its columns; none named is all of them."""
    return {
        match[1]: frozenset(match[2].split(", ")) if match[2] else frozenset()
        for match in _RIGHT.finditer(text)
    }


_EVENTS_READ = "SELECT (actor_id, body, event_id, kind, occurred_at, tenant_id)"
_LAG = "SELECT (due_at, settled_at)"
_COUNT = "SELECT, INSERT, UPDATE (arrives_at_ms)"
_REPEATS = "SELECT, INSERT, UPDATE (answer), DELETE"
_REMEMBERS = "SELECT, INSERT, UPDATE (asserted_at, name)"
_OPENS = f"INSERT {_but('vestibule_invitations', *_FINAL)}"
_NO_HASH = f"SELECT {_but('vestibule_invitations', 'claim_token_hash')}"
_ENDS = "due_address, expired_at, revoked_at, revoked_reason"
_PROVED = _but("vestibule_domains", "tenant_id", "domain", "challenge", "created_at")
_HELD = _but("vestibule_grants", "tenant_id", "principal_id", "resource_id")
_MEMBER = _but("vestibule_memberships", "tenant_id", "principal_id")
_KEY_STATE = _but(
    "vestibule_keys", "algorithm", "created_at", "key_id", "provider", "public_key", "purpose", "reference"
)
_UNSEALED = "SELECT (event_id, place)"
_ERASED = (
    "claim_token_hash, erased_at, invited_email, issued_ip, issued_ua, justification, message, "
    "metadata_json, personal"
)
_WRAPS = "SELECT, UPDATE (kek_id, wrapped_key), DELETE"
_ACCOUNT = f"SELECT {_but('vestibule_accounts', 'password_hash')}"

RIGHTS: Mapping[str, Mapping[ProcessRole, str]] = {
    VERSION_TABLE: _row(issue="SELECT", claim="SELECT", admin="SELECT", worker="SELECT", support="SELECT"),
    "vestibule_accounts": _row(issue=_ACCOUNT, claim="SELECT, INSERT", admin=f"{_ACCOUNT}, INSERT, DELETE"),
    "vestibule_anonymous_events": _row(
        claim="SELECT, UPDATE (issued_count, redeemed_count)",
        admin="SELECT, INSERT, UPDATE (closed_at)",
        worker="SELECT",
    ),
    "vestibule_anonymous_issuances": _row(claim="SELECT, INSERT"),
    "vestibule_anonymous_redemptions": _row(claim="SELECT, INSERT"),
    "vestibule_api_keys": _row(issue="SELECT", admin="SELECT, INSERT, UPDATE (revoked_at)"),
    # An auditor's export has them.
    "vestibule_approvals": _row(issue="SELECT, INSERT, DELETE", admin="SELECT", worker="SELECT"),
    "vestibule_audit_events": _row(
        issue=f"{_EVENTS_READ}, INSERT",
        claim=f"{_EVENTS_READ}, INSERT",
        admin="SELECT, INSERT",
        worker="SELECT, INSERT",
        support="SELECT (body, event_id, invitation_id, kind, occurred_at, source)",
    ),
    "vestibule_challenges": _row(
        claim="SELECT, INSERT, UPDATE (tries_left, used_at)",
        admin="SELECT (address), DELETE",
        worker=f"SELECT {_but('vestibule_challenges', 'challenge_hash', 'code_hash', 'password_hash')}, "
        "UPDATE (code_hash), DELETE",
    ),
    "vestibule_checkpoints": _row(
        admin="SELECT", worker="SELECT, INSERT, UPDATE (claimed_until, key_id, note, signed_at), DELETE"
    ),
    "vestibule_connections": _row(
        issue=f"SELECT {_but('vestibule_connections', 'sealed_secret')}",
        claim="SELECT",
        admin="SELECT, INSERT, UPDATE (amr_map, client_id, deleted_at, disabled_at, name, sealed_secret)",
    ),
    "vestibule_cosignatures": _row(admin="SELECT", worker="SELECT, INSERT"),
    "vestibule_deployment": _row(
        issue="SELECT",
        claim="SELECT",
        admin="SELECT, INSERT, UPDATE (policy, policy_version)",
        worker="SELECT",
    ),
    "vestibule_directory_bars": _row(
        issue="SELECT", claim="SELECT", admin="SELECT, INSERT, DELETE", worker="SELECT"
    ),
    "vestibule_directory_groups": _row(
        admin=f"SELECT, INSERT, UPDATE {_but('vestibule_directory_groups', 'tenant_id', 'group_id')}, DELETE"
    ),
    "vestibule_directory_users": _row(
        admin=f"SELECT, INSERT, UPDATE {_but('vestibule_directory_users', 'tenant_id', 'user_id')}, DELETE",
        worker="SELECT (tenant_id, user_name)",
    ),
    "vestibule_domains": _row(
        issue="SELECT",
        claim="SELECT",
        admin=f"SELECT, INSERT, UPDATE {_PROVED}, DELETE",
        worker="SELECT, UPDATE (checked_at, finding, proof_expires_at, proved_at)",
    ),
    "vestibule_grants": _row(
        issue="SELECT (principal_id, tenant_id), DELETE",
        claim=f"SELECT, INSERT, UPDATE {_HELD}, DELETE",
        admin="SELECT, DELETE",
        worker="SELECT, UPDATE (created_at), DELETE",
    ),
    "vestibule_idempotency_keys": _row(
        issue=_REPEATS, claim=_REPEATS, admin=_REPEATS, worker="SELECT (created_at), DELETE"
    ),
    "vestibule_invitation_grants": _row(
        issue="SELECT, INSERT", claim="SELECT", admin="SELECT", worker="SELECT"
    ),
    "vestibule_invitations": _row(
        issue=f"{_NO_HASH}, {_OPENS}, UPDATE (approved_at, claim_token_hash, {_ENDS}, expires_at, "
        "generation, has_reservation, policy_version, release_at, resent_at)",
        claim=f"SELECT, {_OPENS}, UPDATE (bound_principal_id, claim_token_hash, consumed_at, "
        f"consumed_by_principal_id, declined_at, declined_by_principal_id, {_ENDS})",
        admin=f"{_NO_HASH}, UPDATE ({_ENDS}, {_ERASED}, has_reservation)",
        worker=f"{_NO_HASH}, UPDATE (approved_at, {_ERASED}, {_ENDS}, expires_at, has_reservation, "
        "last_sent_at, release_at, send_count)",
        support="SELECT (approved_at, consumed_at, created_at, declined_at, expires_at, generation, held_at, "
        "invitation_id, last_sent_at, revoked_at, revoked_reason, role, tenant_id)",
    ),
    "vestibule_join_requests": _row(
        issue="SELECT, INSERT, UPDATE (approved_at, decided_by_principal_id, invitation_id, rejected_at)",
        admin="SELECT, UPDATE (address, withdrawn_at)",
        worker="SELECT",
    ),
    "vestibule_keys": _row(
        issue="SELECT",
        claim="SELECT",
        admin=f"SELECT, INSERT, UPDATE {_KEY_STATE}",
        # It rotates, and gives up nothing.
        worker="SELECT, INSERT, UPDATE (active_at, activated_event_id, replaced_at, verify_until)",
        # Where addresses are sealed, `--email` needs the key of their indices.
        support="SELECT",
    ),
    # A trigger fills the queue with its owner's rights; only the sealer takes out, and appends.
    "vestibule_log_entries": _row(admin="SELECT", worker="SELECT, INSERT"),
    "vestibule_log_leaves": _row(admin="SELECT", worker="SELECT, INSERT"),
    "vestibule_log_nodes": _row(admin="SELECT", worker="SELECT, INSERT"),
    "vestibule_log_queue": _row(issue=_UNSEALED, claim=_UNSEALED, admin=_UNSEALED, worker="SELECT, DELETE"),
    "vestibule_log_trees": _row(admin="SELECT", worker="SELECT, INSERT, UPDATE (frontier, size)"),
    "vestibule_memberships": _row(
        issue="SELECT, DELETE",
        claim=f"SELECT, INSERT, UPDATE {_MEMBER}, DELETE",
        admin=f"SELECT, INSERT, UPDATE {_MEMBER}, DELETE",
        worker="SELECT, UPDATE (end_announced_at), DELETE",
    ),
    "vestibule_outbox_messages": _row(
        issue=f"{_LAG}, INSERT",
        claim=f"{_LAG}, INSERT",
        admin=f"{_LAG}, INSERT",
        worker="SELECT, INSERT, UPDATE (attempt, claimed_by, due_at, outcome, settled_at)",
        support=_LAG,
    ),
    "vestibule_policy_changes": _row(
        admin="SELECT, INSERT, UPDATE (activated_at, approved_at, approver_id, closed_at)"
    ),
    "vestibule_policy_documents": _row(admin="SELECT, INSERT"),
    "vestibule_principal_addresses": _row(
        issue="SELECT, INSERT, DELETE",
        claim="SELECT, INSERT, DELETE",
        admin="SELECT, DELETE",
        worker="SELECT",
    ),
    "vestibule_principals": _row(
        issue=_REMEMBERS,
        claim=_REMEMBERS,
        admin="SELECT, INSERT, UPDATE (name, offboarded_at)",
        worker="SELECT",
    ),
    "vestibule_privacy": _row(
        issue="SELECT", claim="SELECT", admin="SELECT, INSERT", worker="SELECT", support="SELECT"
    ),
    "vestibule_rate_limits": _row(issue=_COUNT, claim=_COUNT, admin=_COUNT, worker=f"{_COUNT}, DELETE"),
    "vestibule_reports": _row(issue="SELECT", claim="SELECT, INSERT", admin="SELECT"),
    "vestibule_resources": _row(
        issue="SELECT, UPDATE (created_at)",
        claim="SELECT, UPDATE (created_at)",
        admin="SELECT, INSERT, UPDATE (created_at, deleted_at, name)",
        worker="SELECT, UPDATE (created_at)",
    ),
    "vestibule_reviews": _row(issue="SELECT, INSERT, UPDATE (note, reviewed_at, reviewer_principal_id)"),
    "vestibule_seat_shards": _row(
        issue="SELECT, UPDATE (used)",
        claim="SELECT, UPDATE (used)",
        admin="SELECT, INSERT, UPDATE (used), DELETE",
        worker="SELECT, UPDATE (used)",
    ),
    "vestibule_sessions": _row(
        issue="SELECT",
        claim="SELECT, INSERT, DELETE",
        admin="SELECT, DELETE",
        worker="SELECT (expires_at), DELETE",
    ),
    "vestibule_sign_ins": _row(
        claim="SELECT, INSERT, DELETE",
        admin="SELECT (connection_id), DELETE",
        worker="SELECT (expires_at), DELETE",
    ),
    "vestibule_subjects": _row(
        issue="SELECT, INSERT", claim="SELECT, INSERT", admin=f"INSERT, {_WRAPS}", worker=_WRAPS
    ),
    "vestibule_suppressions": _row(claim="SELECT, INSERT", admin="SELECT, INSERT, DELETE", worker="SELECT"),
    # A tenant's id is what all of its rows hang on: who may update nothing else changes nothing.
    "vestibule_tenants": _row(
        issue="SELECT, UPDATE (tenant_id)",
        claim="SELECT, UPDATE (tenant_id)",
        admin=f"SELECT, INSERT, UPDATE {_but('vestibule_tenants', 'tenant_id', 'created_at')}",
        worker="SELECT, UPDATE (tenant_id)",
        support="SELECT (deleted_at, suspended_at, tenant_id)",
    ),
}
FUNCTIONS: Mapping[str, tuple[ProcessRole, ...]] = {
    "vestibule_find_address(text,text,integer)": (ProcessRole.SUPPORT,),
    "vestibule_find_link(bytea)": (ProcessRole.ISSUE, ProcessRole.CLAIM, ProcessRole.SUPPORT),
    "vestibule_lost_race()": (ProcessRole.CLAIM,),
}

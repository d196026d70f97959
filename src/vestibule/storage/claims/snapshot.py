# SPDX-License-Identifier: Apache-2.0
"""Loading the snapshot: one statement, the same for a known and an unknown link."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vestibule.core.binding import BundledGrant, Grant, Snapshot
from vestibule.core.domain import DomainRule, Rung
from vestibule.core.email import EmailAddress
from vestibule.core.policy import NOTHING, load_hash, load_policy
from vestibule.core.privacy import is_sealed, name_unkept
from vestibule.ports.privacy import AddressSealer, Subject
from vestibule.storage.hot import HotStatement, Kind
from vestibule.storage.schema import from_milliseconds

SEAT_SHARDS = 8

_COLUMNS: tuple[tuple[str, Kind], ...] = (
    ("now_ms", "int"),
    ("invitation_id", "text"),
    ("tenant_id", "text"),
    ("role", "text"),
    ("invited_email", "text"),
    ("inviter_principal_id", "text"),
    ("generation", "int"),
    ("expires_ms", "int"),
    ("consumed_ms", "int"),
    ("consumed_by_principal_id", "text"),
    ("declined_ms", "int"),
    ("revoked_ms", "int"),
    ("membership_expires_in", "int"),
    ("has_reservation", "bool"),
    ("is_held", "bool"),
    ("is_approved", "bool"),
    ("grants_only", "bool"),
    ("bound_principal_id", "text"),
    ("bundle", "text"),
    ("tenant_name", "text"),
    ("policy", "text"),
    ("policy_version", "int"),
    ("base_policy", "text"),
    ("base_version", "int"),
    ("tenant_suspended", "bool"),
    ("tenant_deleted", "bool"),
    ("inviter_role", "text"),
    ("inviter_name", "text"),
    ("existing_role", "text"),
    ("existing_ends", "bool"),
    ("holds_seat", "bool"),
    ("seat_shard", "int"),
    ("principal_offboarded", "bool"),
    ("domain_rung", "text"),
    ("domain_role", "text"),
    ("domain_proved", "bool"),
    ("recipient_barred", "bool"),
    ("is_kept_owner", "bool"),
    ("subject_kek_id", "text"),
    ("subject_key", "text"),
    ("subject_sealed", "text"),
)
_NAMES = tuple(name for name, _ in _COLUMNS)

_SELECT = """
SELECT {now_ms}, i.invitation_id, i.tenant_id, i.role, i.invited_email, i.inviter_principal_id, i.generation,
  {expires}, {consumed}, i.consumed_by_principal_id, {declined}, {revoked},
  i.membership_expires_in, i.has_reservation,
  i.held_at IS NOT NULL AND i.approved_at IS NULL, i.approved_at IS NOT NULL, i.grants_only,
  i.bound_principal_id,
  {bundle},
  t.name, t.policy, t.policy_version, z.policy, z.policy_version,
  t.suspended_at IS NOT NULL, t.deleted_at IS NOT NULL,
  m.role, p.name,
  CASE WHEN e.suspended_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > {now}) THEN e.role END,
  e.expires_at IS NOT NULL,
  e.principal_id IS NOT NULL,
  (SELECT s.shard FROM vestibule_seat_shards s WHERE s.tenant_id = i.tenant_id AND s.used < s.allowance
    ORDER BY (s.shard + CAST(:spread AS integer)) % {shards} LIMIT 1),
  o.offboarded_at IS NOT NULL,
  d.rung, d.role, COALESCE(d.proof_expires_at > {now}, FALSE),
  EXISTS (SELECT 1 FROM vestibule_directory_bars b WHERE b.tenant_id = i.tenant_id
    AND b.subject IN (i.invited_email, CAST(:principal_id AS {text}))),
  e.suspended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM vestibule_memberships w
    WHERE w.tenant_id = i.tenant_id AND w.role = 'owner' AND w.suspended_at IS NULL
      AND w.expires_at IS NULL AND (w.starts_at IS NULL OR w.starts_at <= {now})),
  u.kek_id, u.wrapped_key, u.sealed
FROM (SELECT 1 AS one) AS one
LEFT JOIN vestibule_invitations i ON {selector}
LEFT JOIN vestibule_tenants t ON t.tenant_id = i.tenant_id
LEFT JOIN vestibule_deployment z ON z.deployment_id = 1
LEFT JOIN vestibule_memberships m ON m.tenant_id = i.tenant_id AND m.principal_id = i.inviter_principal_id
  AND m.suspended_at IS NULL AND (m.expires_at IS NULL OR m.expires_at > {now})
  AND (m.starts_at IS NULL OR m.starts_at <= {now})
LEFT JOIN vestibule_domains d ON d.tenant_id = i.tenant_id
  AND COALESCE(d.domain_index, d.domain) = {invited_domain}
LEFT JOIN vestibule_subjects u ON u.scope = i.tenant_id AND u.subject = i.invited_email
LEFT JOIN vestibule_principals p ON p.principal_id = i.inviter_principal_id
LEFT JOIN vestibule_memberships e ON e.tenant_id = i.tenant_id
  AND e.principal_id = CAST(:principal_id AS {text})
LEFT JOIN vestibule_principals o ON o.principal_id = CAST(:principal_id AS {text})
"""

_BUNDLE = """(SELECT {collect} FROM vestibule_invitation_grants g
    LEFT JOIN vestibule_resources r ON r.tenant_id = i.tenant_id
      AND r.resource_id = g.resource_id AND r.deleted_at IS NULL
    WHERE g.invitation_id = i.invitation_id)"""
_COLLECT = {
    True: "json_group_array(json_array(g.resource_id, g.role, r.resource_id IS NOT NULL))",
    False: "CAST(jsonb_agg(jsonb_build_array(g.resource_id, g.role, r.resource_id IS NOT NULL)) AS text)",
}
_BY_HASH = "i.claim_token_hash = CAST(:claim_token_hash AS {blob})"
_BY_ID = "i.invitation_id = CAST(:invitation_id AS {text})"


def _epoch_ms(expression: str) -> str:
    return f"CAST(floor(extract(epoch FROM {expression}) * 1000) AS bigint)"


def _build(name: str, selector: str, *, is_sqlite: bool) -> HotStatement:
    words = {"text": "text", "blob": "blob" if is_sqlite else "bytea", "shards": str(SEAT_SHARDS)}
    words["bundle"] = _BUNDLE.format(collect=_COLLECT[is_sqlite])
    columns = ("expires", "consumed", "declined", "revoked")
    if is_sqlite:
        words |= {"now": ":now_ms", "now_ms": ":now_ms"}
        words |= {"invited_domain": "substr(i.invited_email, instr(i.invited_email, '@') + 1)"}
        words |= {column: f"i.{column}_at" for column in columns}
    else:
        words |= {"now": "clock_timestamp()", "now_ms": _epoch_ms("clock_timestamp()")}
        words |= {"invited_domain": "split_part(i.invited_email, '@', 2)"}
        words |= {column: _epoch_ms(f"i.{column}_at") for column in columns}
    sql = _SELECT.format(selector=selector.format(**words), **words)
    return HotStatement(name=name, sql=sql, columns=_COLUMNS)


LOAD_BY_HASH = _build("load_by_hash", _BY_HASH, is_sqlite=False)
LOAD_BY_ID = _build("load_by_id", _BY_ID, is_sqlite=False)
SQLITE_LOAD_BY_HASH = _build("load_by_hash", _BY_HASH, is_sqlite=True)
SQLITE_LOAD_BY_ID = _build("load_by_id", _BY_ID, is_sqlite=True)


def read_snapshot(
    row: Sequence[Any], sealer: AddressSealer | None, shown: Sequence[EmailAddress] = ()
) -> Snapshot:
    """The snapshot behind one loaded row. Where no address is kept, the one of *shown* with the same index
    is the invited one, and else it stays unknown.
    """
    found = dict(zip(_NAMES, row, strict=True))
    return Snapshot(
        now=from_milliseconds(found["now_ms"]),
        grant=None if found["invitation_id"] is None else _read_grant(found, sealer, shown),
        existing_role=found["existing_role"],
        existing_ends=found["existing_ends"],
        holds_seat=found["holds_seat"],
        seat_shard=found["seat_shard"],
        principal_offboarded=found["principal_offboarded"],
        is_kept_owner=found["is_kept_owner"],
    )


def _read_grant(
    found: Mapping[str, Any], sealer: AddressSealer | None, shown: Sequence[EmailAddress]
) -> Grant:
    base = found["base_policy"] or NOTHING
    return Grant(
        invitation_id=found["invitation_id"],
        tenant_id=found["tenant_id"],
        role=found["role"],
        invited_email=_read_address(found, sealer, shown),
        inviter_principal_id=found["inviter_principal_id"],
        generation=found["generation"],
        expires_at=from_milliseconds(found["expires_ms"]),
        consumed_at=_read_moment(found["consumed_ms"]),
        consumed_by_principal_id=found["consumed_by_principal_id"],
        declined_at=_read_moment(found["declined_ms"]),
        revoked_at=_read_moment(found["revoked_ms"]),
        membership_expires_in=found["membership_expires_in"],
        has_reservation=found["has_reservation"],
        is_held=found["is_held"],
        is_approved=found["is_approved"],
        grants_only=found["grants_only"],
        bundle=_read_bundle(found["bundle"]),
        bound_principal_id=found["bound_principal_id"],
        tenant_name=found["tenant_name"],
        policy=load_policy(base, found["policy"]),
        policy_version=found["policy_version"],
        policy_hash=load_hash(base, found["policy"]),
        base_version=found["base_version"] or 0,
        tenant_suspended=found["tenant_suspended"],
        tenant_deleted=found["tenant_deleted"],
        inviter_role=found["inviter_role"],
        inviter_name=found["inviter_name"],
        domain_rule=_read_domain_rule(found),
        recipient_barred=found["recipient_barred"],
    )


def _read_address(
    found: Mapping[str, Any], sealer: AddressSealer | None, shown: Sequence[EmailAddress]
) -> EmailAddress:
    stored: str = found["invited_email"]
    if sealer is None or not is_sealed(stored):
        return EmailAddress(stored)
    if not found["subject_sealed"]:
        same = (one for one in shown if sealer.index(found["tenant_id"], one.key) == stored)
        return next(same, EmailAddress(name_unkept(stored)))
    subject = Subject(
        scope=found["tenant_id"],
        subject=stored,
        kek_id=found["subject_kek_id"],
        wrapped_key=found["subject_key"],
        sealed=found["subject_sealed"],
    )
    return EmailAddress(sealer.open_address(subject))


def _read_bundle(stored: str | None) -> tuple[BundledGrant, ...]:
    return tuple(
        BundledGrant(resource_id=resource_id, role=role, is_live=bool(is_live))
        for resource_id, role, is_live in json.loads(stored or "[]")
    )


def _read_domain_rule(found: Mapping[str, Any]) -> DomainRule | None:
    if found["domain_rung"] is None:
        return None
    rung = Rung(found["domain_rung"])
    return DomainRule(rung=rung, role=found["domain_role"], is_proved=found["domain_proved"])


def _read_moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_milliseconds(milliseconds)

# SPDX-License-Identifier: Apache-2.0
"""The settling statements on PostgreSQL: one data-modifying CTE each, one round trip.

Each re-checks, at the moment of writing, what the snapshot promised: the tenant's state and policy version
(under the share lock that the foreign key takes anyway), the inviter's role (or the rule of the domain that
promised, and its proof), the record's own state against
``clock_timestamp()`` (``now()`` would be frozen at the start of the transaction and let an expired row
through after a lock wait), its generation and hash, the seat, the unique membership. Nothing is written
unless the record was consumed; if a later part then finds itself too late, ``vestibule_lost_race()`` raises
and the whole statement is undone. The outcome is 1 (settled) or 0 (a refusal, or look again).
"""

from __future__ import annotations

from vestibule.storage.hot import HotStatement

_GUARDS = """
tenant AS (
  SELECT tenant_id FROM vestibule_tenants
  WHERE tenant_id = CAST(:tenant_id AS text) AND policy_version = CAST(:policy_version AS integer)
    AND suspended_at IS NULL AND deleted_at IS NULL
  FOR KEY SHARE
),
granted AS (
  UPDATE vestibule_invitations SET {final}
  WHERE invitation_id = CAST(:invitation_id AS text) AND generation = CAST(:generation AS integer)
    AND (CAST(:claim_token_hash AS bytea) IS NULL OR claim_token_hash = CAST(:claim_token_hash AS bytea))
    AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL
    AND expires_at > clock_timestamp() AND (held_at IS NULL OR approved_at IS NOT NULL)
    AND (bound_principal_id IS NULL OR bound_principal_id = CAST(:principal_id AS text))
    AND EXISTS (SELECT 1 FROM tenant)
    AND CAST(:base_version AS integer) = COALESCE(
      (SELECT policy_version FROM vestibule_deployment WHERE deployment_id = 1), 0)
    AND (NOT CAST(:checks_inviter AS boolean) OR EXISTS (
      SELECT 1 FROM vestibule_memberships WHERE tenant_id = CAST(:tenant_id AS text)
        AND principal_id = CAST(:inviter_principal_id AS text) AND role = CAST(:inviter_role AS text)
        AND suspended_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
        AND (starts_at IS NULL OR starts_at <= clock_timestamp())))
    AND (CAST(:rule_domain AS text) IS NULL OR EXISTS (
      SELECT 1 FROM vestibule_domains WHERE tenant_id = CAST(:tenant_id AS text)
        AND domain = CAST(:rule_domain AS text) AND rung = CAST(:rule_rung AS text)
        AND role = vestibule_invitations.role AND proof_expires_at > clock_timestamp()))
  RETURNING invitation_id, tenant_id, role, invited_email, membership_starts_at, membership_expires_in
)"""

_FULLEST = """(SELECT part.shard FROM vestibule_seat_shards AS part
  WHERE part.tenant_id = CAST(:tenant_id AS text)
    ORDER BY part.used - part.allowance DESC, part.shard LIMIT 1)"""

_SEAT = f"""
seat AS (
  UPDATE vestibule_seat_shards SET used = used + CAST(:seat_change AS integer)
  WHERE tenant_id = CAST(:tenant_id AS text)
    AND shard = CASE WHEN CAST(:seat_change AS integer) > 0 THEN CAST(:seat_shard AS integer)
      ELSE {_FULLEST} END
    AND (CAST(:seat_change AS integer) < 0 OR used < allowance)
    AND EXISTS (SELECT 1 FROM granted)
  RETURNING 1
)"""

_TRAIL = """
event AS (
  INSERT INTO vestibule_audit_events (event_id, tenant_id, invitation_id, kind, occurred_at, actor_id,
    correlation_id,
    source, body)
  SELECT CAST(:event_id AS text), tenant_id, invitation_id, CAST(:event_kind AS text),
    date_trunc('milliseconds', clock_timestamp()), CAST(:actor_id AS text),
    CAST(:correlation_id AS text), CAST(:source AS text), CAST(:event_body AS text)
  FROM granted
  RETURNING occurred_at
),
notice AS (
  INSERT INTO vestibule_outbox_messages (message_id, kind, payload, created_at, due_at, attempt)
  SELECT CAST(:message_id AS text), CAST(:message_kind AS text), CAST(:message_payload AS text),
    clock_timestamp(), clock_timestamp(), 0
  FROM granted
)"""

_PERSON = """
person AS (
  INSERT INTO vestibule_principals AS principals (principal_id, name, asserted_at)
  SELECT CAST(:principal_id AS text), CAST(:principal_name AS text), clock_timestamp() FROM granted
  ON CONFLICT (principal_id) DO UPDATE
    SET name = COALESCE(EXCLUDED.name, principals.name), asserted_at = EXCLUDED.asserted_at
    WHERE principals.offboarded_at IS NULL
  RETURNING 1
),
remembered AS (
  INSERT INTO vestibule_principal_addresses (principal_id, address)
  SELECT CAST(:principal_id AS text), address
  FROM granted, jsonb_array_elements_text(CAST(:addresses AS jsonb)) AS address
  ON CONFLICT DO NOTHING
),
kept AS (
  INSERT INTO vestibule_subjects (scope, subject, kek_id, wrapped_key, sealed)
  SELECT '', one.subject, one.kek_id, one.wrapped_key, one.sealed
  FROM granted, jsonb_to_recordset(CAST(:subjects AS jsonb))
    AS one (subject text, kek_id text, wrapped_key text, sealed text)
  ON CONFLICT DO NOTHING
),
forgotten AS (
  DELETE FROM vestibule_principal_addresses
  WHERE principal_id = CAST(:principal_id AS text) AND EXISTS (SELECT 1 FROM granted)
    AND NOT CAST(:addresses AS jsonb) ? CAST(address AS text)
)"""

# The end that the invitation gives, from its start; no longer than policy allows now, and never after the
# tenant's event.
_ENDS = """LEAST(GREATEST(membership_starts_at, clock_timestamp())
        + LEAST(membership_expires_in, CAST(:longest AS integer)) * interval '1 second',
      to_timestamp(CAST(:ends_ms AS bigint) / 1000.0))"""

# An owner who was kept without force comes back by invitation once the tenant has another (ADR 0005).
# Holding a seat means having a row. If a sweep has ended that row since the snapshot, its seat went with it.
_MEMBER = f"""
first AS (
  INSERT INTO vestibule_memberships (tenant_id, principal_id, role, email, name, created_at, starts_at,
    expires_at, invitation_id)
  SELECT tenant_id, CAST(:principal_id AS text), role, invited_email, CAST(:principal_name AS text),
    clock_timestamp(), membership_starts_at, {_ENDS}, invitation_id
  FROM granted WHERE CAST(:writes_member AS boolean) AND NOT CAST(:holds_seat AS boolean)
  ON CONFLICT DO NOTHING
  RETURNING 1
),
again AS (
  UPDATE vestibule_memberships AS memberships
    SET role = granted.role, email = invited_email, name = CAST(:principal_name AS text),
    created_at = clock_timestamp(), invitation_id = granted.invitation_id, end_announced_at = NULL,
    suspended_at = NULL,
    starts_at = membership_starts_at, expires_at = {_ENDS}
  FROM granted WHERE CAST(:writes_member AS boolean) AND CAST(:holds_seat AS boolean)
    AND memberships.tenant_id = granted.tenant_id AND principal_id = CAST(:principal_id AS text)
    AND (expires_at <= clock_timestamp() OR (suspended_at IS NOT NULL AND EXISTS (
      SELECT 1 FROM vestibule_memberships AS heir WHERE heir.tenant_id = granted.tenant_id
        AND heir.role = 'owner' AND heir.suspended_at IS NULL AND heir.expires_at IS NULL
        AND (heir.starts_at IS NULL OR heir.starts_at <= clock_timestamp()))))
  RETURNING 1
),
member AS (SELECT 1 FROM first UNION ALL SELECT 1 FROM again)"""

# All or none: every resource is still there and stays until this is over; what is held already is kept.
_BUNDLE = """
target AS (
  SELECT resource_id FROM vestibule_resources
  WHERE tenant_id = CAST(:tenant_id AS text) AND deleted_at IS NULL AND resource_id IN (
    SELECT resource_id FROM vestibule_invitation_grants WHERE invitation_id = CAST(:invitation_id AS text))
  FOR KEY SHARE
),
bundle AS (
  INSERT INTO vestibule_grants AS held (tenant_id, principal_id, resource_id, role, created_at, expires_at,
    invitation_id)
  SELECT granted.tenant_id, CAST(:principal_id AS text), promised.resource_id, promised.role,
    clock_timestamp(), LEAST(clock_timestamp() + promised.expires_in * interval '1 second',
      to_timestamp(CAST(:ends_ms AS bigint) / 1000.0)), granted.invitation_id
  FROM granted JOIN vestibule_invitation_grants AS promised USING (invitation_id)
  JOIN target ON target.resource_id = promised.resource_id
  ON CONFLICT (tenant_id, principal_id, resource_id) DO UPDATE
    SET role = EXCLUDED.role, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at,
      invitation_id = EXCLUDED.invitation_id
    WHERE held.expires_at <= clock_timestamp()
      OR (held.role = EXCLUDED.role AND held.expires_at < COALESCE(EXCLUDED.expires_at, 'infinity'))
)"""
# The same role for longer: the one thing that accepting changes of a membership (docs/adr/0011).
_EXTENSION = f"""
extended AS (
  UPDATE vestibule_memberships AS present SET expires_at = {_ENDS}, end_announced_at = NULL
  FROM granted WHERE CAST(:extends AS boolean) AND membership_starts_at IS NULL
    AND present.tenant_id = granted.tenant_id
    AND present.principal_id = CAST(:principal_id AS text) AND present.role = granted.role
    AND present.suspended_at IS NULL AND present.expires_at < {_ENDS}
)"""
_BUNDLE_OK = "(SELECT count(*) FROM target) = CAST(:bundle_size AS integer)"

_ACCEPTED = """consumed_at = clock_timestamp(), due_address = NULL,
    consumed_by_principal_id = CAST(:principal_id AS text)"""
_DECLINED = """declined_at = clock_timestamp(), due_address = NULL,
    declined_by_principal_id = CAST(:principal_id AS text)"""
_SEAT_OK = "(CAST(:seat_shard AS integer) IS NULL OR EXISTS (SELECT 1 FROM seat))"


def _settle_accept(name: str, further_parts: str, further_check: str) -> HotStatement:
    return HotStatement(
        name=name,
        sql=f"""WITH {_GUARDS.format(final=_ACCEPTED)},{_PERSON},{_SEAT},{_MEMBER},{_TRAIL}{further_parts}
SELECT CASE
  WHEN NOT EXISTS (SELECT 1 FROM granted) THEN 0
  WHEN EXISTS (SELECT 1 FROM person) AND {_SEAT_OK} AND {further_check}
    AND (NOT CAST(:writes_member AS boolean) OR EXISTS (SELECT 1 FROM member)) THEN 1
  ELSE vestibule_lost_race() END,
  (SELECT CAST(extract(epoch FROM occurred_at) * 1000 AS bigint) FROM event)""",
        columns=(("settled", "int"), ("at_ms", "int")),
    )


SETTLE_ACCEPT = _settle_accept("settle_accept", "", "TRUE")
# The rarer accept: with a bundle, or for somebody whose membership it extends.
SETTLE_MORE = _settle_accept("settle_more", f",{_BUNDLE},{_EXTENSION}", _BUNDLE_OK)

SETTLE_DECLINE = HotStatement(
    name="settle_decline",
    sql=f"""WITH {_GUARDS.format(final=_DECLINED)},{_SEAT},{_TRAIL}
SELECT CASE
  WHEN NOT EXISTS (SELECT 1 FROM granted) THEN 0
  WHEN {_SEAT_OK} THEN 1
  ELSE vestibule_lost_race() END""",
    columns=(("settled", "int"),),
)

SETTLE_REFUSAL = HotStatement(
    name="settle_refusal",
    sql="""WITH clock AS (SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now_ms),
asked AS (
  SELECT decode(key, 'hex') AS key, step, span
  FROM jsonb_to_recordset(CAST(:hits AS jsonb)) AS asked (key text, step float8, span float8)
),
counted AS (
  INSERT INTO vestibule_rate_limits AS kept (key, arrives_at_ms)
  SELECT key, (SELECT now_ms FROM clock) + step FROM asked ORDER BY key
  ON CONFLICT (key) DO UPDATE SET arrives_at_ms = GREATEST(kept.arrives_at_ms, (SELECT now_ms FROM clock))
      + (SELECT step FROM asked WHERE key = kept.key)
    WHERE GREATEST(kept.arrives_at_ms, (SELECT now_ms FROM clock))
      + (SELECT step FROM asked WHERE key = kept.key)
      <= (SELECT now_ms + span + 0.001 FROM clock, asked WHERE key = kept.key)
  RETURNING key
),
exceeded AS (
  SELECT max(step) AS wait_ms FROM asked WHERE key NOT IN (SELECT key FROM counted)
),
event AS (
  INSERT INTO vestibule_audit_events (event_id, tenant_id, invitation_id, kind, occurred_at, actor_id,
    correlation_id,
    source, body)
  SELECT CAST(:event_id AS text), CAST(:tenant_id AS text), CAST(:invitation_id AS text),
    CAST(:event_kind AS text), date_trunc('milliseconds', clock_timestamp()),
    CAST(:actor_id AS text), CAST(:correlation_id AS text), CAST(:source AS text), CAST(:event_body AS text)
  FROM exceeded WHERE wait_ms IS NULL AND CAST(:event_id AS text) IS NOT NULL
)
SELECT CAST(ceil(wait_ms / 1000.0) AS bigint) FROM exceeded""",
    columns=(("wait_seconds", "int"),),
)

BIND = HotStatement(
    name="bind_claim",
    sql="""WITH bound AS (
  UPDATE vestibule_invitations SET bound_principal_id = CAST(:principal_id AS text)
  WHERE invitation_id = CAST(:invitation_id AS text) AND bound_principal_id IS NULL
    AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL
    AND expires_at > clock_timestamp()
  RETURNING tenant_id, invitation_id
),
event AS (
  INSERT INTO vestibule_audit_events (event_id, tenant_id, invitation_id, kind, occurred_at, actor_id,
    correlation_id, source, body)
  SELECT CAST(:event_id AS text), tenant_id, invitation_id, CAST(:event_kind AS text),
    date_trunc('milliseconds', clock_timestamp()), CAST(:actor_id AS text),
    CAST(:correlation_id AS text), CAST(:source AS text), CAST(:event_body AS text)
  FROM bound
)
SELECT count(*) FROM bound""",
    columns=(("bound", "int"),),
)

# The version read by this statement's snapshot must still be that of the locked row: had the limit just been
# changed, the ledger was counted anew and this snapshot knows only the old one. Then nothing is released.
RELEASE_STALE = HotStatement(
    name="settle_stale",
    sql=f"""WITH tenant AS (
  SELECT tenant_id FROM vestibule_tenants WHERE tenant_id = CAST(:tenant_id AS text)
    AND policy_version = (SELECT policy_version FROM vestibule_tenants
      WHERE tenant_id = CAST(:tenant_id AS text))
  FOR KEY SHARE
),
lapsed AS (
  UPDATE vestibule_invitations SET expired_at = clock_timestamp(), due_address = NULL
  WHERE tenant_id = CAST(:tenant_id AS text) AND EXISTS (SELECT 1 FROM tenant)
    AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL
    AND expires_at <= clock_timestamp()
  RETURNING invitation_id, has_reservation
),
ended AS (
  DELETE FROM vestibule_memberships
    WHERE tenant_id = CAST(:tenant_id AS text) AND expires_at <= clock_timestamp()
    AND EXISTS (SELECT 1 FROM tenant)
  RETURNING principal_id, role
),
carried AS (
  DELETE FROM vestibule_grants WHERE tenant_id = CAST(:tenant_id AS text)
    AND principal_id IN (SELECT principal_id FROM ended)
),
orphaned AS (
  UPDATE vestibule_invitations SET revoked_at = clock_timestamp(), revoked_reason = 'inviter_ended',
    due_address = NULL
  WHERE tenant_id = CAST(:tenant_id AS text)
    AND inviter_principal_id IN (SELECT principal_id FROM ended)
    AND consumed_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL
    AND expires_at > clock_timestamp()
  RETURNING invitation_id, has_reservation
),
facts AS (
  SELECT invitation_id, 'invitation.expired' AS kind, '{{}}' AS body FROM lapsed
  UNION ALL
  SELECT invitation_id, 'invitation.revoked', '{{"reason":"inviter_ended"}}' FROM orphaned
  UNION ALL
  SELECT NULL, 'membership.ended',
    CAST(jsonb_build_object('principal_id', principal_id, 'role', role) AS text)
  FROM ended
),
event AS (
  INSERT INTO vestibule_audit_events (event_id, tenant_id, invitation_id, kind, occurred_at, actor_id,
    correlation_id,
    source, body)
  SELECT CAST(gen_random_uuid() AS text), CAST(:tenant_id AS text), invitation_id, kind,
    date_trunc('milliseconds', clock_timestamp()), CAST(:actor_id AS text),
    CAST(:correlation_id AS text), CAST(:source AS text), body
  FROM facts
),
freed AS (
  SELECT (SELECT count(*) FROM lapsed WHERE has_reservation) + (SELECT count(*) FROM ended)
    + (SELECT count(*) FROM orphaned WHERE has_reservation) AS seats
),
ledger AS (
  UPDATE vestibule_seat_shards SET used = used - (SELECT seats FROM freed)
  WHERE tenant_id = CAST(:tenant_id AS text) AND shard = {_FULLEST}
)
SELECT seats FROM freed""",
    columns=(("seats", "int"),),
)

# SPDX-License-Identifier: Apache-2.0
"""What must never change, held by the database itself on both engines (ISS-05, AUD-02, LIF-01)."""

from __future__ import annotations

_IMMUTABLE = ("invitation_id", "tenant_id", "role", "invited_email", "inviter_principal_id")
_FINAL = (
    "consumed_at",
    "consumed_by_principal_id",
    "declined_at",
    "revoked_at",
    "revoked_reason",
    "expired_at",
)
LOST_RACE_STATE = "VS001"


def _differs(columns: tuple[str, ...], word: str) -> str:
    return " OR ".join(f"OLD.{name} {word} NEW.{name}" for name in columns)


def _left(word: str) -> str:
    return " OR ".join(f"(OLD.{name} IS NOT NULL AND OLD.{name} {word} NEW.{name})" for name in _FINAL)


# With their owner's rights: whoever may call them can compare a hash or an address that it has, and read
# none (AUD-05).
FIND_LINK = """CREATE OR REPLACE FUNCTION vestibule_find_link(sought bytea) RETURNS text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path FROM CURRENT
AS $$ SELECT invitation_id FROM vestibule_invitations WHERE claim_token_hash = sought $$"""
FIND_ADDRESS = """CREATE OR REPLACE FUNCTION vestibule_find_address(tenant text, sought text, at_most integer)
RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
AS $$ SELECT invitation_id FROM vestibule_invitations WHERE tenant_id = tenant AND invited_email = sought
  ORDER BY created_at DESC, invitation_id DESC LIMIT at_most $$"""

POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION vestibule_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'vestibule: %', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$""",
    f"""CREATE FUNCTION vestibule_lost_race() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'vestibule: lost race' USING ERRCODE = '{LOST_RACE_STATE}';
END $$""",
    f"""CREATE TRIGGER vestibule_invitations_immutable
      BEFORE UPDATE OF {", ".join(_IMMUTABLE)} ON vestibule_invitations
FOR EACH ROW WHEN ({_differs(_IMMUTABLE, "IS DISTINCT FROM")})
EXECUTE FUNCTION vestibule_refuse('immutable column')""",
    f"""CREATE TRIGGER vestibule_invitations_final BEFORE UPDATE OF {", ".join(_FINAL)}
      ON vestibule_invitations
FOR EACH ROW WHEN ({_left("IS DISTINCT FROM")})
EXECUTE FUNCTION vestibule_refuse('final state')""",
    """CREATE TRIGGER vestibule_audit_events_append_only BEFORE UPDATE OR DELETE ON vestibule_audit_events
FOR EACH ROW EXECUTE FUNCTION vestibule_refuse('append only')""",
    """CREATE TRIGGER vestibule_audit_events_no_truncate BEFORE TRUNCATE ON vestibule_audit_events
FOR EACH STATEMENT EXECUTE FUNCTION vestibule_refuse('append only')""",
    "ALTER TABLE vestibule_rate_limits SET UNLOGGED",
    FIND_LINK,
    FIND_ADDRESS,
)

_SEALABLE = (("vestibule_invitations", "invited_email"), ("vestibule_accounts", "address"))
_FIXED = ("invitation_id", "tenant_id", "role", "inviter_principal_id")
# The one change of an invited address: once, of what is over, to a tombstone and nothing else (LIF-06).
_ERASES = (
    "(OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL"
    " AND substr(NEW.invited_email, 1, 7) = 'erased-' AND substr(NEW.invited_email, 40) = '@erased.invalid'"
    " AND (OLD.consumed_at IS NOT NULL OR OLD.declined_at IS NOT NULL OR OLD.revoked_at IS NOT NULL"
    " OR OLD.expired_at IS NOT NULL))"
)


def _changes(word: str) -> str:
    return f"{_differs(_FIXED, word)} OR (OLD.invited_email {word} NEW.invited_email AND NOT {_ERASES})"


POSTGRESQL_ERASURE = (
    "DROP TRIGGER vestibule_invitations_immutable ON vestibule_invitations",
    f"""CREATE TRIGGER vestibule_invitations_immutable
      BEFORE UPDATE OF {", ".join(_IMMUTABLE)} ON vestibule_invitations
FOR EACH ROW WHEN ({_changes("IS DISTINCT FROM")})
EXECUTE FUNCTION vestibule_refuse('immutable column')""",
    # A process that was started before addresses were sealed here must not write them in plain.
    """CREATE FUNCTION vestibule_refuse_plain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM vestibule_privacy) THEN
    RAISE EXCEPTION 'vestibule: plain address' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
    *(
        f"""CREATE TRIGGER {table}_sealed BEFORE INSERT ON {table}
FOR EACH ROW WHEN (substr(NEW.{column}, 1, 1) <> ':') EXECUTE FUNCTION vestibule_refuse_plain()"""
        for table, column in _SEALABLE
    ),
)

SQLITE_TRIGGERS = (
    f"""CREATE TRIGGER vestibule_invitations_immutable
      BEFORE UPDATE OF {", ".join(_IMMUTABLE)} ON vestibule_invitations
WHEN {_differs(_IMMUTABLE, "IS NOT")}
BEGIN SELECT RAISE(ABORT, 'vestibule: immutable column'); END""",
    f"""CREATE TRIGGER vestibule_invitations_final BEFORE UPDATE OF {", ".join(_FINAL)}
      ON vestibule_invitations
WHEN {_left("IS NOT")}
BEGIN SELECT RAISE(ABORT, 'vestibule: final state'); END""",
    """CREATE TRIGGER vestibule_audit_events_no_update BEFORE UPDATE ON vestibule_audit_events
BEGIN SELECT RAISE(ABORT, 'vestibule: append only'); END""",
    """CREATE TRIGGER vestibule_audit_events_no_delete BEFORE DELETE ON vestibule_audit_events
BEGIN SELECT RAISE(ABORT, 'vestibule: append only'); END""",
)

# The caller's temporary tables come last, and not first as PostgreSQL has it where they are not named: else
# whoever may call a function of ours puts a table of its own in the way, whose trigger runs as our owner.
POSTGRESQL_PINNED_PATHS = """DO $$ DECLARE one regprocedure; BEGIN
  FOR one IN SELECT oid FROM pg_proc WHERE prosecdef AND pronamespace = current_schema()::regnamespace
    AND proname LIKE 'vestibule\\_%' LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', one, current_schema());
  END LOOP;
END $$"""

# The sealer finds what is new without looking through the trail, whenever its transaction commits (AUD-03).
SEALED_TABLES = ("vestibule_log_leaves", "vestibule_log_nodes", "vestibule_log_entries")

POSTGRESQL_LOG_TRIGGERS = (
    # With its owner's rights: whoever writes an event needs none on the queue.
    """CREATE FUNCTION vestibule_queue_event() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO vestibule_log_queue (event_id) VALUES (NEW.event_id);
  RETURN NULL;
END $$""",
    """CREATE TRIGGER vestibule_audit_events_queued AFTER INSERT ON vestibule_audit_events
FOR EACH ROW EXECUTE FUNCTION vestibule_queue_event()""",
    *(
        f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION vestibule_refuse('append only')"""
        for table in SEALED_TABLES
    ),
    """CREATE TRIGGER vestibule_checkpoints_final BEFORE UPDATE OR DELETE ON vestibule_checkpoints
FOR EACH ROW WHEN (OLD.note IS NOT NULL) EXECUTE FUNCTION vestibule_refuse('append only')""",
)

SQLITE_LOG_TRIGGERS = (
    """CREATE TRIGGER vestibule_audit_events_queued AFTER INSERT ON vestibule_audit_events
BEGIN INSERT INTO vestibule_log_queue (event_id) VALUES (NEW.event_id); END""",
    *(
        f"""CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table}
BEGIN SELECT RAISE(ABORT, 'vestibule: append only'); END"""
        for table in SEALED_TABLES
        for act in ("update", "delete")
    ),
    *(
        f"""CREATE TRIGGER vestibule_checkpoints_no_{act} BEFORE {act.upper()} ON vestibule_checkpoints
WHEN OLD.note IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'vestibule: append only'); END"""
        for act in ("update", "delete")
    ),
)

SQLITE_ERASURE = (
    "DROP TRIGGER vestibule_invitations_immutable",
    f"""CREATE TRIGGER vestibule_invitations_immutable
      BEFORE UPDATE OF {", ".join(_IMMUTABLE)} ON vestibule_invitations
WHEN {_changes("IS NOT")}
BEGIN SELECT RAISE(ABORT, 'vestibule: immutable column'); END""",
    *(
        f"""CREATE TRIGGER {table}_sealed BEFORE INSERT ON {table}
WHEN substr(NEW.{column}, 1, 1) <> ':' AND EXISTS (SELECT 1 FROM vestibule_privacy)
BEGIN SELECT RAISE(ABORT, 'vestibule: plain address'); END"""
        for table, column in _SEALABLE
    ),
)

# SPDX-License-Identifier: Apache-2.0
"""Database roles of a separated deployment: the SQL that makes them, and how far one is from it (OBS-06).

Who may do what stands in ``grants.py``. PostgreSQL only: SQLite knows no roles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import sqlalchemy as sa

from vestibule.core.process import ProcessRole
from vestibule.storage.create import VERSION_TABLE
from vestibule.storage.engine import READ_ONLY
from vestibule.storage.grants import FUNCTIONS, RIGHTS, parse_rights
from vestibule.storage.schema import metadata

DATABASE_ROLES: Mapping[ProcessRole, str] = {
    role: f"vestibule_{role.value}" for role in ProcessRole if role is not ProcessRole.ALL
}
OWNER = DATABASE_ROLES[ProcessRole.MIGRATE]
_GRANTED = tuple(name for name in DATABASE_ROLES.values() if name != OWNER)
_MAKE_ROLE = """DO $$ BEGIN
  CREATE ROLE {name} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;"""
_OWN_FUNCTIONS = f"""DO $$ DECLARE one regprocedure; BEGIN
  FOR one IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
    AND proname LIKE 'vestibule\\_%' LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO {OWNER}', one);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, {", ".join(_GRANTED)}', one);
  END LOOP;
END $$;"""
_LOOK = sa.text("""
SELECT c.relname AS relation, a.attname AS attribute,
  has_column_privilege(c.oid, a.attnum, 'SELECT') AS "SELECT",
  has_column_privilege(c.oid, a.attnum, 'UPDATE') AS "UPDATE",
  has_column_privilege(c.oid, a.attnum, 'INSERT') AS "INSERT",
  has_table_privilege(c.oid, 'DELETE') AS "DELETE",
  has_table_privilege(c.oid, 'TRUNCATE') AS "TRUNCATE",
  has_table_privilege(c.oid, 'TRIGGER') AS "TRIGGER"
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND c.relname LIKE 'vestibule\\_%'
""")
_FUNCTIONS = sa.text("""
SELECT CAST(CAST(oid AS regprocedure) AS text) AS name, has_function_privilege(oid, 'EXECUTE') AS granted
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'vestibule\\_%'
""")
_STANDING = sa.text("""
SELECT r.rolsuper,
  EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind = 'r' AND c.relname LIKE 'vestibule\\_%' AND pg_has_role(c.relowner, 'USAGE')) AS is_owner,
  has_schema_privilege(current_schema(), 'CREATE') AS can_create,
  COALESCE((SELECT array_agg(CAST(g.rolname AS text)) FROM pg_roles g
    WHERE g.rolname = ANY(:names) AND pg_has_role(g.oid, 'USAGE')), '{}') AS groups
FROM pg_roles r WHERE r.rolname = current_user
""")
_WHOLE_TABLE = frozenset({"DELETE", "TRUNCATE", "TRIGGER", "EXECUTE"})
_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")


Right = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsGap:
    """What a role lacks, and what it has beyond its part: ``SELECT vestibule_api_keys (key_hash)`` each."""

    missing: tuple[str, ...]
    excess: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the connected role is: of which groups, and more than that. *rights*: table, privilege, column."""

    roles: frozenset[ProcessRole]
    is_superuser: bool
    is_owner: bool
    can_create: bool
    columns: Mapping[str, frozenset[str]]
    rights: frozenset[Right]

    def compare(self, role: ProcessRole) -> RightsGap:
        """What it may do, against what *role* needs."""
        nothing = frozenset({""})
        needs = {
            (table, privilege, column)
            for table, granted in RIGHTS.items()
            for privilege, named in parse_rights(granted.get(role, "")).items()
            for column in (
                nothing if privilege in _WHOLE_TABLE else named or self.columns.get(table, nothing)
            )
        }
        needs |= {(name, "EXECUTE", "") for name, roles in FUNCTIONS.items() if role in roles}
        excess = self._tell(self.rights - needs)
        if self.can_create and role is not ProcessRole.MIGRATE:
            excess = ("CREATE in the schema", *excess)
        return RightsGap(missing=self._tell(needs - self.rights), excess=excess)

    def _tell(self, found: AbstractSet[Right]) -> tuple[str, ...]:
        """One line a privilege and table; the columns are named unless it is all of them."""
        grouped: dict[tuple[str, str], set[str]] = {}
        for table, privilege, column in found:
            grouped.setdefault((table, privilege), set()).add(column)
        return tuple(
            f"{privilege} {table}{self._name(table, frozenset(named))}"
            for (table, privilege), named in sorted(grouped.items())
        )

    def _name(self, table: str, named: frozenset[str]) -> str:
        is_whole = named == {""} or named == self.columns.get(table)
        return "" if is_whole else f" ({', '.join(sorted(named))})"


def list_grants() -> Iterator[str]:
    """The statements that make the roles and give each its part; safe to repeat, and after each migration."""
    yield "BEGIN;"
    for name in DATABASE_ROLES.values():
        yield _MAKE_ROLE.format(name=name)
    everybody = ", ".join(DATABASE_ROLES.values())
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
    yield f"REVOKE ALL ON SCHEMA public FROM {everybody};"
    yield f"GRANT USAGE ON SCHEMA public TO {everybody};"
    yield f"GRANT CREATE ON SCHEMA public TO {OWNER};"
    for table in [VERSION_TABLE, *sorted(metadata.tables)]:
        yield f"ALTER TABLE {table} OWNER TO {OWNER};"
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {', '.join(_GRANTED)};"
        for role, rights in RIGHTS[table].items():
            if rights:
                yield f"GRANT {rights} ON {table} TO {DATABASE_ROLES[role]};"
    yield _OWN_FUNCTIONS
    for function, roles in FUNCTIONS.items():
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {', '.join(DATABASE_ROLES[role] for role in roles)};"
    yield "COMMIT;"


def find_standing(engine: sa.Engine) -> Standing:
    """Who is connected, and what it may do. A superuser belongs to no group in particular."""
    by_name = {name: role for role, name in DATABASE_ROLES.items()}
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        row = connection.execute(_STANDING, {"names": list(by_name)}).one()
        rows = connection.execute(_LOOK).mappings().all()
        callables = [one.name for one in connection.execute(_FUNCTIONS) if one.granted]
    columns: dict[str, set[str]] = {}
    rights: set[Right] = {(name, "EXECUTE", "") for name in callables}
    for one in rows:
        table, column = one["relation"], one["attribute"]
        columns.setdefault(table, set()).add(column)
        for privilege in _PRIVILEGES:
            if one[privilege]:
                rights.add((table, privilege, "" if privilege in _WHOLE_TABLE else column))
    return Standing(
        roles=frozenset() if row.rolsuper else frozenset(by_name[name] for name in row.groups),
        is_superuser=row.rolsuper,
        is_owner=row.is_owner,
        can_create=row.can_create,
        columns={table: frozenset(named) for table, named in columns.items()},
        rights=frozenset(rights),
    )

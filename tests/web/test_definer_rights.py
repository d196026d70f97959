# SPDX-License-Identifier: Apache-2.0
"""What runs with its owner's rights runs nothing of its caller's (OBS-06)."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pytest

from tests.servers import PostgresServer
from tests.web.separated import grant_roles
from vestibule.core.process import ProcessRole
from vestibule.storage.create import create_schema
from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import migrate

_ACT = """
INSERT INTO vestibule_audit_events
  (event_id, tenant_id, kind, occurred_at, actor_id, correlation_id, source, body)
VALUES (gen_random_uuid(), 'acme', 'tenant.put', now(), 'mallory', 'c', 'api', '{}')
"""
_SHADOW = """
CREATE FUNCTION pg_temp.climb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'GRANT SELECT ON vestibule_api_keys TO ' || quote_ident(session_user);
  RETURN NULL;
END $$;
CREATE TEMPORARY TABLE vestibule_log_queue (event_id text);
CREATE TRIGGER climb AFTER INSERT ON pg_temp.vestibule_log_queue
  FOR EACH ROW EXECUTE FUNCTION pg_temp.climb();
GRANT ALL ON pg_temp.vestibule_log_queue TO PUBLIC;
"""


@pytest.fixture(scope="module")
def logins(postgres_server: PostgresServer) -> Mapping[ProcessRole, str]:
    server, database = postgres_server, postgres_server.create_database()
    return {
        role: server.dsn(database).replace("user=vestibule", f"user={database}_{role.value}")
        for role in grant_roles(server, database)
    }


@pytest.mark.covers("OBS-06", "AUD-02", "K08")
def test_a_table_of_the_same_name_in_the_caller_s_session_is_not_what_the_owner_writes(
    logins: Mapping[ProcessRole, str],
) -> None:
    with psycopg.connect(logins[ProcessRole.CLAIM], autocommit=True) as connection:
        connection.execute(_ACT)
        before = connection.execute("SELECT count(*) FROM public.vestibule_log_queue").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM vestibule_api_keys")
        connection.execute(_SHADOW)
        connection.execute(_ACT)
        after = connection.execute("SELECT count(*) FROM public.vestibule_log_queue").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM vestibule_api_keys")
        assert before is not None
        assert after == (before[0] + 1,)


@pytest.mark.covers("OBS-06", "AUD-02")
@pytest.mark.parametrize("by_chain", [True, False])
def test_every_function_with_its_owner_s_rights_looks_in_temporary_tables_last(
    postgres_server: PostgresServer, by_chain: bool
) -> None:
    database = postgres_server.create_database()
    engine = make_engine(postgres_server.url(database))
    if by_chain:
        migrate(engine)
    else:
        with engine.begin() as connection:
            create_schema(connection)
    engine.dispose()
    with psycopg.connect(postgres_server.dsn(database)) as connection:
        found = connection.execute("SELECT proname, proconfig FROM pg_proc WHERE prosecdef").fetchall()
    ours = {"vestibule_find_address", "vestibule_find_link", "vestibule_queue_event"}
    assert {name for name, _ in found} == ours
    assert [config for _, config in found] == [["search_path=public, pg_temp"]] * len(ours)

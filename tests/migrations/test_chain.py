# SPDX-License-Identifier: Apache-2.0
"""The chain of migrations makes exactly the schema that the code believes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.servers import PostgresServer
from vestibule.errors import ConfigurationError
from vestibule.storage.create import VERSION_TABLE
from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import get_head, migrate
from vestibule.storage.revision import check_migrated, find_revision
from vestibule.storage.schema import metadata
from vestibule.storage.triggers import SEALED_TABLES

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}
_EXPECTED = {
    "sqlite": {
        "vestibule_invitations_immutable",
        "vestibule_invitations_final",
        "vestibule_invitations_sealed",
        "vestibule_accounts_sealed",
        "vestibule_audit_events_no_update",
        "vestibule_audit_events_no_delete",
        "vestibule_audit_events_queued",
        *(f"{table}_no_{act}" for table in SEALED_TABLES for act in ("update", "delete")),
        "vestibule_checkpoints_no_update",
        "vestibule_checkpoints_no_delete",
    },
    "postgresql": {
        "vestibule_invitations_immutable",
        "vestibule_invitations_final",
        "vestibule_invitations_sealed",
        "vestibule_accounts_sealed",
        "vestibule_audit_events_append_only",
        "vestibule_audit_events_no_truncate",
        "vestibule_audit_events_queued",
        *(f"{table}_append_only" for table in SEALED_TABLES),
        "vestibule_checkpoints_final",
    },
}


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty database."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path / 'fresh.db'}", create=True)
        yield engine
        engine.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    engine = make_engine(server.url(name))
    yield engine
    engine.dispose()
    server.drop_database(name)


@pytest.mark.covers("INT-03", "OBS-05")
def test_the_chain_makes_the_schema_of_the_code(fresh: sa.Engine) -> None:
    assert migrate(fresh) == get_head()
    options = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "compare_server_default": True,
        "target_metadata": metadata,
    }
    with fresh.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


@pytest.mark.covers("ISS-05", "AUD-02")
def test_the_triggers_that_keep_the_truth_are_there(fresh: sa.Engine) -> None:
    migrate(fresh)
    with fresh.connect() as connection:
        found = set(connection.execute(sa.text(_TRIGGERS[fresh.dialect.name])).scalars())
    assert found == _EXPECTED[fresh.dialect.name]


@pytest.mark.covers("F05", "F01", "LIF-01")
def test_the_constraints_that_keep_the_truth_are_there(fresh: sa.Engine) -> None:
    migrate(fresh)
    inspector = sa.inspect(fresh)
    unique = {index["name"] for index in inspector.get_indexes("vestibule_invitations") if index["unique"]}
    assert unique == {"uq_vestibule_invitations_claim_token_hash", "uq_vestibule_invitations_open_target"}
    assert inspector.get_pk_constraint("vestibule_memberships")["constrained_columns"] == [
        "tenant_id",
        "principal_id",
    ]
    checks = {check["name"] for check in inspector.get_check_constraints("vestibule_invitations")}
    assert checks == {
        "ck_vestibule_invitations_one_final_state",
        "ck_vestibule_invitations_consumed_by_somebody",
        "ck_vestibule_invitations_revoked_for_a_reason",
    }


@pytest.mark.covers("INT-03")
def test_migrating_twice_changes_nothing(fresh: sa.Engine) -> None:
    migrate(fresh)
    with fresh.begin() as connection:
        connection.execute(
            sa.insert(metadata.tables["vestibule_rate_limits"]).values(key=b"k" * 32, arrives_at_ms=1.0)
        )
    tables = sa.inspect(fresh).get_table_names()
    assert migrate(fresh) == get_head()
    assert sa.inspect(fresh).get_table_names() == tables
    with fresh.connect() as connection:
        assert len(connection.execute(sa.select(metadata.tables["vestibule_rate_limits"])).all()) == 1


@pytest.mark.covers("OBS-05")
def test_a_database_at_another_revision_is_named_with_the_command_that_mends_it(fresh: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match=r"holds no Vestibule schema.*vestibule migrate"):
        check_migrated(fresh)
    assert find_revision(fresh) is None
    migrate(fresh)
    check_migrated(fresh)
    with fresh.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0000'")
    with pytest.raises(ConfigurationError, match=r"at revision 0000, not .*vestibule migrate"):
        check_migrated(fresh)


@pytest.mark.covers("INT-03")
def test_a_missing_file_is_an_error_and_not_a_fresh_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing.db'}"
    with pytest.raises(ConfigurationError, match=r"missing\.db does not exist.*vestibule migrate"):
        make_engine(url)
    assert not (tmp_path / "missing.db").exists()


def test_half_a_migration_leaves_nothing(fresh: sa.Engine) -> None:
    with fresh.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE vestibule_sessions (in_the_way integer)")
    with pytest.raises(sa.exc.DBAPIError):
        migrate(fresh)
    assert sa.inspect(fresh).get_table_names() == ["vestibule_sessions"]

# SPDX-License-Identifier: Apache-2.0
"""The schema made in one step is the one the migrations make, and a host's own Alembic is left alone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from vestibule import Vestibule
from vestibule.storage.create import VERSION_TABLE, find_head
from vestibule.storage.migrations import get_head
from vestibule.storage.revision import check_migrated


def describe(engine: sa.Engine) -> dict[str, Any]:
    found = sa.inspect(engine)
    tables: dict[str, Any] = {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"], i["unique"], str(i["column_names"])) for i in found.get_indexes(name)),
            sorted((c["name"], c["sqltext"]) for c in found.get_check_constraints(name)),
            sorted(str(k["constrained_columns"]) for k in found.get_foreign_keys(name)),
        )
        for name in found.get_table_names()
        if name != VERSION_TABLE
    }
    triggers = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
        "postgresql": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
    }
    with engine.connect() as connection:
        tables["triggers"] = list(connection.exec_driver_sql(triggers[engine.dialect.name]).scalars())
    return tables


def test_one_step_makes_what_the_chain_of_migrations_makes(
    empty_engine: sa.Engine, vestibule: Vestibule
) -> None:
    vestibule.migrate(empty_engine)
    migrated = describe(empty_engine)
    with empty_engine.begin() as connection:
        _drop_everything(connection)
    with empty_engine.begin() as connection:
        assert vestibule.create_schema(connection) == find_head() == get_head()

    assert describe(empty_engine) == migrated
    check_migrated(empty_engine)
    vestibule.migrate(empty_engine)
    assert describe(empty_engine) == migrated


def test_the_schema_is_made_in_the_hosts_transaction(empty_engine: sa.Engine, vestibule: Vestibule) -> None:
    with empty_engine.connect() as connection:
        vestibule.create_schema(connection)
        connection.rollback()

    assert sa.inspect(empty_engine).get_table_names() == []


def test_a_hosts_own_alembic_revision_is_left_alone(empty_engine: sa.Engine, vestibule: Vestibule) -> None:
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('the-hosts-own')")

    vestibule.migrate(empty_engine)

    with empty_engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    assert kept == ["the-hosts-own"]


def _drop_everything(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        return
    found = sa.MetaData()
    found.reflect(connection)
    found.drop_all(connection)

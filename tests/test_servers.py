# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import psycopg
import pytest

from tests.servers import PostgresServer


def test_the_test_server_is_a_postgresql_that_takes_many_connections(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.dsn()) as connection:
        row = connection.execute("SHOW max_connections").fetchone()
    assert row == ("800",)


def test_a_database_made_from_a_template_has_its_tables(postgres_server: PostgresServer) -> None:
    template = postgres_server.create_database()
    with psycopg.connect(postgres_server.dsn(template)) as connection:
        connection.execute("CREATE TABLE marker (n integer)")
    copy = postgres_server.create_database(template=template)
    with psycopg.connect(postgres_server.dsn(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM marker").fetchone() == (0,)
    postgres_server.drop_database(copy)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_server.dsn(copy))


@pytest.mark.parametrize("n", range(4))
def test_every_worker_reaches_the_same_server(postgres_server: PostgresServer, n: int) -> None:
    name = postgres_server.create_database()
    assert name in postgres_server.url(name)

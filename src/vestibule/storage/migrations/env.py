# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: runs on the connection that ``migrate`` opened."""

from __future__ import annotations

from alembic import context

from vestibule.storage.create import VERSION_TABLE
from vestibule.storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

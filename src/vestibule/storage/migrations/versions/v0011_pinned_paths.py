# SPDX-License-Identifier: Apache-2.0
"""What runs with its owner's rights looks its tables up in our schema first."""

from __future__ import annotations

from alembic import op

from vestibule.storage.triggers import POSTGRESQL_PINNED_PATHS

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_PINNED_PATHS)

# SPDX-License-Identifier: Apache-2.0
"""Support finds an invitation by its link's hash, and reads no hash."""

from __future__ import annotations

from alembic import op

from vestibule.storage.triggers import FIND_LINK

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FIND_LINK)

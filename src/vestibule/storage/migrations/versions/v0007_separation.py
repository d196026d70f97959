# SPDX-License-Identifier: Apache-2.0
"""Support finds an invitation by its link's hash or its address, and reads neither."""

from __future__ import annotations

from alembic import op

from vestibule.storage.triggers import FIND_ADDRESS, FIND_LINK

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FIND_LINK)
        op.execute(FIND_ADDRESS)

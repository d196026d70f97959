# SPDX-License-Identifier: Apache-2.0
"""Tenants that keep no addresses: what a mail still needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vestibule_invitations", sa.Column("due_address", sa.LargeBinary(), nullable=True))

# SPDX-License-Identifier: Apache-2.0
"""Keys name the audit events that tell of them, for the published history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for act in ("created", "activated", "compromised"):
        op.add_column("vestibule_keys", sa.Column(f"{act}_event_id", _text(36), nullable=True))


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")

# SPDX-License-Identifier: Apache-2.0
"""The keys by which the log is known."""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.core import authority
from vestibule.core.identity import Actor
from vestibule.core.keys import KeyRecord, Purpose
from vestibule.ports import UnitOfWork


def list_log_keys(uow: UnitOfWork, actor: Actor) -> Sequence[KeyRecord]:
    """Every key that signs checkpoints, has signed them, or will; the oldest first, no compromised one."""
    authority.check_key(actor, "tenants")
    return [
        key for key in uow.keys.list_all() if key.purpose == Purpose.CHECKPOINT and key.compromised_at is None
    ]

# SPDX-License-Identifier: Apache-2.0
"""Which key signs receipts now."""

from __future__ import annotations

from vestibule.core.keys import KeyRecord, Purpose
from vestibule.ports import UnitOfWork


def find_receipt_key(uow: UnitOfWork) -> KeyRecord | None:
    """The key in use for receipts, without its private half; None where there is none."""
    return uow.keys.find_active(Purpose.RECEIPT)

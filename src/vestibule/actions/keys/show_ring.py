# SPDX-License-Identifier: Apache-2.0
"""The ring as it stands now: for what is published of it, and for the process that uses it."""

from __future__ import annotations

from vestibule.core.key_documents import Ring
from vestibule.core.keys import KeyRecord
from vestibule.ports import UnitOfWork


def show_ring(uow: UnitOfWork) -> Ring:
    """Every record with the moment of looking; private halves are nowhere in it."""
    return Ring(keys=uow.keys.list_all(), now=uow.now())


def find_key(uow: UnitOfWork, key_id: str) -> KeyRecord | None:
    """The record of that id."""
    return uow.keys.find(key_id)

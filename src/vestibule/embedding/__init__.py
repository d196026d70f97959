# SPDX-License-Identifier: Apache-2.0
"""Vestibule inside a host application: its connection, its transaction, and if it likes its membership table.

The second composition root, beside ``bootstrap``: it needs SQLAlchemy and nothing of the service
(docs/adr/0003-embedding-beside-bootstrap.md).
"""

from __future__ import annotations

from vestibule.embedding.delivery import Deliveries, Send
from vestibule.embedding.facade import Vestibule
from vestibule.embedding.host import Host, host_identity, keep_refusals
from vestibule.embedding.members import (
    HostAdministrators,
    HostMembers,
    HostMembersFactory,
    HostRemovals,
    HostSeats,
)

__all__ = [
    "Deliveries",
    "Host",
    "HostAdministrators",
    "HostMembers",
    "HostMembersFactory",
    "HostRemovals",
    "HostSeats",
    "Send",
    "Vestibule",
    "host_identity",
    "keep_refusals",
]

# SPDX-License-Identifier: Apache-2.0
"""What an auditor's export is made from: one tenant's events, its tree, and the tables they explain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from vestibule.core.event import StoredEvent
from vestibule.ports.log import LogEntry, SealedLeaf


class Exports(Protocol):
    """Reading only. Neither an address nor a secret is among what is read."""

    def freeze(self) -> None:
        """Everything this unit of work reads is of one moment; called before anything is read."""

    def list_events(self, tenant_id: str) -> Sequence[StoredEvent]:
        """The whole trail of the tenant."""

    def list_leaves(self, tenant_id: str) -> Sequence[SealedLeaf]: ...

    def list_heads(self, tenant_id: str, *, within: int) -> Sequence[LogEntry]:
        """The tenant's heads among the first *within* entries of the log, the oldest first."""

    def read_tables(
        self, tenant_id: str, policy_hashes: Collection[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The tenant's rows by table (``core.log.export.TABLES``), times in milliseconds since 1970."""

    def find_cosigned_size(self, witnesses: int) -> int | None:
        """The newest checkpoint that at least so many witnesses have cosigned."""

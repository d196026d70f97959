# SPDX-License-Identifier: Apache-2.0
"""Tenants, their policy, their state and their seats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from vestibule.core.policy import Policy
from vestibule.core.tenant import Tenant

Lock = Literal["none", "share", "update"]


class Tenants(Protocol):
    """Tenants, their policy and their state."""

    def find(self, tenant_id: str, *, lock: Lock = "none") -> Tenant | None:
        """The tenant whatever its state; with a lock, held until the transaction ends."""

    def put(self, tenant_id: str, *, name: str, own_policy: str, policy: Policy, policy_version: int) -> None:
        """Write name and own document; the seat ledger follows the limit of *policy*, which it leads to."""

    def set_suspended(self, tenant_id: str, *, suspended: bool) -> bool:
        """Whether the state changed."""

    def set_deleted(self, tenant_id: str) -> bool:
        """Whether the state changed; there is no way back."""

    def list_administrators(self, tenant_id: str, roles: Iterable[str]) -> Sequence[str]:
        """At most 50 principal ids of members in force with one of *roles*, the oldest first."""

    def seats(self, tenant_id: str) -> tuple[int, int] | None:
        """Seats used and allowed, or None without a limit."""

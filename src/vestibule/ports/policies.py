# SPDX-License-Identifier: Apache-2.0
"""Policies: what is in force, every text that ever was, the changes between them, and what they decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vestibule.core.invitation import Invitation
from vestibule.core.paging import Page, PageRequest
from vestibule.core.policy.change import PolicyChange, PolicyInForce
from vestibule.core.policy.replay import RecordedDecision


class Policies(Protocol):
    """A ``tenant_id`` that is empty means the deployment's own policy, which lies under every tenant's."""

    def get_base(self) -> str:
        """The deployment's stored document."""

    def find_in_force(self, tenant_id: str, *, lock: bool = False) -> PolicyInForce | None:
        """What counts now; None when there is no such tenant. The lock is held until the transaction ends."""

    def put_base(self, after: PolicyInForce) -> None:
        """Write the deployment's document; the caller holds its lock."""

    def list_own_documents(self) -> Sequence[str]:
        """Every different document that a tenant has of its own."""

    def keep_document(self, document: str) -> str:
        """The document can be found under the hash that is returned, for good."""

    def find_document(self, document_hash: str) -> str | None: ...

    def add_change(self, change: PolicyChange) -> None: ...

    def find_change(self, tenant_id: str, change_id: str) -> PolicyChange | None: ...

    def has_active(self, tenant_id: str) -> bool:
        """Whether what is in force came by a recorded change."""

    def find_previous(self, tenant_id: str) -> PolicyChange | None:
        """The change that was active before the one that is; None when there was none."""

    def list_changes(self, tenant_id: str, request: PageRequest) -> Page[PolicyChange]:
        """The newest first."""

    def set_approved(self, change_id: str, approver_id: str) -> bool:
        """Whether it was still open and not approved."""

    def set_withdrawn(self, change_id: str) -> bool:
        """Whether it was still open."""

    def set_activated(self, tenant_id: str, change_id: str) -> bool:
        """Whether it was still open; every other change of the same subject is closed."""

    def list_decisions(self, tenant_id: str, count: int) -> Sequence[RecordedDecision]:
        """The last *count* that were recorded, the newest first."""

    def find_decision(self, event_id: str) -> RecordedDecision | None: ...

    def list_pending(self, tenant_id: str) -> Sequence[tuple[Invitation, str | None]]:
        """Every pending invitation with its inviter's role now; None when the inviter has none."""

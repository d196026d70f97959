# SPDX-License-Identifier: Apache-2.0
"""What a tenant's directory has said, and whom it keeps out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from vestibule.core.directory import (
    DirectoryDraft,
    DirectoryGroup,
    DirectoryPage,
    DirectoryUser,
    GroupDraft,
    GroupField,
    UserField,
)


class Directory(Protocol):
    """Users and groups of a tenant's directory, and the bars of those deactivated."""

    def find_user(self, tenant_id: str, user_id: str) -> DirectoryUser | None: ...

    def list_users(
        self, tenant_id: str, wanted: tuple[UserField, str] | None, *, start: int, count: int
    ) -> DirectoryPage[DirectoryUser]:
        """From the *start*-th on (counted from 1), the oldest first."""

    def add_user(self, tenant_id: str, user_id: str, draft: DirectoryDraft) -> bool:
        """False when the tenant has a user of that name."""

    def change_user(self, tenant_id: str, user_id: str, draft: DirectoryDraft) -> bool:
        """False when the tenant has another user of that name."""

    def remove_user(self, tenant_id: str, user_id: str) -> bool: ...

    def find_group(self, tenant_id: str, group_id: str) -> DirectoryGroup | None: ...

    def list_groups(
        self, tenant_id: str, wanted: tuple[GroupField, str] | None, *, start: int, count: int
    ) -> DirectoryPage[DirectoryGroup]:
        """From the *start*-th on, the oldest first."""

    def put_group(self, tenant_id: str, group_id: str, draft: GroupDraft) -> None: ...

    def remove_group(self, tenant_id: str, group_id: str) -> bool: ...

    def set_bars(
        self, tenant_id: str, user_id: str, addresses: Iterable[str], principal_ids: Iterable[str] = ()
    ) -> None:
        """Exactly these addresses and principals are kept out because of this user."""

    def is_barred(self, tenant_id: str, address: str) -> bool: ...

    def list_principals(
        self, tenant_id: str, addresses: Iterable[str], external_id: str | None
    ) -> Sequence[str]:
        """Principals that hold one of *addresses*, as member here or by last assertion, or are *external_id*.

        Through a connection of this tenant a principal is ``issuer|external_id``.
        """

    def end_sessions(self, tenant_id: str, principal_ids: Iterable[str]) -> int:
        """End what these have open through connections of this tenant; how many."""

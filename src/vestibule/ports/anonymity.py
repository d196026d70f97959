# SPDX-License-Identifier: Apache-2.0
"""Anonymous events: who has had a code, which codes were redeemed, and nothing between the two (TOK-07)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vestibule.core.anonymity import AnonymousEvent
from vestibule.core.paging import Page, PageRequest


class Anonymity(Protocol):
    """Neither of the two records holds a time, an address, or anything of the other."""

    def add(self, event: AnonymousEvent) -> None: ...

    def find(self, event_id: str, *, is_locked: bool = False) -> AnonymousEvent | None:
        """*is_locked*: its numbers change in this unit of work only."""

    def list_of_tenant(self, tenant_id: str, request: PageRequest) -> Page[AnonymousEvent]:
        """The newest first."""

    def list_held(self, principal_id: str) -> Sequence[AnonymousEvent]:
        """Those on which this principal holds a grant in force, and that are not over."""

    def close(self, event_id: str) -> bool:
        """Whether it was not closed before."""

    def find_issued(self, event_id: str, principal_id: str) -> bytes | None:
        """The hash of the blinded message that was signed for this principal."""

    def issue(self, event_id: str, principal_id: str, blinded_hash: bytes) -> None:
        """It has had its signature; counted."""

    def spend(self, event_id: str, message_hash: bytes) -> bool:
        """Whether it was not redeemed before; counted if so."""

# SPDX-License-Identifier: Apache-2.0
"""The trail, the limits, and answers kept for repeats."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from vestibule.core.event import AuditEvent, StoredEvent
from vestibule.core.identity import Actor, IdempotencyRequest, RequestContext
from vestibule.core.limits import Hit
from vestibule.core.paging import Page, PageRequest


class Audit(Protocol):
    """The append-only trail."""

    def append(self, event: AuditEvent, *, actor: Actor | str, context: RequestContext) -> StoredEvent: ...

    def find(self, tenant_id: str, event_id: str) -> StoredEvent | None: ...

    def find_first(self, invitation_id: str, kinds: Collection[str]) -> StoredEvent | None:
        """The oldest event of one of *kinds* about this invitation."""

    def list_page(self, tenant_id: str, request: PageRequest) -> Page[StoredEvent]:
        """Newest first."""


class RateLimits(Protocol):
    """GCRA counters."""

    def take(self, hits: Sequence[Hit]) -> int | None:
        """Count one hit on each; seconds to wait when any limit is exceeded."""

    def purge(self) -> int:
        """Forget subjects whose window has passed."""


class Idempotency(Protocol):
    """Answers kept for repeats (ISS-11)."""

    def claim(self, request: IdempotencyRequest) -> str | None:
        """None when this is the first; the kept answer of the first otherwise.

        Raises IdempotencyKeyReusedError when the body differs. A concurrent first is waited for.
        """

    def keep(self, request: IdempotencyRequest, answer: str) -> None: ...

    def forget(self, request: IdempotencyRequest) -> None:
        """Give the claim back."""

    def purge(self) -> int:
        """Forget what is too old to be repeated."""

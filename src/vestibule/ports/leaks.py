# SPDX-License-Identifier: Apache-2.0
"""Who may report leaked links."""

from __future__ import annotations

from typing import Protocol


class LeakReporters(Protocol):
    """Secret-scanning partners, known by their signatures."""

    def check(self, key_id: str, signature: str, body: bytes) -> None:
        """The partner's key *key_id* signed exactly these bytes. Raises NotAuthenticatedError."""

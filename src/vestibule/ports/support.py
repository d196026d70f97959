# SPDX-License-Identifier: Apache-2.0
"""What support may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vestibule.core.email import EmailAddress
from vestibule.core.support import SupportCase


class Support(Protocol):
    """Reads invitations without their address, message and link."""

    def find_link(self, claim_token_hash: bytes) -> str | None:
        """The invitation that this link opens now; an older link of it opens none."""

    def list_of_address(self, tenant_id: str, email: EmailAddress, *, limit: int) -> Sequence[str]:
        """The newest invitations of this tenant to the address."""

    def find_case(self, invitation_id: str, *, events: int) -> SupportCase | None:
        """The invitation with that many of its newest events."""

# SPDX-License-Identifier: Apache-2.0
"""Resources: teams, projects, environments of a tenant on which a role can be held beside the membership."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

RESOURCE_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}"
RESOURCE_NAME_MAX = 200
_RESOURCE_ID = re.compile(RESOURCE_ID_PATTERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something of the tenant's that the host names."""

    tenant_id: str
    resource_id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGrant:
    """A role that a member holds on a resource, perhaps with an end."""

    tenant_id: str
    principal_id: str
    resource_id: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    invitation_id: str

    def is_in_force(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


def is_resource_id(text: str) -> bool:
    return _RESOURCE_ID.fullmatch(text) is not None

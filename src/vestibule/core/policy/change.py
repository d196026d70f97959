# SPDX-License-Identifier: Apache-2.0
"""The life of a policy: proposed, approved when it loosens, active, closed. And what is in force now.

A change keeps what a tenant (or, with an empty ``tenant_id``, the deployment) wants to say: its own
document by hash. ``base_hash`` is the effective policy that it was compared with; when that is no longer the
one in force, the change is stale and can't become active.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from vestibule.core.policy.compare import Difference, compare
from vestibule.core.policy.layers import NOTHING, load_hash, load_policy
from vestibule.core.policy.rules import Policy

DEPLOYMENT = ""
ChangeState = Literal["proposed", "approved", "active", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    """The two documents that count in a tenant, or in the deployment (over nothing)."""

    tenant_id: str
    base: str
    own: str
    version: int

    @property
    def policy(self) -> Policy:
        return load_policy(self.base, self.own)

    @property
    def policy_hash(self) -> str:
        """The identity of the effective policy."""
        return load_hash(self.base, self.own)

    def after(self, own: str) -> PolicyInForce:
        """The same with another document of its own, one version on."""
        return replace(self, own=own, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """One recorded change, with the hash of its own document and of the policy it was compared with."""

    change_id: str
    tenant_id: str
    document_hash: str
    base_hash: str
    is_loosening: bool
    author_id: str
    created_at: datetime
    approver_id: str | None = None
    approved_at: datetime | None = None
    activated_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def state(self) -> ChangeState:
        if self.closed_at is not None:
            return "closed"
        if self.activated_at is not None:
            return "active"
        return "proposed" if self.approved_at is None else "approved"

    @property
    def needs_approval(self) -> bool:
        """A loosening needs a second person; what tightens needs nobody."""
        return self.is_loosening and self.approved_at is None


def compare_in_force(
    before: PolicyInForce, after: PolicyInForce, tenants: Iterable[str]
) -> tuple[Difference, ...]:
    """What changes for whom it concerns: the tenant; or, for the deployment, any of its *tenants*' documents.

    Of the same place, what loosens for one tenant stands before what tightens for another.
    """
    if before.tenant_id != DEPLOYMENT:
        return compare(before.policy, after.policy)
    found: dict[str, Difference] = {}
    for own in {NOTHING, *tenants}:
        for one in compare(load_policy(before.own, own), load_policy(after.own, own)):
            if one.loosens or one.pointer not in found:
                found[one.pointer] = one
    return tuple(found[pointer] for pointer in sorted(found))

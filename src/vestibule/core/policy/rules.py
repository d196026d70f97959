# SPDX-License-Identifier: Apache-2.0
"""The rules as values: a policy, the rule of one role, the window of an event (ISS-03, ISS-07, ISS-04).

Roles need no order: ``assignable`` is a relation, role -> roles it may grant. Durations are whole seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from vestibule.core.email import EmailAddress

OWNER = "owner"
ROLE_PATTERN = r"[a-z][a-z0-9_-]{0,31}"
SCHEMA = 1
HOUR = 3_600
DAY = 86_400
TTL_MIN = 15 * 60
TTL_MAX = 30 * DAY
SEATS_MAX = 10_000_000
COOLDOWN_MAX = DAY
APPROVALS_MAX = 5
AUTH_MAX_AGE_MIN = 60
GRANT_MIN = 60
GRANT_MAX = 10 * 366 * DAY
SEPARATION_MAX = 365 * DAY

DEFAULT_ASSIGNABLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {"owner": frozenset({"owner", "admin", "member"}), "admin": frozenset({"member"}), "member": frozenset()}
)
DEFAULT_TTL: Mapping[str, int] = MappingProxyType({"member": 7 * DAY, "admin": 2 * DAY, "owner": DAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRule:
    """What granting one role demands, and how long a membership with it may last.

    ``approvals`` second people must agree within ``approval_ttl``, each with a session no older than
    ``auth_max_age`` and as strong as ``amr_any`` says. A membership ends ``grant_default`` after it began
    when the request says nothing, and never later than ``grant_max``. ``review_within``: break-glass, whose
    review opens at once and is due so soon.
    """

    approvals: int = 0
    approval_ttl: int = DAY
    auth_max_age: int | None = None
    amr_any: frozenset[str] = frozenset()
    grant_default: int | None = None
    grant_max: int | None = None
    justification: bool = False
    review_within: int | None = None


DEFAULT_RULE = RoleRule()
OWNER_RULE = RoleRule(approvals=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow:
    """When the event that a tenant stands for takes place; invitations close so long before its start."""

    starts_at: datetime
    ends_at: datetime
    close_before_start: int | None = None
    name: str | None = None
    location: str | None = None

    @property
    def closes_at(self) -> datetime:
        """From here on nobody can accept any more: so long before the start, or at the end."""
        if self.close_before_start is None:
            return self.ends_at
        return self.starts_at - timedelta(seconds=self.close_before_start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one tenant allows. ``parse_policy`` makes it; nothing changes it."""

    policy_id: str | None = None
    assignable: Mapping[str, frozenset[str]] = field(default_factory=lambda: DEFAULT_ASSIGNABLE)
    ttl: Mapping[str, int] = field(default_factory=lambda: DEFAULT_TTL)
    rules: Mapping[str, RoleRule] = field(default_factory=lambda: MappingProxyType({}))
    administrators: frozenset[str] = frozenset({"owner", "admin"})
    single_owner_bootstrap: int | None = None
    separation: int = 7 * DAY
    resend_cooldown: int = 300
    seat_limit: int | None = None
    seats_count_pending: bool = False
    allowed_domains: frozenset[str] | None = None
    require_connection: str | None = None
    connection_exceptions: frozenset[str] = frozenset()
    target_key: Literal["address", "address_role"] = "address"
    max_pending: int = 10_000
    max_pending_per_inviter: int = 10_000
    event: EventWindow | None = None
    announce_end: int = DAY
    token: Literal["opaque", "signed"] = "opaque"  # noqa: S105 - a kind of token, none itself
    reissue_leaked: bool = True
    address_storage: Literal["kept", "blind"] = "kept"

    @property
    def roles(self) -> frozenset[str]:
        """Every role that exists in this tenant: the built-in three and those the relation names."""
        granted = (role for roles in self.assignable.values() for role in roles)
        return frozenset({*DEFAULT_ASSIGNABLE, *self.assignable, *granted})

    @property
    def signs_links(self) -> bool:
        """Does a link carry a signed token? (TOK-03)"""
        return self.token == "signed"  # noqa: S105 - a kind of token, none itself

    @property
    def is_blind(self) -> bool:
        """Is an invited address kept no longer than until its mail has left? (TOK-08)"""
        return self.address_storage == "blind"

    @property
    def elevating(self) -> frozenset[str]:
        """The roles that are granted only with somebody else's approval (ruling 10)."""
        return frozenset(role for role in {OWNER, *self.rules} if self.rule_of(role).approvals)

    def rule_of(self, role: str) -> RoleRule:
        """What granting *role* demands; an owner always needs an approval."""
        return self.rules.get(role, OWNER_RULE if role == OWNER else DEFAULT_RULE)

    def may_grant(self, granting: str, granted: str) -> bool:
        """The assignable-role policy, exactly: no order, no inheritance (ISS-03)."""
        return granted in self.assignable.get(granting, frozenset())

    def ttl_of(self, role: str) -> int:
        """Seconds an invitation for *role* lives when the request does not shorten it (ISS-07)."""
        return self.ttl.get(role, self.ttl.get("member", DEFAULT_TTL["member"]))

    def target_of(self, role: str) -> str:
        """What, beside tenant and address, makes two invitations the same one (ISS-06)."""
        return role if self.target_key == "address_role" else ""

    def connection_for(self, address: EmailAddress) -> str | None:
        """The connection through which whoever holds *address* must come; None means any (ACC-05)."""
        is_excepted = (
            address.key in self.connection_exceptions or address.domain in self.connection_exceptions
        )
        return None if is_excepted else self.require_connection


DEFAULT_POLICY = Policy()

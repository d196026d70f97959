# SPDX-License-Identifier: Apache-2.0
"""Tenant policy: one immutable value with every rule a tenant may set (ISS-03, ISS-07, DESIGN.md 4.7).

Roles need no order: ``assignable`` is a relation, role -> roles it may grant. Durations are whole seconds.
What is left out of a document keeps its default; what is unknown is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from vestibule.core.email import AddressFaultError, parse_domain
from vestibule.errors import FieldFault, InvalidRequestError

OWNER = "owner"
ROLE_PATTERN = r"[a-z][a-z0-9_-]{0,31}"
TTL_MIN = 15 * 60
TTL_MAX = 30 * 86_400
SEATS_MAX = 10_000_000
COOLDOWN_MAX = 86_400
_ROLE = re.compile(ROLE_PATTERN)
_DAY = 86_400

DEFAULT_ASSIGNABLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {"owner": frozenset({"owner", "admin", "member"}), "admin": frozenset({"member"}), "member": frozenset()}
)
DEFAULT_TTL: Mapping[str, int] = MappingProxyType({"member": 7 * _DAY, "admin": 2 * _DAY, "owner": _DAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one tenant allows. ``parse_policy`` makes it; nothing changes it."""

    assignable: Mapping[str, frozenset[str]] = field(default_factory=lambda: DEFAULT_ASSIGNABLE)
    ttl: Mapping[str, int] = field(default_factory=lambda: DEFAULT_TTL)
    administrators: frozenset[str] = frozenset({"owner", "admin"})
    elevating: frozenset[str] = frozenset({OWNER})
    resend_cooldown: int = 300
    seat_limit: int | None = None
    seats_count_pending: bool = False
    allowed_domains: frozenset[str] | None = None
    require_connection: str | None = None
    target_key: Literal["address", "address_role"] = "address"
    max_pending: int = 10_000

    @property
    def roles(self) -> frozenset[str]:
        """Every role that exists in this tenant: the built-in three and those the relation names."""
        granted = (role for roles in self.assignable.values() for role in roles)
        return frozenset({*DEFAULT_ASSIGNABLE, *self.assignable, *granted})

    def may_grant(self, granting: str, granted: str) -> bool:
        """The assignable-role policy, exactly: no order, no inheritance (ISS-03)."""
        return granted in self.assignable.get(granting, frozenset())

    def ttl_of(self, role: str) -> int:
        """Seconds an invitation for *role* lives when the request does not shorten it (ISS-07)."""
        return self.ttl.get(role, self.ttl.get("member", DEFAULT_TTL["member"]))

    def target_of(self, role: str) -> str:
        """What, beside tenant and address, makes two invitations the same one (ISS-06)."""
        return role if self.target_key == "address_role" else ""


DEFAULT_POLICY = Policy()


def parse_policy(document: Mapping[str, Any]) -> Policy:
    """Make a policy from a request's or a file's document.

    Raises:
        InvalidRequestError: an unknown member or an impossible value; every fault has its pointer.
    """
    faults: list[FieldFault] = []
    values: dict[str, Any] = {}
    for name, raw in document.items():
        reader = _READERS.get(name)
        if reader is None:
            faults.append(FieldFault(f"/policy/{name[:64]}", "Unknown member; see the policy reference."))
            continue
        try:
            values[name] = reader(raw)
        except ValueError as fault:
            faults.append(FieldFault(f"/policy/{name}", str(fault)))
    if faults:
        raise InvalidRequestError(*faults)
    policy = Policy(**values)
    strangers = sorted(set(policy.ttl) - policy.roles)
    if strangers:
        raise InvalidRequestError(FieldFault(f"/policy/ttl/{strangers[0]}", "No such role in this policy."))
    return policy


def dump_policy(policy: Policy) -> str:
    """The stored form: JSON with sorted members, only what a document may set."""
    return json.dumps(
        {
            "allowed_domains": None if policy.allowed_domains is None else sorted(policy.allowed_domains),
            "assignable": {role: sorted(granted) for role, granted in policy.assignable.items()},
            "max_pending": policy.max_pending,
            "require_connection": policy.require_connection,
            "resend_cooldown": policy.resend_cooldown,
            "seat_limit": policy.seat_limit,
            "seats_count_pending": policy.seats_count_pending,
            "target_key": policy.target_key,
            "ttl": dict(policy.ttl),
        },
        sort_keys=True,
    )


@lru_cache(maxsize=4096)
def load_policy(stored: str) -> Policy:
    """The policy behind its stored form; equal text gives the same value."""
    return parse_policy(json.loads(stored))


def _read_assignable(raw: object) -> Mapping[str, frozenset[str]]:
    if not isinstance(raw, dict) or len(raw) > 100:
        raise ValueError("Give an object: role -> list of roles it may grant.")
    relation: dict[str, frozenset[str]] = {}
    for role, granted in raw.items():
        if not isinstance(granted, list) or len(granted) > 100:
            raise ValueError("Give each role a list of the roles it may grant.")
        relation[_read_role(role)] = frozenset(_read_role(name) for name in granted)
    return MappingProxyType(relation)


def _read_role(raw: object) -> str:
    if not isinstance(raw, str) or not _ROLE.fullmatch(raw):
        raise ValueError(f"A role matches {ROLE_PATTERN}.")
    return raw


def _read_ttl(raw: object) -> Mapping[str, int]:
    if not isinstance(raw, dict) or len(raw) > 100:
        raise ValueError("Give an object: role -> seconds.")
    limits = {_read_role(role): _read_number(seconds, TTL_MIN, TTL_MAX) for role, seconds in raw.items()}
    return MappingProxyType({**DEFAULT_TTL, **limits})


def _read_number(raw: object, least: int, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise ValueError(f"Give a whole number from {least} to {most}.")
    return raw


def _read_flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError("Give true or false.")
    return raw


def _read_domains(raw: object) -> frozenset[str] | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or not 0 < len(raw) <= 1000:
        raise ValueError("Give a list of 1 to 1000 domains, or null.")
    try:
        return frozenset(parse_domain(name) for name in raw)
    except AddressFaultError:
        raise ValueError("Give whole domains such as example.com.") from None


def _read_connection(raw: object) -> str | None:
    if raw is not None and (not isinstance(raw, str) or not 0 < len(raw) <= 255 or not raw.isprintable()):
        raise ValueError("Give the id of a connection, or null.")
    return raw


def _read_target_key(raw: object) -> str:
    if raw not in ("address", "address_role"):
        raise ValueError('Give "address" or "address_role".')
    return str(raw)


_READERS: Mapping[str, Callable[[object], Any]] = MappingProxyType(
    {
        "allowed_domains": _read_domains,
        "assignable": _read_assignable,
        "max_pending": lambda raw: _read_number(raw, 1, SEATS_MAX),
        "require_connection": _read_connection,
        "resend_cooldown": lambda raw: _read_number(raw, 0, COOLDOWN_MAX),
        "seat_limit": lambda raw: None if raw is None else _read_number(raw, 0, SEATS_MAX),
        "seats_count_pending": _read_flag,
        "target_key": _read_target_key,
        "ttl": _read_ttl,
    }
)

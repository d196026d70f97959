# SPDX-License-Identifier: Apache-2.0
"""A policy as a document. What is left out keeps its default; what is unknown is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from vestibule.core.canonical import canonical
from vestibule.core.policy.reading import (
    Reader,
    ValueFaultError,
    number,
    optional,
    read_address_storage,
    read_administrators,
    read_assignable,
    read_connection,
    read_domains,
    read_event,
    read_exceptions,
    read_flag,
    read_label,
    read_members,
    read_rules,
    read_schema,
    read_target_key,
    read_token,
    read_ttl,
)
from vestibule.core.policy.rules import (
    COOLDOWN_MAX,
    DEFAULT_RULE,
    DEFAULT_TTL,
    HOUR,
    OWNER,
    OWNER_RULE,
    SCHEMA,
    SEATS_MAX,
    SEPARATION_MAX,
    TTL_MAX,
    EventWindow,
    Policy,
    RoleRule,
)
from vestibule.errors import FieldFault, InvalidRequestError

Value = TypeVar("Value")


def parse_policy(document: Mapping[str, Any]) -> Policy:
    """Make a policy from a request's or a file's document.

    Raises:
        InvalidRequestError: an unknown member or an impossible value; every fault has its pointer.
    """
    policy = read_policy(document)
    check_roles(document, policy.roles)
    return policy


def read_policy(document: Mapping[str, Any]) -> Policy:
    """The same, but a rule for a role that does not exist has no effect instead of being a fault.

    Raises:
        InvalidRequestError: an unknown member or an impossible value; every fault has its pointer.
    """
    try:
        values = read_members(document, _READERS)
    except ValueFaultError as fault:
        raise InvalidRequestError(*(_fault(told, *path) for path, told in fault.faults)) from None
    return _make(values, document)


def check_roles(document: Mapping[str, Any], roles: frozenset[str]) -> None:
    """What *document* says of roles, it says of roles that exist.

    Raises:
        InvalidRequestError: it names others.
    """
    ruled = document.get("roles", {})
    named = {name: document.get(name, ()) for name in ("administrators", "ttl")} | {"roles": ruled}
    told = "No such role in this policy: name it in assignable."
    strangers = [
        _fault(told, name, role) for name, given in named.items() for role in sorted({*given} - roles)
    ]
    if strangers:
        raise InvalidRequestError(*strangers)


def _make(values: dict[str, Any], document: Mapping[str, Any]) -> Policy:
    values.pop("schema", None)
    values["policy_id"] = values.pop("id", None)
    if "max_pending" in values:
        values.setdefault("max_pending_per_inviter", values["max_pending"])
    ruled = values.pop("roles", {})
    ttl = dict(values.pop("ttl", DEFAULT_TTL))
    for role, (_, lifetime) in ruled.items():
        if lifetime is not None and role in document.get("ttl", {}):
            told = "Its lifetime is in ttl already: give it in one place."
            raise InvalidRequestError(_fault(told, "roles", role, "ttl"))
        if lifetime is not None:
            ttl[role] = lifetime
    rules = {role: rule for role, (rule, _) in ruled.items() if rule != _plain_rule(role)}
    policy = Policy(**values)
    roles = policy.roles
    return replace(
        policy,
        administrators=policy.administrators & roles,
        ttl=_only(ttl, roles),
        rules=_only(rules, roles),
    )


def _only(given: Mapping[str, Value], roles: frozenset[str]) -> Mapping[str, Value]:
    return MappingProxyType({role: value for role, value in given.items() if role in roles})


def _plain_rule(role: str) -> RoleRule:
    return OWNER_RULE if role == OWNER else DEFAULT_RULE


def _fault(message: str, *path: str) -> FieldFault:
    return FieldFault("/policy/" + "/".join(path), message)


def dump_policy(policy: Policy) -> str:
    """The canonical form: JSON with sorted members, without space, of every member a document may set.

    It is RFC 8785's form, since every number is an integer and every member's name ASCII.
    """
    document = {
        "address_storage": policy.address_storage,
        "administrators": sorted(policy.administrators),
        "allowed_domains": None if policy.allowed_domains is None else sorted(policy.allowed_domains),
        "announce_end": policy.announce_end,
        "assignable": {role: sorted(granted) for role, granted in policy.assignable.items()},
        "connection_exceptions": sorted(policy.connection_exceptions),
        "event": None if policy.event is None else _dump_event(policy.event),
        "id": policy.policy_id,
        "max_pending": policy.max_pending,
        "max_pending_per_inviter": policy.max_pending_per_inviter,
        "reissue_leaked": policy.reissue_leaked,
        "require_connection": policy.require_connection,
        "resend_cooldown": policy.resend_cooldown,
        "roles": {role: _dump_rule(rule) for role, rule in policy.rules.items()},
        "schema": SCHEMA,
        "seat_limit": policy.seat_limit,
        "seats_count_pending": policy.seats_count_pending,
        "separation": policy.separation,
        "single_owner_bootstrap": policy.single_owner_bootstrap,
        "target_key": policy.target_key,
        "token": policy.token,
        "ttl": dict(policy.ttl),
    }
    return canonical(document)


def _dump_rule(rule: RoleRule) -> dict[str, Any]:
    return asdict(rule) | {"amr_any": sorted(rule.amr_any)}


def _dump_event(event: EventWindow) -> dict[str, Any]:
    times = {"starts_at": _dump_moment(event.starts_at), "ends_at": _dump_moment(event.ends_at)}
    return asdict(event) | times


def _dump_moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "address_storage": read_address_storage,
        "administrators": read_administrators,
        "allowed_domains": read_domains,
        "announce_end": number(0, TTL_MAX),
        "assignable": read_assignable,
        "connection_exceptions": read_exceptions,
        "event": read_event,
        "id": optional(read_label),
        "max_pending": number(1, SEATS_MAX),
        "max_pending_per_inviter": number(1, SEATS_MAX),
        "reissue_leaked": read_flag,
        "require_connection": read_connection,
        "resend_cooldown": number(0, COOLDOWN_MAX),
        "roles": read_rules,
        "schema": read_schema,
        "seat_limit": optional(number(0, SEATS_MAX)),
        "seats_count_pending": read_flag,
        "separation": number(0, SEPARATION_MAX),
        "single_owner_bootstrap": optional(number(HOUR, TTL_MAX)),
        "target_key": read_target_key,
        "token": read_token,
        "ttl": read_ttl,
    }
)

# SPDX-License-Identifier: Apache-2.0
"""The readers of a policy document's values: each makes one value of a policy or says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from vestibule.core.email import AddressFaultError, EmailAddress, parse_domain
from vestibule.core.naming import check_name
from vestibule.core.policy.rules import (
    APPROVALS_MAX,
    AUTH_MAX_AGE_MIN,
    DEFAULT_TTL,
    GRANT_MAX,
    GRANT_MIN,
    HOUR,
    OWNER,
    OWNER_RULE,
    ROLE_PATTERN,
    SCHEMA,
    TTL_MAX,
    TTL_MIN,
    EventWindow,
    RoleRule,
)
from vestibule.errors import InvalidRequestError

Reader = Callable[[object], Any]
_ROLE = re.compile(ROLE_PATTERN)
_LABEL = re.compile(r"[a-z0-9-]{1,64}")
_AMR = re.compile(r"[!-~]{1,32}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.0{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EVENT_NAME_MAX = 100
_LOCATION_MAX = 200


class ValueFaultError(ValueError):
    """A value that can't be; each of its faults has a path from the member to the place inside it."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.faults = [(path, message)]


def gather(entries: Iterable[tuple[str, Callable[[], Any]]]) -> dict[str, Any]:
    """What each named reading gives.

    Raises:
        ValueFaultError: with the faults of all that failed.
    """
    values: dict[str, Any] = {}
    failed: list[tuple[tuple[str, ...], str]] = []
    for name, read in entries:
        try:
            values[name] = read()
        except ValueFaultError as fault:
            failed += [((name, *path), message) for path, message in fault.faults]
    if failed:
        whole = ValueFaultError(failed[0][1])
        whole.faults = failed
        raise whole
    return values


def read_role(raw: object) -> str:
    if not isinstance(raw, str) or not _ROLE.fullmatch(raw):
        raise ValueFaultError(f"A role matches {ROLE_PATTERN}.")
    return raw


def read_roles(raw: object) -> frozenset[str]:
    if not isinstance(raw, list) or len(raw) > 100:
        raise ValueFaultError("Give a list of roles.")
    return frozenset(read_role(name) for name in raw)


def read_administrators(raw: object) -> frozenset[str]:
    return read_roles(raw) | {OWNER}


def read_assignable(raw: object) -> Mapping[str, frozenset[str]]:
    return _read_by_role(raw, "list of roles it may grant", lambda _, granted: read_roles(granted))


def read_ttl(raw: object) -> Mapping[str, int]:
    limits = _read_by_role(raw, "seconds", lambda _, seconds: read_number(seconds, TTL_MIN, TTL_MAX))
    return MappingProxyType({**DEFAULT_TTL, **limits})


def read_rules(raw: object) -> Mapping[str, tuple[RoleRule, int | None]]:
    """Role -> its rule, and its lifetime when it is given here."""
    return _read_by_role(raw, "its rule", _read_rule)


def _read_by_role(raw: object, what: str, read: Callable[[str, object], Any]) -> Mapping[str, Any]:
    if not isinstance(raw, dict) or len(raw) > 100:
        raise ValueFaultError(f"Give an object: role -> {what}.")
    for role in raw:
        read_role(role)
    return MappingProxyType(gather((role, partial(read, role, value)) for role, value in raw.items()))


def _read_rule(role: str, raw: object) -> tuple[RoleRule, int | None]:
    if not isinstance(raw, dict):
        raise ValueFaultError("Give an object.")
    values = read_members(raw, _RULE_READERS)
    ttl = values.pop("ttl", None)
    if role == OWNER:
        values.setdefault("approvals", OWNER_RULE.approvals)
    return _check_rule(role, RoleRule(**values)), ttl


def _check_rule(role: str, rule: RoleRule) -> RoleRule:
    if role == OWNER and rule.approvals < 1:
        raise ValueFaultError("An owner always needs an approval: give 1 or more.", "approvals")
    if rule.review_within is not None and rule.approvals:
        told = "Only what is granted without approval is reviewed afterwards: set approvals to 0."
        raise ValueFaultError(told, "review_within")
    most = GRANT_MAX if rule.grant_max is None else rule.grant_max
    if rule.grant_default is not None and rule.grant_default > most:
        raise ValueFaultError(f"Give at most grant_max, which is {most}.", "grant_default")
    return rule


def read_event(raw: object) -> EventWindow | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise ValueFaultError("Give an object, or null.")
    values = read_members(raw, _EVENT_READERS)
    for name in ("starts_at", "ends_at"):
        if name not in values:
            raise ValueFaultError("An event has a start and an end: give both.", name)
    window = EventWindow(**values)
    if window.ends_at <= window.starts_at:
        raise ValueFaultError("An event ends after it starts.", "ends_at")
    return window


def read_members(raw: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Every member by its own reader."""
    return gather(
        (name[:64], partial(readers.get(name, _read_unknown), value)) for name, value in raw.items()
    )


def _read_unknown(raw: object) -> Any:  # noqa: ARG001 - a reader's signature
    raise ValueFaultError("Unknown member; see the policy reference.")


def read_number(raw: object, least: int, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise ValueFaultError(f"Give a whole number from {least} to {most}.")
    return raw


def number(least: int, most: int) -> Reader:
    return lambda raw: read_number(raw, least, most)


def optional(reader: Reader) -> Reader:
    return lambda raw: None if raw is None else reader(raw)


def read_flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueFaultError("Give true or false.")
    return raw


def read_domains(raw: object) -> frozenset[str] | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or not 0 < len(raw) <= 1000:
        raise ValueFaultError("Give a list of 1 to 1000 domains, or null.")
    try:
        return frozenset(parse_domain(name) for name in raw)
    except AddressFaultError:
        raise ValueFaultError("Give whole domains such as example.com.") from None


def read_exceptions(raw: object) -> frozenset[str]:
    if not isinstance(raw, list) or len(raw) > 1000:
        raise ValueFaultError("Give a list of at most 1000 addresses or domains.")
    try:
        return frozenset(
            EmailAddress.parse_input(one).key if isinstance(one, str) and "@" in one else parse_domain(one)
            for one in raw
        )
    except AddressFaultError:
        raise ValueFaultError("Give whole addresses or domains such as example.com.") from None


def read_connection(raw: object) -> str | None:
    if raw is not None and (not isinstance(raw, str) or not 0 < len(raw) <= 255 or not raw.isprintable()):
        raise ValueFaultError("Give the id of a connection, or null.")
    return raw


def read_target_key(raw: object) -> str:
    if raw not in ("address", "address_role"):
        raise ValueFaultError('Give "address" or "address_role".')
    return str(raw)


def read_token(raw: object) -> str:
    if raw not in ("opaque", "signed"):
        raise ValueFaultError('Give "opaque" or "signed".')
    return str(raw)


def read_address_storage(raw: object) -> str:
    if raw not in ("kept", "blind"):
        raise ValueFaultError('Give "kept" or "blind".')
    return str(raw)


def read_label(raw: object) -> str:
    if not isinstance(raw, str) or not _LABEL.fullmatch(raw):
        raise ValueFaultError("Give 1 to 64 of a to z, 0 to 9 and -, or null.")
    return raw


def read_schema(raw: object) -> int:
    return read_number(raw, SCHEMA, SCHEMA)


def read_moment(raw: object) -> datetime:
    if not isinstance(raw, str) or not _MOMENT.fullmatch(raw):
        raise ValueFaultError("Give a time of RFC 3339, whole seconds, such as 2030-01-31T12:00:00Z.")
    try:
        return datetime.fromisoformat(raw.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueFaultError("There is no such time.") from None


def _read_amr(raw: object) -> frozenset[str]:
    if not isinstance(raw, list) or len(raw) > 20:
        raise ValueFaultError("Give a list of at most 20 methods of RFC 8176, such as mfa.")
    if not all(isinstance(one, str) and _AMR.fullmatch(one) for one in raw):
        raise ValueFaultError("A method is 1 to 32 visible ASCII characters.")
    return frozenset(raw)


def _read_name(most: int) -> Reader:
    def read(raw: object) -> str:
        if not isinstance(raw, str):
            raise ValueFaultError(f"Give 1 to {most} characters, or null.")
        try:
            check_name("", raw, most)
        except InvalidRequestError as fault:
            raise ValueFaultError(fault.faults[0].message) from None
        return raw

    return read


_RULE_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "amr_any": _read_amr,
        "approval_ttl": number(TTL_MIN, TTL_MAX),
        "approvals": number(0, APPROVALS_MAX),
        "auth_max_age": optional(number(AUTH_MAX_AGE_MIN, TTL_MAX)),
        "grant_default": optional(number(GRANT_MIN, GRANT_MAX)),
        "grant_max": optional(number(GRANT_MIN, GRANT_MAX)),
        "justification": read_flag,
        "review_within": optional(number(HOUR, TTL_MAX)),
        "ttl": number(TTL_MIN, TTL_MAX),
    }
)
_EVENT_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "close_before_start": optional(number(0, TTL_MAX)),
        "ends_at": read_moment,
        "location": optional(_read_name(_LOCATION_MAX)),
        "name": optional(_read_name(_EVENT_NAME_MAX)),
        "starts_at": read_moment,
    }
)

# SPDX-License-Identifier: Apache-2.0
"""Does one policy loosen another? Computed from what both allow, never declared (TEN-02).

A difference loosens when anything that the first policy refuses, asks for or ends could pass, be left out or
last longer under the second. So does what looks strict and hands one owner the tenant: another required
connection, which shuts the others out, and fewer who can approve where a wait stands in for them. Every field
of ``Policy``, ``RoleRule`` and ``EventWindow`` has its judge below; a test fails when one has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vestibule.core.policy.rules import EventWindow, Policy, RoleRule


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two policies differ, as its documents write it; and whether that loosens."""

    pointer: str
    before: Any
    after: Any
    loosens: bool


def compare(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Every difference, by pointer. Pure and total; equal policies have none."""
    found = (one for judge in POLICY_JUDGES.values() for one in judge(before, after))
    return tuple(sorted(found, key=lambda one: one.pointer))


def is_loosening(differences: tuple[Difference, ...]) -> bool:
    return any(one.loosens for one in differences)


Judge = Callable[[Policy, Policy], Iterator[Difference]]
Loosens = Callable[[Any, Any], bool]


def _field(name: str, loosens: Loosens, pointer: str | None = None) -> Judge:
    def judge(before: Any, after: Any) -> Iterator[Difference]:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(pointer or f"/{name}", _show(old), _show(new), loosens(old, new))

    return judge


def _show(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def _never(old: Any, new: Any) -> bool:  # noqa: ARG001 - a judge's signature
    return False


def _always(old: Any, new: Any) -> bool:  # noqa: ARG001 - a judge's signature
    return True


def _higher(old: int, new: int) -> bool:
    return new > old


def _lower(old: int, new: int) -> bool:
    return new < old


def _above(old: int | None, new: int | None) -> bool:
    """None is no limit, and no demand; of demands, the shorter time is the harder one."""
    return old is not None and (new is None or new > old)


def _wider(old: frozenset[str], new: frozenset[str]) -> bool:
    return bool(new - old)


def _domains(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    return old is not None and (new is None or bool(new - old))


def _bootstrap(old: int | None, new: int | None) -> bool:
    """None: nothing replaces a missing approver. A shorter wait replaces it sooner."""
    return new is not None and (old is None or new < old)


def _methods(old: frozenset[str], new: frozenset[str]) -> bool:
    """None asked for is no demand; otherwise each one more is one more way."""
    return bool(old) and (not new or bool(new - old))


def _may_wait(before: Policy, after: Policy) -> bool:
    """Whether a wait may stand in for approvers: then whoever there is less is asked less."""
    return before.single_owner_bootstrap is not None or after.single_owner_bootstrap is not None


def _approvers(name: str, loosens: Loosens) -> Judge:
    """The judge of a field that decides who can approve: more of them loosen, and fewer of them a wait."""

    def judge(before: Policy, after: Policy) -> Iterator[Difference]:
        return _field(name, _always if _may_wait(before, after) else loosens)(before, after)

    return judge


def _exceptions(before: Policy, after: Policy) -> Iterator[Difference]:
    old, new = before.connection_exceptions, after.connection_exceptions
    if old != new:
        # Where no connection is required, nobody needs an exception.
        is_required = before.require_connection is not None or after.require_connection is not None
        loosens = is_required and bool(new - old)
        yield Difference("/connection_exceptions", sorted(old), sorted(new), loosens)


def _assignable(before: Policy, after: Policy) -> Iterator[Difference]:
    nobody: frozenset[str] = frozenset()
    may_wait = _may_wait(before, after)
    for granting in sorted({*before.assignable, *after.assignable}):
        old, new = before.assignable.get(granting, nobody), after.assignable.get(granting, nobody)
        if old != new or (granting in before.assignable) != (granting in after.assignable):
            loosens = bool(new - old) or (may_wait and old != new)
            yield Difference(f"/assignable/{granting}", sorted(old), sorted(new), loosens)


def _ttl(before: Policy, after: Policy) -> Iterator[Difference]:
    for role in sorted(before.roles & after.roles):
        old, new = before.ttl_of(role), after.ttl_of(role)
        if old != new:
            yield Difference(f"/ttl/{role}", old, new, new > old)


def _rules(before: Policy, after: Policy) -> Iterator[Difference]:
    may_wait = _may_wait(before, after)
    for role in sorted(before.roles | after.roles):
        for judge in RULE_JUDGES.values():
            for one in judge(before.rule_of(role), after.rule_of(role)):
                # Where nobody was asked, a wait is more than there was.
                is_wait = may_wait and one.pointer == "/approvals" and one.before > 0
                yield Difference(f"/roles/{role}{one.pointer}", one.before, one.after, one.loosens or is_wait)


def _grant_default(before: RoleRule, after: RoleRule) -> Iterator[Difference]:
    if before.grant_default != after.grant_default:
        old = before.grant_max if before.grant_default is None else before.grant_default
        new = after.grant_max if after.grant_default is None else after.grant_default
        yield Difference("/grant_default", before.grant_default, after.grant_default, _above(old, new))


def _event(before: Policy, after: Policy) -> Iterator[Difference]:
    if before.event is None or after.event is None:
        if before.event is not after.event:
            old, new = (one and _show(one.ends_at) for one in (before.event, after.event))
            yield Difference("/event", old, new, after.event is None)
        return
    for judge in EVENT_JUDGES.values():
        yield from judge(before.event, after.event)


def _closing(before: EventWindow, after: EventWindow) -> Iterator[Difference]:
    later = after.closes_at > before.closes_at
    for name in ("starts_at", "close_before_start"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(f"/event/{name}", _show(old), _show(new), later)


def _nothing(before: Any, after: Any) -> Iterator[Difference]:  # noqa: ARG001 - judged with another field
    return iter(())


POLICY_JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        "address_storage": _field("address_storage", lambda _, new: new == "kept"),
        "administrators": _approvers("administrators", _wider),
        "allowed_domains": _field("allowed_domains", _domains),
        "announce_end": _field("announce_end", _lower),
        "assignable": _assignable,
        "connection_exceptions": _exceptions,
        "event": _event,
        "max_pending": _field("max_pending", _higher),
        "max_pending_per_inviter": _field("max_pending_per_inviter", _higher),
        "policy_id": _field("policy_id", _never, "/id"),
        "reissue_leaked": _field("reissue_leaked", lambda _, new: bool(new)),
        "require_connection": _field("require_connection", _always),
        "resend_cooldown": _field("resend_cooldown", _lower),
        "rules": _rules,
        "seat_limit": _field("seat_limit", _above),
        "seats_count_pending": _field("seats_count_pending", lambda old, _: bool(old)),
        "separation": _approvers("separation", _lower),
        "single_owner_bootstrap": _field("single_owner_bootstrap", _bootstrap),
        "target_key": _field("target_key", lambda _, new: new == "address_role"),
        # The record decides, whatever the link looks like.
        "token": _field("token", _never),
        "ttl": _ttl,
    }
)
RULE_JUDGES: Mapping[str, Callable[[Any, Any], Iterator[Difference]]] = MappingProxyType(
    {
        "amr_any": _field("amr_any", _methods),
        "approval_ttl": _field("approval_ttl", _higher),
        "approvals": _field("approvals", _lower),
        "auth_max_age": _field("auth_max_age", _above),
        "grant_default": _grant_default,
        "grant_max": _field("grant_max", _above),
        "justification": _field("justification", lambda old, _: bool(old)),
        "review_within": _field("review_within", _above),
    }
)
EVENT_JUDGES: Mapping[str, Callable[[Any, Any], Iterator[Difference]]] = MappingProxyType(
    {
        "close_before_start": _nothing,
        "ends_at": _field("ends_at", _higher, "/event/ends_at"),
        "location": _field("location", _never, "/event/location"),
        "name": _field("name", _never, "/event/name"),
        "starts_at": _closing,
    }
)

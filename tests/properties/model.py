# SPDX-License-Identifier: Apache-2.0
"""The same service, told simply: sets and dictionaries, no SQL, one thing at a time.

What an act comes to is a word: ``done``, an error's code, or a refusal's reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vestibule.core.policy import DEFAULT_ASSIGNABLE, OWNER

HOUR = 3600
LIFETIME = 2 * HOUR + 60
APPROVAL = 24 * HOUR
OPEN = frozenset({"held", "pending"})


@dataclass
class Promise:
    """One invitation."""

    to: str
    role: str
    by: str
    expires_at: int
    reserved: bool = False
    state: str = "pending"
    generation: int = 1
    has_hash: bool = True


@dataclass
class Model:
    """One tenant and everybody around it."""

    now: int = 0
    members: dict[str, str] = field(default_factory=dict)
    stripped: set[str] = field(default_factory=set)
    offboarded: set[str] = field(default_factory=set)
    remembered: set[str] = field(default_factory=set)
    promises: list[Promise] = field(default_factory=list)
    suspended: bool = False
    limit: int | None = None
    counting: bool = False

    # What follows from what is

    def state_of(self, promise: Promise) -> str:
        if promise.state in OPEN and self.now >= promise.expires_at:
            return "expired"
        return promise.state

    def role_of(self, who: str) -> str | None:
        return None if who in self.stripped else self.members.get(who)

    def used(self) -> int:
        return len(self.members) + sum(one.reserved for one in self.promises if one.state == "pending")

    def has_heir(self, who: str) -> bool:
        return any(self.role_of(other) == OWNER for other in self.members if other != who)

    def may_grant(self, granting: str | None, granted: str) -> bool:
        return granting is not None and granted in DEFAULT_ASSIGNABLE[granting]

    # What the host does

    def set_policy(self, limit: int | None, *, counting: bool) -> str:
        if (limit, counting) != (self.limit, self.counting):
            self.limit, self.counting = limit, counting
            for promise in self.promises:
                promise.reserved = promise.state == "pending" and limit is not None and counting
        return "done"

    def put(self, who: str, role: str) -> str:
        had = self.members.get(who)
        if had == OWNER != role and not self.has_heir(who):
            return "last_owner"
        if had is None and self.limit is not None and self.used() >= self.limit:
            return "seat_limit"
        if had not in (None, role):
            self._revoke(lambda one: one.by == who and one.role not in DEFAULT_ASSIGNABLE[role])
        self.members[who] = role
        self.stripped.discard(who)
        self.offboarded.discard(who)
        return "done"

    def remove(self, who: str) -> str:
        if who not in self.members:
            return "not_found"
        if self.members[who] == OWNER and not self.has_heir(who):
            return "last_owner"
        self._revoke(lambda one: who in (one.by, one.to))
        del self.members[who]
        self.stripped.discard(who)
        return "done"

    def offboard(self, who: str) -> str:
        is_known = who in self.remembered or who in self.members
        self._revoke(lambda one: one.by == who or (is_known and one.to == who))
        self.offboarded.add(who)
        if self.members.get(who) == OWNER and not self.has_heir(who):
            self.stripped.add(who)
        else:
            self.members.pop(who, None)
            self.stripped.discard(who)
        return "done"

    def suspend(self) -> str:
        self._revoke(lambda _: not self.suspended)
        self.suspended = True
        return "done"

    def resume(self) -> str:
        self.suspended = False
        return "done"

    def sweep(self) -> str:
        for promise in self.promises:
            if promise.state in OPEN and self.now >= promise.expires_at:
                promise.state = "expired"
        return "done"

    # What administrators do

    def _refuse_granting(self, by: str, role: str) -> str | None:
        standing = self.role_of(by)
        findings = (
            (standing is None, "not_found"),
            (not DEFAULT_ASSIGNABLE.get(standing or ""), "not_permitted"),
            (not self.may_grant(standing, role), "role_not_assignable"),
            (self.suspended, "tenant_suspended"),
        )
        return next((code for is_failed, code in findings if is_failed), None)

    def issue(self, by: str, to: str, role: str) -> str:
        refused = self._refuse_granting(by, role)
        if refused is not None:
            return refused
        return self._promise(by, to, role)

    def _promise(self, by: str, to: str, role: str, instead: Promise | None = None) -> str:
        if self.role_of(to) is not None:
            return "already_member"
        if any(
            (one.to == to and self.state_of(one) in OPEN) and not self.may_grant(self.role_of(by), one.role)
            for one in self.promises
        ):
            return "role_not_assignable"
        is_held = role == OWNER
        reserves = not is_held and self.limit is not None and self.counting
        if reserves and not self._has_room_for(to, instead):
            return "seat_limit"
        self._supersede(to, instead)
        if reserves and self.used() >= (self.limit or 0):
            self.sweep()
        waits, state = (APPROVAL, "held") if is_held else (LIFETIME, "pending")
        self.promises.append(Promise(to, role, by, self.now + waits, reserved=reserves, state=state))
        self.remembered.add(by)
        return "done"

    def _supersede(self, to: str, instead: Promise | None) -> None:
        for promise in self.promises:
            if promise.state in OPEN and (promise.to == to or promise is instead):
                promise.state = self.state_of(promise)
                if promise.state in OPEN:
                    promise.state, promise.has_hash = "revoked", False

    def ensure(self, by: str, to: str, role: str) -> str:
        refused = self._refuse_granting(by, role)
        if refused is not None:
            return refused
        is_there = self.role_of(to) is not None or any(
            (one.to, one.role) == (to, role) and self.state_of(one) in OPEN for one in self.promises
        )
        if not is_there:
            return self._promise(by, to, role)
        self.remembered.add(by)
        return "done"

    def correct(self, by: str, promise: Promise, to: str) -> str:
        refused = self._refuse_standing(by) or self._refuse_granting(by, promise.role)
        if refused is not None:
            return refused
        if self.state_of(promise) not in OPEN:
            return "not_pending"
        if promise.to == to:
            return "invalid_request"
        return self._promise(by, to, promise.role, instead=promise)

    def approve(self, by: str, promise: Promise) -> str:
        refused = self._refuse_deciding(by, promise)
        if refused is not None:
            return refused
        if by in (promise.by, promise.to) or not self.may_grant(self.role_of(by), promise.role):
            return "not_permitted"
        if not self.may_grant(self.role_of(promise.by), promise.role):
            return "role_not_assignable"
        if self.role_of(promise.to) is not None:
            return "already_member"
        reserves = self.limit is not None and self.counting
        if reserves and self.used() >= (self.limit or 0):
            if self.used() - self._stale() >= (self.limit or 0):
                return "seat_limit"
            self.sweep()
        promise.state, promise.expires_at, promise.reserved = "pending", self.now + LIFETIME, reserves
        self.remembered.add(by)
        return "done"

    def reject(self, by: str, promise: Promise) -> str:
        refused = self._refuse_deciding(by, promise)
        if refused is not None:
            return refused
        may_decide = self.may_grant(self.role_of(by), promise.role) and by != promise.to
        if by != promise.by and not may_decide:
            return "not_permitted"
        promise.state = "revoked"
        return "done"

    def _refuse_deciding(self, by: str, promise: Promise) -> str | None:
        refused = self._refuse_standing(by)
        if refused is None and self.state_of(promise) != "held":
            return "not_pending"
        return refused

    def _refuse_standing(self, by: str) -> str | None:
        standing = self.role_of(by)
        if standing is None:
            return "not_found"
        return None if standing in (OWNER, "admin") else "not_permitted"

    def _stale(self) -> int:
        return sum(
            one.reserved for one in self.promises if one.state == "pending" and self.now >= one.expires_at
        )

    def resend(self, by: str, promise: Promise) -> str:
        refused = self._refuse_standing(by) or self._refuse_granting(by, promise.role)
        if refused is not None:
            return refused
        if self.state_of(promise) != "pending":
            return "not_pending"
        if self.role_of(promise.to) is not None:
            return "already_member"
        promise.generation += 1
        promise.expires_at = self.now + LIFETIME
        self.remembered.add(by)
        return "done"

    def revoke(self, by: str, promise: Promise) -> str:
        refused = self._refuse_standing(by)
        if refused is None and self.state_of(promise) not in OPEN:
            return "not_pending"
        if refused is None:
            promise.state = "revoked"
        return refused or "done"

    # What invitees do: *generation* is that of the link, or None without one

    def accept(self, who: str, promise: Promise, generation: int | None) -> str:
        reason = self._judge(who, promise, generation)
        if reason is not None:
            return reason
        if not self._has_seat(who, promise):
            self.sweep()
            if not self._has_seat(who, promise):
                return "no_seat"
        promise.state = "consumed"
        self.members.setdefault(who, promise.role)
        self.remembered.add(who)
        return "done"

    def decline(self, who: str, promise: Promise, generation: int | None) -> str:
        reason = self._judge(who, promise, generation)
        if reason is None:
            promise.state = "declined"
        return reason or "done"

    def _judge(self, who: str, promise: Promise, generation: int | None) -> str | None:
        state = self.state_of(promise)
        inviter = self.role_of(promise.by)
        findings = (
            (
                generation is not None and (generation != promise.generation or not promise.has_hash),
                "unknown",
            ),
            (state != "pending", "not_approved" if state == "held" else state),
            (self.suspended, "tenant_suspended"),
            (inviter is None, "inviter_gone"),
            (not self.may_grant(inviter, promise.role), "inviter_not_entitled"),
            (who != promise.to, "wrong_recipient"),
            (who in self.offboarded, "principal_offboarded"),
        )
        return next((reason for is_failed, reason in findings if is_failed), None)

    def _has_seat(self, who: str, promise: Promise) -> bool:
        if self.limit is None or who in self.members or promise.reserved:
            return True
        return self.used() < self.limit

    def _has_room_for(self, to: str, instead: Promise | None) -> bool:
        kept = [
            one
            for one in self.promises
            if one.reserved and one.state == "pending" and one.to != to and self.now < one.expires_at
            if one is not instead
        ]
        return len(self.members) + len(kept) < (self.limit or 0)

    def _revoke(self, is_meant: Callable[[Promise], bool]) -> None:
        for promise in self.promises:
            if self.state_of(promise) in OPEN and is_meant(promise):
                promise.state = "revoked"

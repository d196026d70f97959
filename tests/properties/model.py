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
        if promise.state == "pending" and self.now >= promise.expires_at:
            return "expired"
        return promise.state

    def role_of(self, who: str) -> str | None:
        return None if who in self.stripped else self.members.get(who)

    def used(self) -> int:
        return len(self.members) + sum(one.reserved for one in self.promises if one.state == "pending")

    def has_heir(self, who: str) -> bool:
        return any(self.role_of(other) == OWNER for other in self.members if other != who)

    def may_grant(self, granting: str | None, granted: str) -> bool:
        return granting is not None and granted != OWNER and granted in DEFAULT_ASSIGNABLE[granting]

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
            if promise.state == "pending" and self.now >= promise.expires_at:
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
        if self.role_of(to) is not None:
            return "already_member"
        reserves = self.limit is not None and self.counting
        if reserves and not self._has_room_for(to):
            return "seat_limit"
        self._supersede(to)
        if reserves and self.used() >= (self.limit or 0):
            self.sweep()
        self.promises.append(Promise(to, role, by, self.now + LIFETIME, reserved=reserves))
        self.remembered.add(by)
        return "done"

    def _supersede(self, to: str) -> None:
        for promise in self.promises:
            if promise.state == "pending" and promise.to == to:
                promise.state = self.state_of(promise)
                if promise.state == "pending":
                    promise.state, promise.has_hash = "revoked", False

    def resend(self, by: str, promise: Promise) -> str:
        refused = self._refuse_granting(by, promise.role)
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
        standing = self.role_of(by)
        if standing is None:
            return "not_found"
        if standing not in (OWNER, "admin"):
            return "not_permitted"
        if self.state_of(promise) != "pending":
            return "not_pending"
        promise.state = "revoked"
        return "done"

    # What invitees do

    def accept(self, who: str, promise: Promise, generation: int) -> str:
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

    def decline(self, who: str, promise: Promise, generation: int) -> str:
        reason = self._judge(who, promise, generation)
        if reason is None:
            promise.state = "declined"
        return reason or "done"

    def _judge(self, who: str, promise: Promise, generation: int) -> str | None:
        state = self.state_of(promise)
        inviter = self.role_of(promise.by)
        findings = (
            (generation != promise.generation or not promise.has_hash, "unknown"),
            (state != "pending", state),
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

    def _has_room_for(self, to: str) -> bool:
        kept = [
            one
            for one in self.promises
            if one.reserved and one.state == "pending" and one.to != to and self.now < one.expires_at
        ]
        return len(self.members) + len(kept) < (self.limit or 0)

    def _revoke(self, is_meant: Callable[[Promise], bool]) -> None:
        for promise in self.promises:
            if self.state_of(promise) == "pending" and is_meant(promise):
                promise.state = "revoked"

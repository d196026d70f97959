# SPDX-License-Identifier: Apache-2.0
"""How fresh and how strong a session must be for a role: at approving it and at accepting it (RFC 9470).

A session that does not say when or how it was authenticated is not fresh, and not strong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vestibule.core.identity import VerifiedIdentity
from vestibule.core.policy import Policy
from vestibule.errors import StepUpRequiredError

# What an identity provider's clock may run ahead of ours.
_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """*max_age*: seconds since authentication; *amr_any*: for each role, any of these methods (RFC 8176)."""

    max_age: int | None = None
    amr_any: tuple[frozenset[str], ...] = ()

    def is_met(self, identity: VerifiedIdentity, tenant_id: str, now: datetime) -> bool:
        """Whether this session is fresh and strong enough in that tenant at *now*.

        What the connection of another tenant says of a session counts for nothing here.
        """
        is_foreign = identity.connection_tenant_id not in {None, tenant_id}
        if is_foreign and (self.max_age is not None or self.amr_any):
            return False
        if self.max_age is not None:
            at = identity.authenticated_at
            if at is None or not at - _AHEAD <= now < at + timedelta(seconds=self.max_age):
                return False
        return all(methods & set(identity.amr) for methods in self.amr_any)

    def as_error(self) -> StepUpRequiredError:
        """What to tell whoever lacks only this."""
        wanted = frozenset().union(*self.amr_any) if self.amr_any else frozenset()
        return StepUpRequiredError(max_age=self.max_age, amr_any=wanted)


def demand_of(policy: Policy, roles: Iterable[str]) -> Demand:
    """The strictest of what policy asks for *roles*."""
    rules = [policy.rule_of(role) for role in roles]
    ages = [rule.auth_max_age for rule in rules if rule.auth_max_age is not None]
    return Demand(
        max_age=min(ages, default=None), amr_any=tuple(rule.amr_any for rule in rules if rule.amr_any)
    )


def check_session(demand: Demand, identity: VerifiedIdentity, tenant_id: str, now: datetime) -> None:
    """The session is fresh and strong enough.

    Raises:
        StepUpRequiredError: it is not; says what is asked.
    """
    if not demand.is_met(identity, tenant_id, now):
        raise demand.as_error()

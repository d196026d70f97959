# SPDX-License-Identifier: Apache-2.0
"""How much a tenant and an inviter may send, and whom nobody may send to (ISS-20).

An allowance begins small, grows with age and with invitations that were accepted, and is cut when recipients
report. Every number is a field of ``Limits``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from vestibule.core.email import EmailAddress
from vestibule.core.limits import Hit, Limit, Limits, hit

SuppressedFor = Literal["blocked", "reported", "operator", "host"]
# Of what was accepted, no more than this is looked at: by then nobody is new.
ACCEPTED_MAX = 500
_CUT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AbuseStanding:
    """Since when a tenant and its inviter are there, and how many recipients reported it lately, each counted
    once.
    """

    tenant_age: timedelta
    inviter_age: timedelta
    reports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCount:
    """How many members came by invitation: of a tenant, and by one inviter of it."""

    of_tenant: int = 0
    of_inviter: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that wants no invitations: from one tenant, or from anybody when ``tenant_id`` is empty."""

    address: EmailAddress
    tenant_id: str
    reason: str
    created_at: datetime


def list_allowances(
    limits: Limits, tenant_id: str, inviter_id: str, standing: AbuseStanding
) -> tuple[Hit, Hit]:
    """What one issue or resend counts against beside the plain limits: the tenant's and the inviter's."""
    of_tenant = _grow(limits.allowance_per_tenant, limits.allowance_tenant_growth, standing.tenant_age)
    of_inviter = _grow(limits.allowance_per_inviter, limits.allowance_inviter_growth, standing.inviter_age)
    return (
        hit("allowance_tenant", tenant_id, _cut(limits, of_tenant, standing)),
        hit("allowance_inviter", f"{tenant_id}\0{inviter_id}", _cut(limits, of_inviter, standing)),
    )


def list_earned(
    limits: Limits, tenant_id: str, inviter_id: str, standing: AbuseStanding, accepted: AcceptedCount
) -> tuple[Hit | None, Hit | None]:
    """What it counts against when the allowance is used up: what accepted invitations have earned, if any.

    Apart from the allowance, for what is used of a limit is a share of its window, not a number.
    """
    return (
        _earn(limits, "earned_tenant", tenant_id, accepted.of_tenant, limits.allowance_per_tenant, standing),
        _earn(
            limits,
            "earned_inviter",
            f"{tenant_id}\0{inviter_id}",
            accepted.of_inviter,
            limits.allowance_per_inviter,
            standing,
        ),
    )


def _earn(
    limits: Limits, purpose: str, subject: str, accepted: int, start: Limit, standing: AbuseStanding
) -> Hit | None:
    earned = Limit(accepted * limits.allowance_per_accepted, start.seconds)
    return hit(purpose, subject, _cut(limits, earned, standing)) if earned.count else None


def _grow(start: Limit, growth: Limit, age: timedelta) -> Limit:
    aged = int(max(0.0, age.total_seconds()) * growth.count / growth.seconds)
    return Limit(start.count + aged, start.seconds)


def _cut(limits: Limits, allowance: Limit, standing: AbuseStanding) -> Limit:
    is_reported = standing.reports >= limits.reports_tolerated.count
    return Limit(max(1, allowance.count // _CUT if is_reported else allowance.count), allowance.seconds)


def name_recipient(address: EmailAddress) -> str:
    """Under what a recipient is counted: for limits only, never for access (CRYPTO.md 8.1).

    Plus-tags and Gmail's dots make no new recipient.
    """
    local = address.local.partition("+")[0] or address.local
    if address.domain in ("gmail.com", "googlemail.com"):
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{address.domain}"

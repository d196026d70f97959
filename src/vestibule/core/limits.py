# SPDX-License-Identifier: Apache-2.0
"""Rate limits of a deployment: how many, in how long, of what (ISS-16, ACC-08, ISS-20).

The arithmetic is GCRA: each subject has one number, its theoretical arrival time. A *wrong* try is what
counts on the claim road; the right person is never throttled (core.binding says why).
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limit:
    """*count* in *seconds*: a burst of that many, refilled evenly."""

    count: int
    seconds: int

    @property
    def interval_ms(self) -> float:
        return self.seconds * 1000 / self.count

    @property
    def window_ms(self) -> int:
        return self.seconds * 1000


@dataclass(frozen=True, slots=True)
class Hit:
    """One subject met one limit: *key* is stored, never the subject itself."""

    key: bytes
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit with its default; each has a setting ``VESTIBULE_LIMIT_<NAME>=count/seconds``."""

    claim_per_token: Limit = Limit(200, 600)
    claim_per_principal: Limit = Limit(200, 600)
    claim_per_ip: Limit = Limit(1000, 600)
    claim_global: Limit = Limit(60_000, 600)
    preview_per_ip: Limit = Limit(300, 600)
    preview_global: Limit = Limit(120_000, 600)
    issue_per_inviter: Limit = Limit(500, 3600)
    issue_per_tenant: Limit = Limit(2000, 3600)
    issue_per_recipient: Limit = Limit(20, 86_400)
    mail_per_recipient: Limit = Limit(20, 86_400)
    allowance_per_tenant: Limit = Limit(100, 86_400)
    allowance_tenant_growth: Limit = Limit(50, 86_400)
    allowance_per_inviter: Limit = Limit(60, 86_400)
    allowance_inviter_growth: Limit = Limit(25, 86_400)
    reports_tolerated: Limit = Limit(3, 2_592_000)
    request_new_per_invitation: Limit = Limit(1, 86_400)
    request_new_per_ip: Limit = Limit(30, 3600)
    sign_in_per_address: Limit = Limit(60, 600)
    sign_in_per_pair: Limit = Limit(10, 600)
    sign_in_per_ip: Limit = Limit(100, 600)
    code_per_address: Limit = Limit(5, 3600)
    code_per_ip: Limit = Limit(30, 3600)
    join_per_principal: Limit = Limit(30, 3600)
    join_per_ip: Limit = Limit(300, 3600)
    domain_check_per_tenant: Limit = Limit(60, 3600)
    redeem_per_ip: Limit = Limit(60, 60)
    code_tries: int = 5
    allowance_per_accepted: int = 5


def network_of(ip: str) -> str:
    """What counts as one network address: an IPv4 address, or the /64 that one IPv6 subscriber holds."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if address.version == 4:
        return ip
    return str(ipaddress.ip_network((address, 64), strict=False))


GLOBAL_SHARDS = 16


def hit(purpose: str, subject: str, limit: Limit) -> Hit:
    """Name one subject under one limit; only a digest of it is ever stored."""
    return Hit(hashlib.sha256(f"{purpose}\0{subject}".encode("utf-8", "surrogatepass")).digest(), limit)


def hit_global(purpose: str, limit: Limit, spread_by: str) -> Hit:
    """One of several shards of a global limit, so that a flood does not queue on one row."""
    shard = hashlib.sha256(spread_by.encode("utf-8", "surrogatepass")).digest()[0] % GLOBAL_SHARDS
    part = Limit(max(1, limit.count // GLOBAL_SHARDS), limit.seconds)
    return hit(purpose, f"global:{shard}", part)


def parse_limit(text: str) -> Limit:
    """Read ``count/seconds``.

    Raises:
        ValueError: it is not two positive whole numbers with a slash between.
    """
    count, slash, seconds = text.partition("/")
    if not slash or not _is_number(count) or not _is_number(seconds):
        raise ValueError("give count/seconds, for example 300/600")
    limit = Limit(int(count), int(seconds))
    if limit.count < 1 or limit.seconds < 1:
        raise ValueError("count and seconds are at least 1")
    return limit


def _is_number(text: str) -> bool:
    return text.isascii() and text.strip().isdecimal()


LIMIT_NAMES = tuple(entry.name for entry in fields(Limits) if isinstance(entry.default, Limit))

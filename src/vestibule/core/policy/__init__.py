# SPDX-License-Identifier: Apache-2.0
"""Tenant policy: one immutable value with every rule a tenant may set (ISS-03, ISS-07, TEN-02)."""

from __future__ import annotations

from vestibule.core.policy.document import dump_policy, parse_policy
from vestibule.core.policy.layers import NOTHING, hash_document, load_hash, load_policy, parse_base, parse_own
from vestibule.core.policy.rules import (
    COOLDOWN_MAX,
    DEFAULT_ASSIGNABLE,
    DEFAULT_POLICY,
    DEFAULT_TTL,
    OWNER,
    ROLE_PATTERN,
    SEATS_MAX,
    TTL_MAX,
    TTL_MIN,
    EventWindow,
    Policy,
    RoleRule,
)

__all__ = [
    "COOLDOWN_MAX",
    "DEFAULT_ASSIGNABLE",
    "DEFAULT_POLICY",
    "DEFAULT_TTL",
    "NOTHING",
    "OWNER",
    "ROLE_PATTERN",
    "SEATS_MAX",
    "TTL_MAX",
    "TTL_MIN",
    "EventWindow",
    "Policy",
    "RoleRule",
    "dump_policy",
    "hash_document",
    "load_hash",
    "load_policy",
    "parse_base",
    "parse_own",
    "parse_policy",
]

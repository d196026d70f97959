# SPDX-License-Identifier: Apache-2.0
"""A tenant's document lies over the deployment's, and that over the built-in rules.

Stored documents are sparse: each holds what was said, nothing else. The effective document is put together
member by member: what a tenant says of a member is what counts, and of what it leaves out the deployment's
word does. Two members, ``ttl`` and ``roles``, are put together role by role in the same way; what is said
of a role in ``roles`` is said whole.

Whoever stores a document has it checked against the layer below (``parse_own``). Loading can't fail: what
names a role that the layer below has dropped since has no effect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from vestibule.core.canonical import canonical
from vestibule.core.policy.document import check_roles, dump_policy, read_policy
from vestibule.core.policy.rules import Policy
from vestibule.errors import FieldFault, InvalidRequestError

NOTHING = "{}"
_BY_ROLE = ("roles", "ttl")
# The ledger of seats is each tenant's own.
_TENANTS_ONLY = ("seat_limit", "seats_count_pending")


def parse_own(base: str, document: Mapping[str, Any]) -> str:
    """The stored form of what a tenant says over the stored *base*.

    Raises:
        InvalidRequestError: an unknown member or an impossible value, by itself or over *base*.
    """
    read_policy(document)
    own = _move_lifetimes(document)
    check_roles(document, read_policy(_overlay(json.loads(base), own)).roles)
    return canonical(own)


def parse_base(document: Mapping[str, Any]) -> str:
    """The stored form of the deployment's document.

    Raises:
        InvalidRequestError: an unknown member, an impossible value, or what only a tenant has.
    """
    told = "Seats are each tenant's own: set it there."
    faults = [FieldFault(f"/policy/{name}", told) for name in _TENANTS_ONLY if name in document]
    if faults:
        raise InvalidRequestError(*faults)
    return parse_own(NOTHING, document)


@lru_cache(maxsize=4096)
def load_policy(base: str, own: str) -> Policy:
    """The effective policy behind two stored documents; equal texts give the same value."""
    return read_policy(_overlay(json.loads(base), json.loads(own)))


@lru_cache(maxsize=4096)
def load_hash(base: str, own: str) -> str:
    """The identity of the effective policy: equal for equal rules, however they were written down."""
    return hash_document(dump_policy(load_policy(base, own)))


def hash_document(document: str) -> str:
    """``sha256:`` and the SHA-256 of a document in its canonical form."""
    return "sha256:" + hashlib.sha256(document.encode()).hexdigest()


def _overlay(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **own}
    for name in _BY_ROLE:
        if name in base and name in own:
            merged[name] = {**base[name], **own[name]}
    return merged


def _move_lifetimes(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same document with every lifetime in ``ttl``, where one looks for it when layers meet."""
    rules = document.get("roles", {})
    lifetimes = {role: rule["ttl"] for role, rule in rules.items() if "ttl" in rule}
    if not lifetimes:
        return dict(document)
    plain = {
        role: {name: value for name, value in rule.items() if name != "ttl"} for role, rule in rules.items()
    }
    return {**document, "roles": plain, "ttl": {**document.get("ttl", {}), **lifetimes}}

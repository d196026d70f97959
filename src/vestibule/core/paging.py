# SPDX-License-Identifier: Apache-2.0
"""Keyset paging: ordered, bounded lists with opaque cursors (INT-01).

A cursor belongs to one list of one tenant under one filter; changed or taken elsewhere it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from vestibule.errors import FieldFault, InvalidRequestError

LIMIT_DEFAULT = 50
LIMIT_MAX = 100
CURSOR_MAX = 1024
_CHECK_BYTES = 12

Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page of which list. *scope* names list, tenant and filter."""

    scope: str
    limit: int = LIMIT_DEFAULT
    after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """One page; *next_cursor* is None on the last."""

    items: Sequence[Item]
    next_cursor: str | None = None

    def map(self, change: Callable[[Item], Other]) -> Page[Other]:
        return Page(items=[change(item) for item in self.items], next_cursor=self.next_cursor)


def make_cursor(scope: str, after: Sequence[str]) -> str:
    """An opaque text that leads to what comes after *after* in the list *scope*."""
    payload = json.dumps(list(after), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(scope, payload) + payload).decode().rstrip("=")


def parse_page_request(scope: str, limit: int | None, cursor: str | None, *, keys: int = 2) -> PageRequest:
    """Read ``limit`` and ``cursor`` of a request.

    Raises:
        InvalidRequestError: the limit is out of bounds; the cursor is changed or of another list.
    """
    size = LIMIT_DEFAULT if limit is None else limit
    if not 1 <= size <= LIMIT_MAX:
        raise InvalidRequestError(FieldFault("/limit", f"Give a whole number from 1 to {LIMIT_MAX}."))
    if cursor is None:
        return PageRequest(scope=scope, limit=size)
    after = _read_cursor(scope, cursor)
    if after is None or len(after) != keys:
        raise InvalidRequestError(FieldFault("/cursor", "Use next_cursor of the same list, unchanged."))
    return PageRequest(scope=scope, limit=size, after=after)


def _read_cursor(scope: str, cursor: str) -> tuple[str, ...] | None:
    if len(cursor) > CURSOR_MAX:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, payload = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if check != _check(scope, payload):
            return None
        after = json.loads(payload)
    except (binascii.Error, ValueError, UnicodeError):
        return None
    if not isinstance(after, list) or not all(isinstance(part, str) and _is_storable(part) for part in after):
        return None
    return tuple(after)


def _is_storable(part: str) -> bool:
    # The check is no signature: what a cursor says is outside data like any other.
    return "\0" not in part and part.encode("utf-8", "ignore").decode() == part


def _check(scope: str, payload: bytes) -> bytes:
    return hashlib.sha256(scope.encode() + b"\0" + payload).digest()[:_CHECK_BYTES]

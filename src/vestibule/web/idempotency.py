# SPDX-License-Identifier: Apache-2.0
"""The ``Idempotency-Key`` header: its scope is principal, method, concrete path and key; then the body."""

from __future__ import annotations

import hashlib

from starlette.types import Scope

from vestibule.core.identity import IdempotencyRequest
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.web.asgi import find_header

KEY_MAX = 255


def read_key(scope: Scope, actor_id: str, body: bytes) -> IdempotencyRequest | None:
    """The caller's wish for at most one effect, if it has one.

    Raises:
        InvalidRequestError: the key is empty, too long or not printable ASCII.
    """
    key = find_header(scope, b"idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        fault = FieldFault("#/headers/idempotency-key", f"Give 1 to {KEY_MAX} printable ASCII characters.")
        raise InvalidRequestError(fault)
    parts = "\0".join((actor_id, scope["method"], scope["path"], key)).encode("utf-8", "surrogatepass")
    return IdempotencyRequest(
        scope_hash=hashlib.sha256(parts).digest(), body_hash=hashlib.sha256(body).digest()
    )

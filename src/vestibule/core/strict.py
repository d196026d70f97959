# SPDX-License-Identifier: Apache-2.0
"""Read base64url and JSON in the one spelling that every reader agrees on.

Two readers that understand one text differently are how checks are walked around: the lenient reader
verifies one thing, the next one uses another. So there is one spelling of each value here, and a
``ValueError`` for all others (RFC 7515 section 2, RFC 8725 section 2.4).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, NoReturn


def decode_segment(text: str) -> bytes:
    """The bytes behind one canonical, unpadded base64url text.

    Raises:
        ValueError: padding, a foreign character, or spare bits that are not zero.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Python skips foreign characters and spare bits; writing it again shows both.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise ValueError("not canonical base64url")
    return data


def load_object(data: bytes) -> dict[str, Any]:
    """The JSON object in *data*: UTF-8, no member twice at any depth, no ``NaN`` or ``Infinity``.

    Raises:
        ValueError: it is anything else.
    """
    try:
        # decode() first: given bytes, json would guess UTF-16 and UTF-32 and skip a byte order mark.
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _refuse_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members = list(pairs)
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("a member stands twice")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")

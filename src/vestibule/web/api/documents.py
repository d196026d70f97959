# SPDX-License-Identifier: Apache-2.0
"""Request documents and queries, read in the one spelling that every reader agrees on (ATTACKS D14).

UTF-8 JSON, an object, no member twice, no number that JSON has not, no NUL, no lone surrogate, not deep.
Two readers that understand one text differently are how checks are walked around.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from vestibule.errors import FieldFault, InvalidRequestError

DEPTH_MAX = 12
_POINTER_MAX = 64
_QUERY_MAX = 20


async def read_document(request: Request) -> tuple[bytes, Any]:
    """The body and the object it holds; an empty body holds None.

    Raises:
        HTTPException: the body does not say that it is JSON (415).
        InvalidRequestError: it is not JSON of our one spelling.
    """
    body = await request.body()
    if not body:
        return body, None
    kind, _, parameter = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json" or parameter.strip().lower() not in ("", "charset=utf-8"):
        raise HTTPException(415)
    return body, parse_document(body)


def parse_document(body: bytes) -> dict[str, Any]:
    """The object in *body*.

    Raises:
        InvalidRequestError: it is anything else.
    """
    try:
        # decode() first: given bytes, json would guess UTF-16 and UTF-32 and skip a byte order mark.
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_refuse_twice,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
        )
    except (RecursionError, ValueError):
        raise _fault("", "Give one JSON object in UTF-8, no member twice.") from None
    if not isinstance(document, dict):
        raise _fault("", "Give a JSON object.")
    for pointer, text, depth in _walk(document):
        if depth > DEPTH_MAX:
            raise _fault("", f"Nest at most {DEPTH_MAX} levels.")
        if text is not None and ("\0" in text or not _is_encodable(text)):
            raise _fault(pointer, "Leave out NUL characters and lone surrogates.")
    return document


async def check_no_document(request: Request) -> None:
    """The body is empty, or an empty object.

    Raises:
        HTTPException, InvalidRequestError: it says something, and nobody would listen.
    """
    _, document = await read_document(request)
    if document:
        raise InvalidRequestError(
            *(
                FieldFault(f"/{make_pointer(name)}", "Unknown member; leave it out.")
                for name in list(document)[:20]
            )
        )


def check_query(query: bytes, known: Collection[str]) -> None:
    """Every parameter is known and stands once.

    Raises:
        InvalidRequestError: one is not, or does not.
    """
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_QUERY_MAX)
    except ValueError:
        raise _fault("", f"Give at most {_QUERY_MAX} parameters.") from None
    names = [name for name, _ in pairs]
    faults = [
        FieldFault(f"/{make_pointer(name)}", "Unknown parameter." if name not in known else "Give it once.")
        for name in dict.fromkeys(names)
        if name not in known or names.count(name) > 1
    ]
    if faults:
        raise InvalidRequestError(*faults)


def make_pointer(name: object) -> str:
    """One reference token of a JSON pointer (RFC 6901), cut to a bearable length."""
    return str(name)[:_POINTER_MAX].replace("~", "~0").replace("/", "~1").encode("ascii", "replace").decode()


def _walk(document: dict[str, Any]) -> Iterator[tuple[str, str | None, int]]:
    """Every name and every text with its pointer and depth, without recursion."""
    waiting: list[tuple[str, Any, int]] = [("", document, 1)]
    while waiting:
        pointer, value, depth = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                where = f"{pointer}/{make_pointer(name)}"
                yield where, name, depth
                waiting.append((where, inner, depth + 1))
        elif isinstance(value, list):
            yield pointer, None, depth
            waiting.extend((f"{pointer}/{place}", inner, depth + 1) for place, inner in enumerate(value))
        elif isinstance(value, str):
            yield pointer, value, 1
        if depth > DEPTH_MAX + 1:
            return


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member stands twice")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("beyond every number")
    return value


def _fault(pointer: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(FieldFault(pointer, message))

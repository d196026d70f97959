# SPDX-License-Identifier: Apache-2.0
"""Reading what a directory asks for: bodies, pages, and the one kind of filter that it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidFilterException, ResponseParameters
from starlette.exceptions import HTTPException
from starlette.requests import Request

from vestibule.core.directory import PAGE_MAX
from vestibule.web.api.documents import parse_document
from vestibule.web.scim.bounds import Bounds

_TYPES = frozenset({"application/json", "application/scim+json"})
_DEFAULT_COUNT = 100
_START_MAX = 10_000_000
_FILTER = re.compile(
    r"\s*(?:urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):)?(?P<name>[A-Za-z]+)\s+eq\s+"
    r'(?P<value>"(?:[^"\\]|\\.)*")\s*',
    re.IGNORECASE,
)


async def read_body(request: Request, bounds: Bounds) -> dict[str, Any]:
    """The object in the body.

    Raises:
        HTTPException: it does not say that it is JSON (415), or is too long (413).
        InvalidRequestError: it is not.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise HTTPException(415, "Send application/scim+json.")
    body = await request.body()
    if len(body) > bounds.bytes_max:
        raise HTTPException(413, f"Send at most {bounds.bytes_max} bytes.")
    return parse_document(body)


def read_page(asked: Mapping[str, str]) -> tuple[int, int]:
    """``startIndex`` and ``count``; what is out of range counts as its nearest (RFC 7644 3.4.2.4)."""
    start = min(max(1, _read_number(asked, "startIndex", 1)), _START_MAX)
    return start, min(max(0, _read_number(asked, "count", _DEFAULT_COUNT)), PAGE_MAX)


def read_filter(asked: Mapping[str, str], names: dict[str, Any]) -> tuple[Any, str] | None:
    """``<name> eq "value"`` of one of *names*.

    Raises:
        InvalidFilterException: any other filter.
    """
    text = asked.get("filter")
    if text is None:
        return None
    found = _FILTER.fullmatch(text)
    name = names.get(found["name"].lower()) if found else None
    if found is None or name is None:
        raise InvalidFilterException(detail=f"Filter by one of {', '.join(names)} with eq and a text.")
    try:
        value = str(json.loads(found["value"]))
    except ValueError:
        raise InvalidFilterException(detail="The text of the filter can't be read.") from None
    if not value.isprintable():
        raise InvalidFilterException(detail="The text of the filter can't be read.")
    return name, value


def read_wanted(asked: Mapping[str, str], model: Any) -> Any:
    """``attributes`` or ``excludedAttributes``, of those that *model* has.

    Raises:
        ValidationError: one is unknown, or both parameters are given.
    """
    said = {name: asked[name] for name in ("attributes", "excludedAttributes") if asked.get(name)}
    parameters: Any = ResponseParameters.__class_getitem__(model)
    return parameters.model_validate(said) if said else None


def _read_number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise HTTPException(400, f"{name} is a whole number.")
    return int(text)

# SPDX-License-Identifier: Apache-2.0
"""How a route describes itself in the reference: its answers, its problems, who may call it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from vestibule.web.problems import PROBLEM_TYPE, TABLE

KEY: list[dict[str, list[str]]] = [{"apiKey": []}]
PRINCIPAL: list[dict[str, list[str]]] = [{"assertion": []}, {"session": []}]
KEY_OR_PRINCIPAL = [*KEY, *PRINCIPAL]
ANYBODY: list[dict[str, list[str]]] = [{}, *PRINCIPAL]

# Codes that are about HTTP itself: no error class stands behind them.
HTTP_CODES = {
    "not_found": 404,
    "method_not_allowed": 405,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "bad_request": 400,
    "internal_error": 500,
}
STATUS_OF = HTTP_CODES | {kind.code: problem.status for kind, problem in TABLE.items()}
_EVERYWHERE = ("unauthenticated", "not_permitted", "invalid_request", "unavailable")
_WITH_BODY = ("body_too_large", "unsupported_media_type")
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and body has no second effect. Kept for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_REPLAYED = {
    "description": "`true` when this repeats the answer to an earlier request; then without a link.",
    "schema": {"type": "string", "enum": ["true"]},
}


def describe(
    operation: str,
    *,
    who: list[dict[str, list[str]]],
    codes: Iterable[str] = (),
    answers: dict[int, type[BaseModel] | None],
    idempotent: bool = False,
) -> dict[str, Any]:
    """The keyword arguments with which a route is added."""
    responses: dict[int | str, dict[str, Any]] = {}
    for status, model in answers.items():
        responses[status] = (
            {"description": "Done."} if model is None else {"model": model, "description": "Done."}
        )
        if idempotent:
            responses[status]["headers"] = {"Idempotent-Replayed": _REPLAYED}
    extra: dict[str, Any] = {"security": who}
    if idempotent:
        extra["parameters"] = [_IDEMPOTENCY]
    return {
        "operation_id": operation,
        "status_code": min(answers),
        "response_model": None,
        "responses": responses | problem_responses([*_EVERYWHERE, *_WITH_BODY, *codes]),
        "openapi_extra": extra,
    }


def problem_responses(codes: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """One response per status, which names the codes it comes with."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[STATUS_OF[code]].append(code)
    return {status: _problem(status, sorted(named)) for status, named in sorted(by_status.items())}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": "Code " + " or ".join(f"`{code}`" for code in codes) + ".",
        "content": {PROBLEM_TYPE.decode(): {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == 429:
        described["headers"] = {
            name: {"schema": {"type": "integer", "minimum": 0}, "required": True}
            for name in ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
        }
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
    return described

# SPDX-License-Identifier: Apache-2.0
"""How a route describes itself in the reference: its answers, its problems, who may call it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

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
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and body has no second effect. Kept for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_PHRASES = {
    200: "Done.",
    201: "Made.",
    202: "Taken; the same whatever became of it.",
    204: "Done; there is nothing to say.",
}
Endpoint = Callable[..., Coroutine[Any, Any, Response]]
_REPLAYED = {
    "description": "`true` when this repeats the answer to an earlier request; then without a link.",
    "schema": {"type": "string", "enum": ["true"]},
}


def add_route(  # noqa: PLR0913 - a row of a table, every cell by its name
    router: APIRouter,
    call: str,
    endpoint: Endpoint,
    *,
    name: str,
    who: list[dict[str, list[str]]],
    answers: Mapping[int, type[BaseModel] | None],
    codes: Iterable[str] = (),
    keyed: bool = False,
    replayed: bool = False,
    text: str | None = None,
) -> None:
    """*router* answers *call* (``METHOD /path``), described by its callers, answers and codes.

    *keyed*: it takes an Idempotency-Key; *replayed*: and its answer says when it is a repeat.
    *text*: the media type of an answer that is no JSON.
    """
    method, _, path = call.partition(" ")
    responses: dict[int | str, dict[str, Any]] = {}
    for status, model in answers.items():
        responses[status] = {"description": _PHRASES[status]} | ({} if model is None else {"model": model})
        if text is not None:
            responses[status]["content"] = {text: {"schema": {"type": "string"}}}
        if replayed:
            responses[status]["headers"] = {"Idempotent-Replayed": _REPLAYED}
    # A session that a tenant does not want is refused on each of its routes (web/identify.py).
    demanded = ["connection_required"] if "{tenant_id}" in path and who is not KEY else []
    extra: dict[str, Any] = {"security": who}
    if keyed:
        extra["parameters"] = [IDEMPOTENCY_KEY]
    router.add_api_route(
        path,
        endpoint,
        methods=[method],
        operation_id=name,
        summary=name.replace("_", " ").capitalize(),
        status_code=min(answers),
        response_model=None,
        response_class=Response if set(answers.values()) == {None} else JSONResponse,
        responses=responses | problem_responses([*_EVERYWHERE, *_WITH_BODY, *demanded, *codes]),
        openapi_extra=extra,
    )


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

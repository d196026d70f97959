# SPDX-License-Identifier: Apache-2.0
"""SCIM's own way to answer and to refuse (RFC 7644 3.12)."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from scim2_models import Context, Error, ListResponse, Resource, SCIMException
from starlette.exceptions import HTTPException

from vestibule.errors import (
    DirectoryConflictError,
    InvalidRequestError,
    NotAuthenticatedError,
    VestibuleError,
)
from vestibule.web.asgi import Answer
from vestibule.web.problems import find_problem

SCIM_TYPE = b"application/scim+json"
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="vestibule"'),)


def answer_error(error: Exception) -> Answer | None:
    """The refusal that *error* stands for; None for what nobody expected."""
    if isinstance(error, ValidationError):
        [first, *_] = Error.from_validation_errors(error)
        return _refuse(first.status or 400, first.detail or "", first.scim_type)
    if isinstance(error, SCIMException):
        return _refuse(error.status, error.detail, error.scim_type or None)
    if isinstance(error, VestibuleError):
        return _refuse_ours(error)
    if isinstance(error, HTTPException):
        return _refuse(error.status_code, error.detail, None)
    return None


def _refuse_ours(error: VestibuleError) -> Answer:
    if isinstance(error, DirectoryConflictError):
        return _refuse(409, str(error), "uniqueness")
    if isinstance(error, InvalidRequestError):
        is_value = bool(error.faults and error.faults[0].pointer)
        return _refuse(400, str(error), "invalidValue" if is_value else "invalidSyntax")
    headers = _CHALLENGE if isinstance(error, NotAuthenticatedError) else ()
    return _refuse(find_problem(error).status, str(error), None, headers)


def answer_resource(resource: Resource[Any], *, status: int = 200, wanted: Any = None) -> Answer:
    """One resource; with its address when it was just made."""
    context = Context.RESOURCE_CREATION_RESPONSE if status == 201 else Context.RESOURCE_QUERY_RESPONSE
    body = resource.model_dump_json(scim_ctx=context, response_parameters=wanted)
    location = resource.meta.location if resource.meta is not None else None
    headers = ((b"location", str(location).encode()),) if location else ()
    return Answer(status, body.encode(), SCIM_TYPE, headers)


def answer_list(
    resources: list[Resource[Any]],
    model: Any,
    *,
    total: int,
    start: int,
    wanted: Any = None,
) -> Answer:
    """One page."""
    page = ListResponse.__class_getitem__(model)(
        total_results=total, start_index=start, items_per_page=len(resources), resources=resources
    )
    body = page.model_dump_json(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted)
    return Answer(200, body.encode(), SCIM_TYPE)


def _refuse(
    status: int, detail: str, scim_type: str | None, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    body: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": detail,
    }
    if scim_type:
        body["scimType"] = scim_type
    return Answer(status, json.dumps(body).encode(), SCIM_TYPE, headers)

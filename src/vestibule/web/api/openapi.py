# SPDX-License-Identifier: Apache-2.0
"""The reference at ``/openapi.json``: routes as they describe themselves, the link's own roads by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from vestibule.core.token import TOKEN_LENGTH
from vestibule.web.api.reference import ANYBODY, HTTP_CODES, PRINCIPAL, STATUS_OF, problem_responses
from vestibule.web.services import Services

API_VERSION = "1"
_ABOUT = (
    "Invitations as pending grants: a link carries only the right to try to claim one. "
    "Every failed claim has one answer, `invitation_unavailable`."
)
_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": f"The claim token, {TOKEN_LENGTH} characters; whatever else stands here is refused.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_PREVIEW_SCHEMA = {
    "type": "object",
    "title": "Preview",
    "description": "What anybody who holds a live link may see.",
    "additionalProperties": False,
    "required": ["tenant_name", "role", "invited_email_hint", "inviter_name", "expires_at", "state"],
    "properties": {
        "tenant_name": {"type": "string"},
        "role": {"type": "string"},
        "invited_email_hint": {"type": "string"},
        "inviter_name": {"type": ["string", "null"]},
        "expires_at": {"type": "string", "format": "date-time"},
        "state": {"enum": ["pending", "accepted"]},
    },
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `detail` is for people.",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": sorted({*HTTP_CODES, *STATUS_OF})},
        "request_id": {"type": "string", "format": "uuid"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer to the field at fault."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_CLAIM_CODES = (
    "unauthenticated",
    "not_permitted",
    "email_unverified",
    "invitation_unavailable",
    "rate_limited",
)


def describe_api(services: Services, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The whole OpenAPI 3.1 document."""
    document = get_openapi(
        title="Vestibule",
        version=API_VERSION,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=routes,
        servers=[{"url": services.public_url}],
    )
    document["paths"] |= _token_paths()
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=_PROBLEM_SCHEMA, Preview=_PREVIEW_SCHEMA)
    components["securitySchemes"] = _security_schemes(services)
    components["headers"] = {
        "RequestId": {"description": "Names this request in the logs.", "schema": {"type": "string"}}
    }
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                headers = response.setdefault("headers", {})
                headers["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
    return document


def _security_schemes(services: Services) -> dict[str, Any]:
    return {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "vsk_...",
            "description": "The host backend's API key; it has scopes and is nobody's identity.",
        },
        "assertion": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT (vestibule-id+jwt)",
            "description": "A principal, asserted by the host: EdDSA or ES256, at most 300 seconds long.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": services.session_cookie,
            "description": "A principal signed in on the hosted pages; unsafe methods need our own origin.",
        },
    }


def _token_paths() -> dict[str, Any]:
    path = "/v1/invitations/{token}"
    shown = {"application/json": {"schema": {"$ref": "#/components/schemas/Preview"}}}
    received = {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["status"],
                "properties": {"status": {"const": "received"}},
            }
        }
    }
    preview_codes = ("unauthenticated", "invitation_unavailable", "rate_limited", "unavailable")
    return {
        path: {
            "get": _operation(
                "preview_invitation",
                "Show what the link is about. Changes nothing.",
                ANYBODY,
                {200: {"description": "The invitation.", "content": shown}},
                preview_codes,
            )
        },
        f"{path}/accept": {
            "post": _operation(
                "accept_invitation",
                "Accept: the one way to become a member. Every failure is the refusal. Bodies are not read.",
                PRINCIPAL,
                {204: {"description": "Accepted."}},
                (*_CLAIM_CODES, "invalid_request", "idempotency_key_reused", "unavailable"),
                [_IDEMPOTENCY_KEY],
            )
        },
        f"{path}/decline": {
            "post": _operation(
                "decline_invitation",
                "Decline; the inviter is told. Every failure is the refusal.",
                PRINCIPAL,
                {204: {"description": "Declined."}},
                (*_CLAIM_CODES, "unavailable"),
            )
        },
        f"{path}/request-new": {
            "post": _operation(
                "request_new_invitation",
                "Ask the tenant's administrators for a new one. The answer is always the same.",
                ANYBODY,
                {202: {"description": "Received.", "content": received}},
                ("unauthenticated", "unavailable"),
            )
        },
    }


def _operation(
    name: str,
    summary: str,
    who: list[dict[str, list[str]]],
    answers: dict[int, dict[str, Any]],
    codes: Sequence[str],
    parameters: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    responses = {str(status): answer for status, answer in answers.items()}
    responses |= {str(status): answer for status, answer in problem_responses(codes).items()}
    return {
        "operationId": name,
        "summary": summary,
        "security": who,
        "parameters": [_TOKEN, *parameters],
        "responses": responses,
    }

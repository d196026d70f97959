# SPDX-License-Identifier: Apache-2.0
"""The link's own roads in the reference, by hand: they are plain ASGI and describe nothing themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vestibule.core.envelope import LENGTH_MAX
from vestibule.core.token import TOKEN_LENGTH
from vestibule.web.api.reference import ANYBODY, IDEMPOTENCY_KEY, PRINCIPAL, problem_responses

_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": (
        f"The claim token: opaque, {TOKEN_LENGTH} characters, or signed, at most {LENGTH_MAX};"
        " whatever else stands here is refused."
    ),
    "schema": {"type": "string"},
}
PREVIEW_SCHEMA = {
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
_SHOWN = {
    "description": "The invitation.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Preview"}}},
}
_RECEIVED_SCHEMA = {"type": "object", "required": ["status"], "properties": {"status": {"const": "received"}}}
_RECEIVED = {"description": "Received.", "content": {"application/json": {"schema": _RECEIVED_SCHEMA}}}
_PREVIEW_CODES = ("unauthenticated", "invitation_unavailable", "rate_limited", "unavailable")
_CLAIM_CODES = (
    *("unauthenticated", "not_permitted", "email_unverified", "invitation_unavailable"),
    *("rate_limited", "unavailable"),
)


def describe_link_roads() -> dict[str, Any]:
    """The paths below ``/v1/invitations/{token}``."""
    path = "/v1/invitations/{token}"
    preview = _operation(
        "preview_invitation",
        "Show what the link is about. Changes nothing.",
        who=ANYBODY,
        answers={"200": _SHOWN},
        codes=_PREVIEW_CODES,
    )
    accept = _operation(
        "accept_invitation",
        "Accept: the one way to become a member. Every failure is the refusal. Bodies are not read.",
        who=PRINCIPAL,
        answers={"204": {"description": "Accepted."}},
        codes=(*_CLAIM_CODES, "invalid_request", "idempotency_key_reused"),
        parameters=[IDEMPOTENCY_KEY],
    )
    decline = _operation(
        "decline_invitation",
        "Decline; the inviter is told. Every failure is the refusal. Bodies are not read.",
        who=PRINCIPAL,
        answers={"204": {"description": "Declined."}},
        codes=_CLAIM_CODES,
    )
    request_new = _operation(
        "request_new_invitation",
        "Ask the tenant's administrators for a new one. The answer is always the same.",
        who=ANYBODY,
        answers={"202": _RECEIVED},
        codes=("unauthenticated", "unavailable"),
    )
    return {
        path: {"get": preview},
        f"{path}/accept": {"post": accept},
        f"{path}/decline": {"post": decline},
        f"{path}/request-new": {"post": request_new},
        f"{path}/block": {
            "post": _refusing("block", "End it, and all further mail from this tenant to this address.")
        },
        f"{path}/report": {"post": _refusing("report", "The same, and tell the operator that it was abuse.")},
    }


def _refusing(verb: str, about: str) -> dict[str, Any]:
    return _operation(
        f"{verb}_invitation",
        about + " Holding the link is enough. Every failure is the refusal. Bodies are not read.",
        who=ANYBODY,
        answers={"204": {"description": "Done."}},
        codes=_PREVIEW_CODES,
    )


def _operation(
    name: str,
    about: str,
    *,
    who: list[dict[str, list[str]]],
    answers: dict[str, dict[str, Any]],
    codes: Sequence[str],
    parameters: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    problems = {str(status): answer for status, answer in problem_responses(codes).items()}
    return {
        "operationId": name,
        "summary": name.replace("_", " ").capitalize(),
        "description": about,
        "security": who,
        "parameters": [_TOKEN, *parameters],
        "responses": {key: dict(value) for key, value in (answers | problems).items()},
    }

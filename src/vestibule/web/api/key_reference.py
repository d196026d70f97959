# SPDX-License-Identifier: Apache-2.0
"""The two key documents in the reference, by hand: they are plain ASGI and describe nothing themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vestibule.web.api.reference import ANYBODY, problem_responses
from vestibule.web.keys import KEY_SET_PATH, SCHEDULE_PATH

_TEXT = {"type": "string"}
_JWK_SET = {
    "type": "object",
    "required": ["keys"],
    "additionalProperties": False,
    "properties": {
        "keys": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["kty", "kid", "alg", "use"],
                "properties": {
                    "kty": {"enum": ["OKP", "EC", "RSA"]},
                    "kid": _TEXT,
                    "alg": {"enum": ["Ed25519", "ES256", "RSABSSA-SHA384"]},
                    "use": {"const": "sig"},
                },
            },
        }
    },
}
_SIGNED = {
    "type": "object",
    "description": "Flattened JWS JSON (RFC 7515, 7.2.2); docs/keys.md has the payload.",
    "required": ["payload", "protected", "signature"],
    "additionalProperties": False,
    "properties": {"payload": _TEXT, "protected": _TEXT, "signature": _TEXT},
}


def describe_key_documents() -> dict[str, Any]:
    """The paths of what verifiers fetch."""
    key_set = _describe(
        "get_key_set",
        "The public keys whose signatures count (RFC 7517); empty without a key ring.",
        kind="application/jwk-set+json",
        schema=_JWK_SET,
        codes=("unavailable",),
    )
    schedule = _describe(
        "get_key_schedule",
        "When keys come, sign and go, and which were given up; signed.",
        kind="application/jose+json",
        schema=_SIGNED,
        codes=("not_found", "key_provider_failed", "unavailable"),
    )
    return {KEY_SET_PATH: {"get": key_set}, SCHEDULE_PATH: {"get": schedule}}


def _describe(
    name: str, about: str, *, kind: str, schema: dict[str, Any], codes: Sequence[str]
) -> dict[str, Any]:
    problems = {str(status): answer for status, answer in problem_responses(codes).items()}
    headers = {"ETag": {"schema": _TEXT}, "Cache-Control": {"schema": _TEXT}}
    answers = {
        "200": {"description": "The document.", "content": {kind: {"schema": schema}}, "headers": headers},
        "304": {"description": "What `If-None-Match` names is still right."},
    }
    return {
        "operationId": name,
        "summary": name.replace("_", " ").capitalize(),
        "description": about + " May be kept for ten minutes, and for a day when we can't be reached.",
        "security": ANYBODY,
        "parameters": [
            {"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}}
        ],
        "responses": answers | problems,
    }

# SPDX-License-Identifier: Apache-2.0
"""The reference at ``/openapi.json``: routes as they describe themselves, the link's own roads by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from vestibule.web.api.key_reference import describe_key_documents
from vestibule.web.api.leaks import describe_leaks
from vestibule.web.api.link_reference import PREVIEW_SCHEMA, describe_link_roads
from vestibule.web.api.reference import HTTP_CODES, STATUS_OF
from vestibule.web.services import Services

API_VERSION = "1"
_ABOUT = (
    "Invitations as pending grants: a link carries only the right to try to claim one. "
    "Every failed claim has one answer, `invitation_unavailable`."
)
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
    document["paths"] |= describe_link_roads() | describe_key_documents() | describe_leaks()
    document = _rename_schemas(document)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=_PROBLEM_SCHEMA, Preview=PREVIEW_SCHEMA)
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


def _rename_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """``MemberJson`` is ``Member`` to a reader, and ``PageJson_MemberJson_`` is ``MemberPage``."""
    text = re.sub(
        r'(?<="#/components/schemas/)(\w+)(?=")', lambda found: _public_name(found[1]), json.dumps(document)
    )
    renamed: dict[str, Any] = json.loads(text)
    schemas = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {
        _public_name(name): {**schema, "title": _public_name(name)} for name, schema in schemas.items()
    }
    return renamed


def _public_name(name: str) -> str:
    page = re.fullmatch(r"PageJson_(\w+)Json_", name)
    return f"{page[1]}Page" if page else name.removesuffix("Json")


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
        "partnerSignature": {
            "type": "apiKey",
            "in": "header",
            "name": "Github-Public-Key-Signature",
            "description": "A secret-scanning partner's ECDSA signature (P-256, SHA-256) over the raw body.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": services.session_cookie,
            "description": "A principal signed in on the hosted pages; unsafe methods need our own origin.",
        },
    }

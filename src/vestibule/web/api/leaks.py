# SPDX-License-Identifier: Apache-2.0
"""``POST /v1/leaks``: a secret-scanning partner tells which links it found in public (DEL-09).

Nothing of the body is read before its signature is checked, and every unsigned call gets the same answer. The
caller has proved who it is, so its protocol's labels are answered: real, or not one of ours.
"""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request

from vestibule.actions.leaks.report_leak import report_leak
from vestibule.core.envelope import parse_link_token
from vestibule.core.identity import HostKey
from vestibule.core.leak import TOKENS_MAX, ReportedToken, parse_report
from vestibule.errors import ClaimRejectedError, NotFoundError
from vestibule.web.api.reference import problem_responses
from vestibule.web.api.routing import WholeResponse
from vestibule.web.asgi import Answer, get_context
from vestibule.web.claims import dump_json
from vestibule.web.services import Services

PATH = "/v1/leaks"
_REPORTER = HostKey(key_id="leak-reports", scopes=frozenset({"tenants"}))
_KEY_HEADER, _SIGNATURE_HEADER = "Github-Public-Key-Identifier", "Github-Public-Key-Signature"


class LeakRoutes:
    """What partners tell."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def report(self, request: Request) -> WholeResponse:
        """Each found link dies; by policy a fresh one goes to the same address."""
        reporters = self._services.leak_reporters
        if reporters is None:
            raise NotFoundError
        body = await request.body()
        key_id, signature = (request.headers.get(name, "") for name in (_KEY_HEADER, _SIGNATURE_HEADER))
        reporters.check(key_id, signature, body)
        findings = parse_report(body)
        known = {one.text: False for one in findings}
        for one in findings:
            known[one.text] = await self._end(request, one) or known[one.text]
        return WholeResponse(Answer(200, dump_json([_label(one, known[one.text]) for one in findings])))

    async def _end(self, request: Request, found: ReportedToken) -> bool:
        try:
            # Not its signature: whoever holds the secret of an envelope holds the link.
            token = parse_link_token(found.text, self._services.public_url)
        except ClaimRejectedError:
            return False
        return await self._services.runner.run(
            report_leak,
            _REPORTER,
            token.claim_token_hash,
            host=found.host,
            source=found.source,
            context=get_context(request.scope),
        )


def _label(found: ReportedToken, is_known: bool) -> dict[str, str]:  # noqa: FBT001 - the word it stands for
    return {
        "token_hash": hashlib.sha256(found.text.encode("utf-8", "surrogatepass")).hexdigest(),
        "token_type": found.kind,
        "label": "true_positive" if is_known else "false_positive",
    }


def describe_leaks() -> dict[str, Any]:
    """The path in the reference, by hand: its caller is none of ours, and its body a list."""
    finding = {
        "type": "object",
        "required": ["token"],
        "properties": {name: {"type": "string"} for name in ("token", "type", "url", "source")},
    }
    label = {
        "type": "object",
        "required": ["token_hash", "token_type", "label"],
        "properties": {
            "token_hash": {"type": "string", "description": "SHA-256 of the token, in hex."},
            "token_type": {"type": "string"},
            "label": {"enum": ["true_positive", "false_positive"]},
        },
    }
    codes = ("unauthenticated", "not_found", "invalid_request", "body_too_large", "unavailable")
    answers = {"200": {"description": "A label for each.", "content": _json(_list_of(label))}}
    problems = {str(status): answer for status, answer in problem_responses(codes).items()}
    operation = {
        "operationId": "report_leaks",
        "summary": "Report leaks",
        "description": "A secret-scanning partner tells which links it found in public; each dies at once.",
        "security": [{"partnerSignature": []}],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
            for name in (_KEY_HEADER, _SIGNATURE_HEADER)
        ],
        "requestBody": {"required": True, "content": _json(_list_of(finding) | {"maxItems": TOKENS_MAX})},
        "responses": {key: dict(value) for key, value in (answers | problems).items()},
    }
    return {PATH: {"post": operation}}


def _list_of(what: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": what}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

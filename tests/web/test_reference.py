# SPDX-License-Identifier: Apache-2.0
"""The reference at ``/openapi.json`` is valid, complete, and true of the service behind it."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.harness import PLATFORM, World
from vestibule.web.claim_routes import _VERBS
from vestibule.web.problems import TABLE

DESIGN = {
    *(("put", "/v1/tenants/{}"), ("get", "/v1/tenants/{}"), ("delete", "/v1/tenants/{}")),
    *(("post", "/v1/tenants/{}/suspend"), ("post", "/v1/tenants/{}/resume")),
    *(("get", "/v1/tenants/{}/members"), ("put", "/v1/tenants/{}/members/{}")),
    *(("delete", "/v1/tenants/{}/members/{}"), ("post", "/v1/principals/{}/offboard")),
    *(("post", "/v1/people/export"), ("post", "/v1/people/erase")),
    *(("post", "/v1/tenants/{}/invitations"), ("get", "/v1/tenants/{}/invitations")),
    *(("get", "/v1/tenants/{}/invitations/{}"), ("delete", "/v1/tenants/{}/invitations/{}")),
    *(("post", "/v1/tenants/{}/invitations/{}/resend"), ("get", "/v1/invitations/{}")),
    *(("post", f"/v1/invitations/{{}}/{verb}") for verb in ("accept", "decline", "request-new")),
    *(("get", "/v1/me/invitations"), ("post", "/v1/me/invitations/{}/accept")),
    ("post", "/v1/me/invitations/{}/decline"),
    *(("post", f"/v1/tenants/{{}}/invitations/{{}}/{verb}") for verb in ("approve", "reject", "correct")),
    *(("get", "/v1/tenants/{}/invitations/{}/approval"), ("put", "/v1/tenants/{}/ensured/{}")),
    *(("get", f"/v1/tenants/{{}}/{name}") for name in ("attendance", "attendance.csv", "calendar")),
    *(("get", "/v1/tenants/{}/reviews"), ("post", "/v1/tenants/{}/reviews/{}")),
    *((method, "/v1/tenants/{}/resources/{}") for method in ("put", "delete")),
    *((method, "/v1/suppressions/{}") for method in ("get", "put", "delete")),
    *(("post", "/v1/invitations/{}/" + verb) for verb in ("block", "report")),
    *(("get", "/v1/tenants/{}/resources"), ("get", "/v1/tenants/{}/grants/{}")),
    *(
        (method, root + rest)
        for root in ("/v1/policy", "/v1/tenants/{}/policy")
        for method, rest in (
            *(("get", ""), ("get", "/changes"), ("post", "/changes"), ("post", "/changes/{}/approve")),
            *(("post", "/changes/{}/activate"), ("post", "/rollback"), ("post", "/compare")),
            ("post", "/changes/{}/withdraw"),
        )
    ),
    *(("post", "/v1/tenants/{}/policy/simulate"), ("post", "/v1/tenants/{}/policy/reevaluate")),
    ("get", "/v1/tenants/{}/policy/decisions/{}"),
    *(("get", "/v1/tenants/{}/events"), ("get", "/v1/tenants/{}/events/{}/proof"), ("post", "/v1/leaks")),
    *(
        call
        for base in ("/v1/connections", "/v1/tenants/{}/connections")
        for call in (
            ("get", base),
            ("put", base + "/{}"),
            ("get", base + "/{}"),
            ("delete", base + "/{}"),
            ("post", base + "/{}/check"),
        )
    ),
    *(("put", "/v1/tenants/{}/domains/{}"), ("get", "/v1/tenants/{}/domains/{}")),
    *(("delete", "/v1/tenants/{}/domains/{}"), ("get", "/v1/tenants/{}/domains")),
    *(("post", "/v1/tenants/{}/domains/{}/check"), ("get", "/v1/me/tenants")),
    *(("post", "/v1/tenants/{}/join"), ("post", "/v1/tenants/{}/join-requests")),
    *(("get", "/v1/tenants/{}/join-requests"), ("post", "/v1/tenants/{}/join-requests/{}/approve")),
    *(("post", "/v1/tenants/{}/join-requests/{}/reject"), ("get", "/v1/tenants/{}/calendar")),
    *(("get", "/v1/anonymous-events/{}"), ("post", "/v1/anonymous-events/{}/redeem")),
    *((method, "/v1/tenants/{}/anonymous-events") for method in ("get", "post")),
    ("get", "/v1/tenants/{}/anonymous-events/{}"),
    *(("post", "/v1/tenants/{}/anonymous-events/{}/" + verb) for verb in ("sign", "close")),
    *(("get", "/v1/tenants/{}/attendance"), ("get", "/v1/tenants/{}/attendance.csv")),
    *(("get", "/.well-known/jwks.json"), ("get", "/.well-known/invitation-keys.json")),
}
LIMITS: dict[str, dict[str, dict[str, Any]]] = {
    "PutTenant": {"name": {"minLength": 1, "maxLength": 100}},
    "PutMember": {"role": {"maxLength": 32}, "name": {"maxLength": 200}, "email": {"maxLength": 320}},
    "PutConnection": {
        "name": {"minLength": 1, "maxLength": 100},
        "issuer": {"maxLength": 200},
        "client_id": {"maxLength": 255},
        "client_secret": {"maxLength": 4096},
        "provider": {"enum": ["generic", "google", "entra", "entra_single", "apple"]},
    },
    "IssueInvitation": {
        "email": {"maxLength": 320, "format": "email"},
        "role": {"maxLength": 32},
        "message": {"maxLength": 1000},
        "expires_in": {"minimum": 900, "maximum": 2_592_000},
        "scope": {"minLength": 1, "maxLength": 255},
        "membership_expires_in": {"minimum": 1},
        "locale": {"maxLength": 16},
        "deliver": {"enum": ["email", "link"]},
    },
}


def read(world: World) -> dict[str, Any]:
    document: dict[str, Any] = world.call("GET", "/openapi.json").json()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.covers("INT-01")
def test_the_document_is_valid_openapi_3_1(world: World) -> None:
    document = read(world)
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.covers("INT-01")
def test_it_holds_every_call_of_the_contract_and_no_other(world: World) -> None:
    found = {(method, re.sub(r"{[^}]*}", "{}", path)) for method, path, _ in operations(read(world))}
    assert found == DESIGN
    assert {path.rpartition("/")[2] for _, path in DESIGN if path.startswith("/v1/invitations/{}/")} == _VERBS


@pytest.mark.covers("INT-01")
def test_every_operation_names_its_caller_its_problems_and_the_request_id(world: World) -> None:
    document = read(world)
    assert set(document["components"]["securitySchemes"]) == {
        *("apiKey", "assertion", "session", "partnerSignature"),
    }
    codes = set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert {kind.code for kind in TABLE} <= codes
    for method, path, operation in operations(document):
        assert operation["security"], (method, path)
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"]
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"]
                assert set(re.findall(r"`(\w+)`", answer["description"])) <= codes
            if status == "429":
                assert "Retry-After" in answer["headers"]


@pytest.mark.covers("INT-01")
def test_every_field_that_is_read_has_its_limit_in_the_document(world: World) -> None:
    schemas = read(world)["components"]["schemas"]
    for name, fields in LIMITS.items():
        assert schemas[name]["additionalProperties"] is False
        for field, limits in fields.items():
            shown = schemas[name]["properties"][field]
            parts = [shown, *shown.get("anyOf", [])]
            assert any(limits.items() <= part.items() for part in parts), (name, field, shown)
    policy = schemas["PutTenant"]["properties"]["policy"]["anyOf"][0]
    assert policy["additionalProperties"] is False
    for _, _, operation in operations(read(world)):
        limit = [one for one in operation.get("parameters", []) if one["name"] == "limit"]
        assert all((one["schema"]["minimum"], one["schema"]["maximum"]) == (1, 100) for one in limit)


@pytest.mark.covers("D03")
def test_no_page_of_the_framework_is_served(world: World) -> None:
    for path in ("/docs", "/redoc", "/v1/docs", "/v1/openapi.json", "/docs/oauth2-redirect"):
        assert world.call("GET", path).status_code == 404


@dataclass(frozen=True)
class Caller:
    """Credentials, and the one tenant that a path may name."""

    headers: dict[str, str]
    tenant_id: str


def callers(world: World) -> list[Caller]:
    owner = world.new_person("owner")
    tenant_id = world.new_tenant(owner=owner)
    world.invite(tenant_id, owner, "vera@example.com")
    return [Caller(world.credentials(who), tenant_id) for who in (PLATFORM, owner)]


def explore(world: World, examples: int) -> int:
    """Call every operation with what fits its description and with what does not; nothing may go wrong."""
    schema = schemathesis.openapi.from_dict(read(world))
    called = 0
    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        for caller, mode in itertools.product(
            callers(world), (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        ):
            called += try_operation(operation, world, caller, mode, examples)
    return called


def try_operation(operation: Any, world: World, caller: Caller, mode: GenerationMode, examples: int) -> int:
    known = {one.name: caller.tenant_id for one in operation.path_parameters if one.name == "tenant_id"}
    called = 0

    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=known))
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        nonlocal called
        answer = case.call(base_url=world.base_url, headers=caller.headers)
        called += 1
        case.validate_response(answer, checks=list(CHECKS))

    try:
        check()
    except Unsatisfiable:
        # Nothing can be wrong about this operation.
        assert mode is GenerationMode.NEGATIVE
    return called


CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


@pytest.mark.covers("INT-01")
def test_no_generated_request_leaves_the_description(world: World) -> None:
    assert explore(world, 2) >= 100


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.covers("INT-01")
def test_no_generated_request_leaves_the_description_at_length(world: World) -> None:
    # A quarter each: two callers, with what fits and with what does not.
    explore(world, min(int(os.environ.get("EXAMPLES", "100")), 400) // 4)

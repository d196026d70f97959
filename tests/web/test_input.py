# SPDX-License-Identifier: Apache-2.0
"""Bad input: refused by name, never repaired, never echoed, never a 5xx, never half a write."""

from __future__ import annotations

import hashlib
import json
import socket
from typing import Any

import httpx2
import pytest

from tests.web.harness import PLATFORM, Person, World

MARK = "sEcReTmArKeR"
BAD_ADDRESSES = [
    "",
    "vera",
    "a@b@example.com",
    "vera@example.com,eve@example.com",
    "vera@example.com;eve@example.com",
    "Vera <vera@example.com>",
    '"vera"@example.com',
    "vera@[127.0.0.1]",
    "vera@example.com\r\nBcc: eve@example.com",
    "vera@example.com\u2028",
    "=?utf-8?q?x=40evil.com=3e?=@example.com",
    "x@evil.com(@example.com",
    "v\u0131ra@example.com",
    "a" * 65 + "@example.com",
    "a@" + "b." * 5000 + "com",
    "." * 10_000 + "@example.com",
]
DEEP: Any = {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}}}
BAD_VALUES: dict[str, list[Any]] = {
    "role": ["member,owner", ["member"], "Owner", " owner", "\uff4fwner", None, {}, 1, "", "x" * 33],
    "email": [["a@example.com"], {"a": 1}, None, 7, True],
    "message": ["x" * 1001, "\x07", "\u202eabc", "a\u2066b", "\u200b", "=?utf-8?q?x?=", 5, "\x1b[0m"],
    "expires_in": [0, -1, 899, 30 * 86_400 + 1, 3600.0, "3600", True, 10**30, [], 1e400],
    "membership_expires_in": [0, -5, 1.5, "1", False, 10**12],
    "scope": ["", "x" * 256, "a\nb", " a", 4],
    "metadata": [[], "x", 1, {"k": "v" * 4096}, DEEP],
    "locale": ["", "english", "en_US", "e", 1, "../x", "en-" + "x" * 20],
    "deliver": ["sms", "", 1, None, ["email"]],
}
BAD_FIELDS = [(field, value) for field, values in BAD_VALUES.items() for value in values]
RAW_BODIES: list[bytes] = [
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe{}",
    b'\xef\xbb\xbf{"email": "v@example.com", "role": "member"}',
    b'{"email": "v@example.com", "role": "member", "role": "owner"}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"a": NaN}}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"a": Infinity}}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"a": 1e400}}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"a": 1, "a": 2}}',
    b'{"email": "v@example.com", "role": "member", "message": "\\ud800"}',
    b'{"email": "v@example.com", "role": "member", "message": "a\\u0000b"}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"a\\u0000": 1}}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"\\udfff": 1}}',
    b'{"email": "v@example.com", "role": "member", "metadata": {"a": ["\\u0000"]}}',
    b'{"email": "v@example.com", "role": "member", "expires_in": ' + b"9" * 5000 + b"}",
    b'{"email": "v@example.com", "role": "member", "metadata": '
    + b'{"a":' * 5000
    + b"1"
    + b"}" * 5000
    + b"}",
    b"[" * 60_000,
    b'{"a":' * 9_000,
    b"",
    b"email=v%40example.com&role=member",
]


def arrange(world: World) -> tuple[str, Person]:
    owner = world.new_person("owner")
    return f"/v1/tenants/{world.new_tenant(owner=owner)}", owner


@pytest.mark.covers("D04", "D14", "G03", "G14", "G06", "ISS-15")
def test_D14_every_bad_field_of_an_invitation_is_named_by_its_pointer(world: World) -> None:
    home, owner = arrange(world)
    before = world.dump()
    for field, value in BAD_FIELDS:
        body = {"email": "vera@example.com", "role": "member", field: value}
        content = json.dumps(body).replace("Infinity", "1e400").encode()
        answer = world.call("POST", home + "/invitations", owner, content=content)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (422, "invalid_request"), (field, value)
        if value != 1e400:
            assert [fault["pointer"] for fault in told["errors"]] == [f"/{field}"]
    assert world.dump() == before


@pytest.mark.covers("G02", "G03", "G05", "G06", "G15", "A15")
@pytest.mark.parametrize("email", BAD_ADDRESSES)
def test_G05_what_is_not_one_plain_address_has_its_own_code(world: World, email: str) -> None:
    home, owner = arrange(world)
    for answer in (
        world.call("POST", home + "/invitations", owner, body={"email": email, "role": "member"}),
        world.call("PUT", home + "/members/somebody", PLATFORM, body={"email": email, "role": "member"}),
    ):
        told = answer.json()
        assert (answer.status_code, told["code"]) == (422, "email_invalid")
        assert [fault["pointer"] for fault in told["errors"]] == ["/email"]
    assert world.call("GET", home + "/invitations", owner).json()["items"] == []


@pytest.mark.parametrize("content", RAW_BODIES, ids=range(len(RAW_BODIES)))
def test_a_body_that_is_not_one_strict_json_object_is_refused(world: World, content: bytes) -> None:
    home, owner = arrange(world)
    before = world.dump()
    for method, path, who in (
        ("POST", home + "/invitations", owner),
        ("PUT", home, PLATFORM),
        ("PUT", home + "/members/somebody", PLATFORM),
    ):
        answer = world.call(method, path, who, content=content)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert answer.headers["content-type"] == "application/problem+json"
    assert world.dump() == before


@pytest.mark.covers("W01")
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-16", "text/json"],
)
def test_W01_only_application_json_is_read(world: World, kind: str) -> None:
    home, owner = arrange(world)
    content = json.dumps({"email": "vera@example.com", "role": "member"}).encode()
    answer = world.call("POST", home + "/invitations", owner, content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    fine = {"content-type": "Application/JSON; charset=UTF-8"}
    assert world.call("POST", home + "/invitations", owner, content=content, headers=fine).status_code == 201


@pytest.mark.covers("K09", "G15")
def test_a_huge_body_is_cut_off(world: World) -> None:
    home, owner = arrange(world)
    content = json.dumps({"email": "vera@example.com", "role": "member", "message": "x" * 70_000}).encode()
    answer = world.call("POST", home + "/invitations", owner, content=content)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "body,pointer",
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": " Acme"}, "/name"),
        ({"name": "Ac\nme"}, "/name"),
        ({"name": "Acme\u200b"}, "/name"),
        ({"name": "A\u202ecme"}, "/name"),
        ({"name": "=?utf-8?q?Acme?="}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "Acme", "owner": "x"}, "/owner"),
        ({"name": "Acme", "policy": []}, "/policy"),
        ({"name": "Acme", "policy": {"unknown": 1}}, "/policy/unknown"),
        ({"name": "Acme", "policy": {"seat_limit": True}}, "/policy/seat_limit"),
        ({"name": "Acme", "policy": {"seat_limit": -1}}, "/policy/seat_limit"),
        ({"name": "Acme", "policy": {"ttl": {"member": 10}}}, "/policy/ttl/member"),
        ({"name": "Acme", "policy": {"ttl": {"ghost": 86_400}}}, "/policy/ttl/ghost"),
        ({"name": "Acme", "policy": {"assignable": {"Admin": []}}}, "/policy/assignable"),
        ({"name": "Acme", "policy": {"allowed_domains": ["acme"]}}, "/policy/allowed_domains"),
        ({"name": "Acme", "policy": {"target_key": ["address"]}}, "/policy/target_key"),
        ({"name": "Acme", "policy": {"require_connection": {"a": 1}}}, "/policy/require_connection"),
    ],
)
def test_every_bad_field_of_a_tenant_is_named(world: World, body: dict[str, Any], pointer: str) -> None:
    path = f"/v1/tenants/{world.fresh('bad-')}"
    answer = world.call("PUT", path, PLATFORM, body=body)
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])
    assert world.call("GET", path, PLATFORM).status_code == 404


@pytest.mark.parametrize(
    "field,value",
    [
        ("role", "ghost"),
        ("role", None),
        ("name", "x" * 201),
        ("name", "a\u2069"),
        ("expires_at", "2030-01-01"),
        ("expires_at", "2030-01-01T00:00:00"),
        ("expires_at", "2030-13-01T00:00:00Z"),
        ("expires_at", "9999-12-31T23:59:59-14:00"),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", "2001-01-01T00:00:00Z"),
        ("expires_at", 1_900_000_000),
        ("principal_id", "other"),
    ],
)
def test_every_bad_field_of_a_member_is_named(world: World, field: str, value: object) -> None:
    home, _ = arrange(world)
    answer = world.call("PUT", home + "/members/somebody", PLATFORM, body={"role": "member", field: value})
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [f"/{field}"])


@pytest.mark.parametrize("raw", ["%00", "a%00b", "%FF", "%0a", "x" * 256, "", "%20a", "%E2%80%AE"])
def test_a_principal_id_that_no_assertion_could_hold_is_refused(world: World, raw: str) -> None:
    home, owner = arrange(world)
    put = world.call("PUT", f"{home}/members/{raw}", PLATFORM, body={"role": "member"})
    away = world.call("POST", f"/v1/principals/{raw}/offboard", PLATFORM)
    for answer in (put, away):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/principal_id")
    assert world.call("DELETE", f"{home}/members/{raw}", owner).status_code == 404


@pytest.mark.parametrize(
    "raw", ["%00", "a%00", "%F0%9F%92%A9", ".x", "-x", "x" * 65, "a b", "%2e%2e", "a%0a"]
)
def test_a_tenant_id_of_the_wrong_shape_is_unknown_and_can_not_be_made(world: World, raw: str) -> None:
    owner = world.new_person()
    for method, rest in (("GET", ""), ("GET", "/members"), ("GET", "/invitations"), ("POST", "/suspend")):
        who = PLATFORM if rest == "/suspend" else owner
        answer = world.call(method, f"/v1/tenants/{raw}{rest}", who)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    made = world.call("PUT", f"/v1/tenants/{raw}", PLATFORM, body={"name": "Acme"})
    assert (made.status_code, made.json()["errors"][0]["pointer"]) == (422, "/tenant_id")


@pytest.mark.covers("B03", "B02", "B16", "B17", "B18", "B14")
@pytest.mark.parametrize(
    "token",
    [
        MARK,
        "vst_" + MARK,
        "x" * 10_000,
        "00000000-0000-4000-8000-000000000000",
        "ab" * 32,
        "vss_" + "x" * 43,
        "vsk_" + "x" * 43,
        "%00",
        "%FF%FE",
        "..%2f..%2fetc",
        "a/b/c",
        "%F0%9F%92%A9",
        "' OR 1=1 --",
        "",
    ],
)
def test_B03_a_hostile_token_meets_the_refusal_and_is_echoed_nowhere(world: World, token: str) -> None:
    who = world.new_person()
    for method, verb in (("GET", ""), ("POST", "/accept"), ("POST", "/decline")):
        answer = world.call(method, f"/v1/invitations/{token}{verb}", who, content=MARK.encode())
        assert (answer.status_code, answer.json()["code"]) == (404, "invitation_unavailable")
        assert MARK not in answer.text + repr(answer.headers)


@pytest.mark.covers("B16", "B18", "B15", "A10", "B02")
def test_B16_neither_hash_nor_id_nor_another_spelling_of_a_live_token_opens_anything(world: World) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    digest = hashlib.sha256(invited.token.encode())
    others = [digest.hexdigest(), invited.invitation_id, invited.token.lower(), invited.token + ".json"]
    others += [invited.token + "%20", "%20" + invited.token, invited.token + "/", invited.token + "%00"]
    for spelling in others:
        assert world.call("GET", f"/v1/invitations/{spelling}").status_code == 404
        assert world.call("POST", f"/v1/invitations/{spelling}/accept", vera).status_code == 404
    xml = world.call("GET", invited.road + "?format=xml", headers={"accept": "application/xml"})
    assert (xml.status_code, set(xml.json())) == (200, set(world.call("GET", invited.road).json()))
    forged = {"x-user-email": vera.emails[0], "x-tenant-id": "other", "x-http-method-override": "DELETE"}
    mallory = world.new_person("mallory")
    body = {"email": vera.emails[0], "tenant_id": "other", "user_id": vera.principal_id}
    road = invited.road + "/accept?tenant=other"
    assert world.call("POST", road, mallory, body=body, headers=forged).status_code == 404
    assert world.call("POST", road, vera, body=body, headers=forged).status_code == 204
    assert world.has_member(invited.tenant_id, vera)


@pytest.mark.covers("B17")
def test_B17_a_megabyte_of_token_is_answered_or_hung_up_on_but_never_a_5xx(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as raw:
        raw.sendall(b"GET /v1/invitations/" + b"x" * 1_000_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n")
        raw.settimeout(30)
        try:
            head = raw.recv(64)
        except ConnectionError:
            head = b""
    assert head[9:10] in {b"4", b""}
    assert world.call("GET", "/healthz").status_code == 200


@pytest.mark.parametrize("method,path", [("POST", "/suspend"), ("POST", "/resume"), ("DELETE", "")])
def test_a_call_without_a_body_refuses_to_be_told_anything(world: World, method: str, path: str) -> None:
    home, _ = arrange(world)
    told = world.call(method, home + path, PLATFORM, body={"tenant_id": "other"})
    assert (told.status_code, told.json()["errors"][0]["pointer"]) == (422, "/tenant_id")
    assert world.call(method, home + path, PLATFORM, body={}).status_code in {200, 204}


@pytest.mark.parametrize("header", ["", "x" * 256, "a\u00e9", "a\tb"])
def test_a_bad_idempotency_key_is_named(world: World, header: str) -> None:
    home, owner = arrange(world)
    sent = httpx2.Headers(
        [*world.credentials(owner).items(), ("idempotency-key", header)], encoding="latin-1"
    )
    body = {"email": "vera@example.com", "role": "member"}
    answer = world.client.post(home + "/invitations", json=body, headers=sent)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/headers/idempotency-key")


@pytest.mark.covers("INT-01", "W07")
@pytest.mark.parametrize(
    "path",
    [
        "/v1/",
        "/v1/nothing",
        "/v1/tenants",
        "/v1/tenants/x/",
        "/v1//tenants/x",
        "/V1/tenants/x",
        "/v1/Tenants/x",
    ],
)
def test_W07_an_unknown_road_is_a_problem_of_its_own(world: World, path: str) -> None:
    answer = world.call("GET", path, PLATFORM)
    assert answer.status_code == 404
    if path.startswith("/v1/"):
        assert (answer.json()["code"], answer.headers["content-type"]) == (
            "not_found",
            "application/problem+json",
        )


@pytest.mark.covers("INT-01", "D03", "W07")
@pytest.mark.parametrize(
    "method,path,allowed",
    [
        ("PATCH", "/v1/tenants/x", "DELETE, GET, PUT"),
        ("POST", "/v1/tenants/x/members", "GET"),
        ("GET", "/v1/tenants/x/members/y", "DELETE, PUT"),
        ("PUT", "/v1/tenants/x/invitations", "GET, POST"),
        ("PATCH", "/v1/tenants/x/invitations/y", "DELETE, GET"),
        ("GET", "/v1/tenants/x/invitations/y/resend", "POST"),
        ("GET", "/v1/me/invitations/y/accept", "POST"),
        ("OPTIONS", "/v1/tenants/x", "DELETE, GET, PUT"),
        ("TRACE", "/v1/tenants/x", "DELETE, GET, PUT"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/v1/invitations/x", "GET, HEAD"),
        ("GET", "/v1/invitations/x/accept", "POST"),
    ],
)
def test_a_wrong_method_names_the_right_ones(world: World, method: str, path: str, allowed: str) -> None:
    answer = world.call(method, path, PLATFORM, headers={"x-http-method-override": "PUT"})
    assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (
        405, allowed, "method_not_allowed",
    )  # fmt: skip

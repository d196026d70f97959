# SPDX-License-Identifier: Apache-2.0
"""What the HTTP surface promises whoever asks: links by configuration, quiet reads, logs without secrets."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping

import pytest

from tests.web.harness import PLATFORM, PUBLIC_URL, World

SPOOFED = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "http",
    "x-forwarded-port": "1",
    "x-forwarded-prefix": "/evil",
    "forwarded": "host=evil.example;proto=http",
    "origin": "https://evil.example",
    "referer": "https://evil.example/",
    "x-original-url": "/evil",
}
MakeWorld = Callable[[Mapping[str, str]], World]


@pytest.mark.covers("G07", "DEL-01", "G09")
@pytest.mark.parametrize("spoofed", SPOOFED)
def test_G07_the_link_has_the_configured_origin_whatever_the_request_says(world: World, spoofed: str) -> None:
    owner = world.new_person("owner")
    path = f"/v1/tenants/{world.new_tenant(owner=owner, resend_cooldown=0)}/invitations"
    headers = {spoofed: SPOOFED[spoofed]}
    body = {"email": "vera@example.com", "role": "member", "deliver": "link"}
    made = world.call("POST", path, owner, body=body, headers=headers).json()
    resent = world.call(
        "POST", f"{path}/{made['invitation_id']}/resend", owner, body={"deliver": "link"}, headers=headers
    ).json()
    for shown in (made, resent):
        assert shown["link"].startswith(PUBLIC_URL + "/i/vst_")
        assert "evil" not in json.dumps(shown)


@pytest.mark.covers("G10", "ACC-01", "F10", "W07")
def test_G10_a_storm_of_quiet_requests_changes_nothing(world: World) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner)
    invited = world.invite(tenant_id, owner, vera.emails[0])
    before = world.dump()
    paths = [invited.road, invited.road + "/accept", invited.road + "/decline", invited.road + "/request-new"]
    paths += [invited.path, invited.path + "/resend", f"/v1/tenants/{tenant_id}", "/v1/me/invitations"]
    paths += [f"/v1/me/invitations/{invited.invitation_id}/accept", f"/i/{invited.token}"]
    for _ in range(5):
        for path in paths:
            for method in ("GET", "HEAD", "OPTIONS"):
                for who in (None, vera, owner, PLATFORM):
                    assert world.call(method, path, who).status_code < 500
    assert world.dump() == before
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204


@pytest.mark.covers("B05", "OBS-04", "K10")
def test_B05_no_log_line_holds_a_token_an_address_or_a_credential(world: World, logs: io.StringIO) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    for path in (invited.road, invited.road + "/accept/junk", invited.road + "%00", f"/i/{invited.token}"):
        world.call("GET", path, vera)
    world.call("POST", invited.road + "/accept", world.new_person())
    world.call("POST", invited.road + "/accept", vera)
    lines = logs.getvalue()
    assert '"route": "/v1/invitations/{token}/accept"' in lines
    for secret in (invited.token, invited.token[4:20], vera.emails[0], PLATFORM.secret):
        assert secret not in lines


@pytest.mark.covers("W06", "B04", "W02", "INT-01")
def test_every_answer_has_its_request_id_and_is_kept_by_nobody(world: World) -> None:
    answers = [
        world.call("GET", "/v1/me/invitations", world.new_person()),
        world.call("GET", "/v1/me/invitations"),
        world.call("GET", "/v1/nothing"),
        world.call("PATCH", "/v1/tenants/x"),
        world.call("PUT", "/v1/tenants/x", PLATFORM, content=b"{"),
        world.call("GET", "/openapi.json"),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 405, 422, 200]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.status_code >= 400:
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answers[1].headers["www-authenticate"].startswith("Bearer")


@pytest.mark.covers("W08")
@pytest.mark.parametrize(
    "origin", ["null", "https://invite.example.com.evil.com", "http://invite.example.com"]
)
def test_W08_no_origin_is_granted_anything(world: World, origin: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = world.call(method, "/v1/me/invitations", world.new_person(), headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.covers("ISS-16", "INT-01")
def test_a_limit_on_issuing_answers_429_with_its_headers_and_writes_nothing(make_world: MakeWorld) -> None:
    world = make_world({"LIMIT_ISSUE_PER_INVITER": "2/3600"})
    owner = world.new_person("owner")
    path = f"/v1/tenants/{world.new_tenant(owner=owner)}/invitations"
    statuses = [
        world.call("POST", path, owner, body={"email": f"p{number}@example.com", "role": "member"})
        for number in range(3)
    ]
    assert [answer.status_code for answer in statuses] == [201, 201, 429]
    limited = statuses[2]
    assert limited.json()["code"] == "rate_limited"
    assert limited.headers["ratelimit-limit"] == "2"
    assert 0 < int(limited.headers["retry-after"]) <= 3600
    assert len(world.call("GET", path, owner).json()["items"]) == 2


@pytest.mark.covers("ACC-08")
def test_too_many_wrong_tries_are_slowed_down_and_the_right_person_still_gets_in(
    make_world: MakeWorld,
) -> None:
    world = make_world({"LIMIT_CLAIM_PER_TOKEN": "3/600"})
    owner, vera, mallory = world.new_person("owner"), world.new_person("vera"), world.new_person("m")
    invited = world.invite(world.new_tenant(owner=owner), owner, vera.emails[0])
    tried = [world.call("POST", invited.road + "/accept", mallory) for _ in range(5)]
    assert [answer.status_code for answer in tried] == [404, 404, 404, 429, 429]
    assert tried[4].headers["retry-after"]
    assert world.call("POST", invited.road + "/accept", vera).status_code == 204


@pytest.mark.covers("OBS-01")
def test_issuing_resending_and_revoking_are_counted(world: World) -> None:
    def read() -> dict[str, float]:
        lines = world.call("GET", "/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    names = (
        'vestibule_issued_total{act="issue"}',
        'vestibule_issued_total{act="resend"}',
        "vestibule_revoked_total",
    )
    before = read()
    owner = world.new_person("owner")
    invited = world.invite(world.new_tenant(owner=owner), owner, "vera@example.com")
    world.call("POST", invited.path + "/resend", owner)
    world.call("DELETE", invited.path, owner)
    after = read()
    assert [after[name] - before.get(name, 0) for name in names] == [1, 1, 1]

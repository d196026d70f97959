# SPDX-License-Identifier: Apache-2.0
"""``POST /v1/leaks`` as a secret-scanning partner calls it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.servers import PostgresServer
from tests.web.harness import ENGINES, PLATFORM, World
from tests.web.ringed import Ring, ring_settings
from vestibule.core.token import mint_claim_token

PARTNER = ec.generate_private_key(ec.SECP256R1())
PATH = "/v1/leaks"


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("leaks")
    url = f"sqlite:///{directory / 'vestibule.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    made = World(url, directory, {**ring_settings(directory), "LEAK_KEYS": _publish(directory)}).start()
    Ring(made).create()
    yield made
    made.stop()


def _publish(directory: Path) -> str:
    public = PARTNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path = directory / "partner.json"
    path.write_text(
        json.dumps({"public_keys": [{"key_identifier": "one", "key": public.decode(), "is_current": True}]})
    )
    return str(path)


def report(
    world: World, findings: object, *, key_id: str = "one", body: bytes | None = None
) -> httpx2.Response:
    signed = json.dumps(findings).encode()
    signature = base64.b64encode(PARTNER.sign(signed, ec.ECDSA(SHA256()))).decode()
    headers = {"Github-Public-Key-Identifier": key_id, "Github-Public-Key-Signature": signature}
    return world.call("POST", PATH, content=signed if body is None else body, headers=headers)


def finding(
    token: str, url: str = "https://github.com/octocat/Hello-World/blob/1234/foo.txt"
) -> dict[str, str]:
    return {"token": token, "type": "vestibule_claim_token", "url": url, "source": "content"}


@pytest.mark.covers("DEL-09", "B05", "TOK-02")
@pytest.mark.parametrize("kind", ["opaque", "signed"])
def test_reported_links_of_both_kinds_die_and_are_labelled(
    world: World, kind: str, logs: io.StringIO
) -> None:
    owner, vera = world.new_person("owner"), world.new_person("vera")
    tenant_id = world.new_tenant(owner=owner, token=kind)
    invited, spared = (world.invite(tenant_id, owner, who.emails[0]) for who in (vera, world.new_person()))
    unknown = mint_claim_token().reveal()
    tokens = [invited.token, unknown, "not a token", invited.token]
    answer = report(world, [finding(token) for token in tokens])
    assert answer.status_code == 200
    labels = ["true_positive", "false_positive", "false_positive", "true_positive"]
    assert answer.json() == [
        {
            "token_hash": hashlib.sha256(token.encode()).hexdigest(),
            "token_type": "vestibule_claim_token",
            "label": label,
        }
        for token, label in zip(tokens, labels, strict=True)
    ]
    assert world.call("GET", invited.road).status_code == 404
    assert world.call("GET", spared.road).status_code == 200
    events = world.call("GET", invited.path, owner).json()
    assert (events["state"], events["generation"]) == ("pending", 2)
    for secret in (invited.token, "octocat"):
        assert secret not in logs.getvalue()
        assert not any(secret in repr(rows) for rows in world.contents().values())
    assert "github.com" in repr(world.contents()["vestibule_audit_events"])


@pytest.mark.covers("DEL-09", "K03")
def test_whoever_does_not_sign_learns_nothing_and_changes_nothing(world: World) -> None:
    owner = world.new_person("owner")
    invited = world.invite(world.new_tenant(owner=owner), owner, world.new_person("vera").emails[0])
    real, noise = json.dumps([finding(invited.token)]).encode(), b"%%%"
    answers = [
        world.call("POST", PATH, content=real),
        world.call("POST", PATH, owner, content=real),
        world.call("POST", PATH, PLATFORM, content=real),
        world.call("POST", PATH, content=noise),
        report(world, [], body=real),
        report(world, [finding(invited.token)], key_id="two"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["code"] for answer in answers}) == 1
    assert len({len(answer.content) for answer in answers}) == 1
    assert world.call("GET", invited.road).status_code == 200
    assert report(world, [finding(invited.token)]).status_code == 200
    assert world.call("GET", invited.road).status_code == 404


@pytest.mark.covers("DEL-09")
@pytest.mark.parametrize(
    "findings", [{}, [1], [{}], [{"token": 1}], [finding("x" * 500)] * 501, "text", None]
)
def test_a_signed_report_of_another_shape_is_refused(world: World, findings: Any) -> None:
    assert report(world, findings).status_code == 422
    assert report(world, [finding("x") | {"extra": 1}, {"token": "y"}]).status_code == 200


@pytest.mark.covers("DEL-09", "B17")
def test_a_report_is_bounded_before_it_is_read(world: World) -> None:
    assert report(world, [finding("x" * 1_100_000)]).status_code == 413


@pytest.mark.covers("DEL-09")
def test_without_a_partners_keys_there_is_no_such_road(world: World, make_world: Any) -> None:
    assert make_world({}).call("POST", PATH, content=b"[]").status_code == 404

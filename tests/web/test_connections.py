# SPDX-License-Identifier: Apache-2.0
"""Connections over HTTP: a secret goes in and never comes out; what can't work is told by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rings import fill_ring, make_store, name_store
from tests.web.harness import PLATFORM, World

BODY: dict[str, Any] = {"name": "Acme", "issuer": "https://idp.acme.example", "client_id": "client"}


@pytest.mark.covers("INT-04", "INT-01", "K04")
def test_a_connection_is_put_listed_and_removed_and_its_secret_is_never_shown(tmp_path: Path) -> None:
    provider = make_store(tmp_path / "ring")
    world = World(f"sqlite:///{tmp_path / 'w.db'}", tmp_path, name_store(tmp_path / "ring")).start()
    try:
        owner = world.new_person("owner")
        tenant_id = world.new_tenant(owner=owner)
        road = f"/v1/tenants/{tenant_id}/connections"
        body = {**BODY, "client_secret": "hush hush"}
        keyless = world.call("PUT", f"{road}/own", owner, body=body)
        assert (keyless.status_code, keyless.json()["errors"][0]["pointer"]) == (422, "/client_secret")
        # The key that comes while the service runs is known to it.
        fill_ring(world.engine, provider)
        mapped = {**body, "amr_map": {"otp": "mfa"}}
        refused = world.call("PUT", f"{road}/own", owner, body=mapped)
        assert refused.status_code == 422
        assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/amr_map"]
        made = world.call("PUT", f"{road}/own", owner, body=body)
        assert (made.status_code, made.json()["amr_map"]) == (201, {})
        assert world.call("PUT", f"{road}/own", PLATFORM, body=mapped).json() == {
            "connection_id": "own",
            "tenant_id": tenant_id,
            "name": "Acme",
            "provider": "generic",
            "issuer": "https://idp.acme.example",
            "client_id": "client",
            "has_secret": True,
            "amr_map": {"otp": "mfa"},
            "disabled": False,
            "redirect_uri": "https://invite.example.com/sign-in/callback/own",
            "created_at": made.json()["created_at"],
        }
        assert world.call("PUT", f"{road}/own", owner, body=BODY).json()["has_secret"] is True
        listed, got = world.call("GET", road, owner), world.call("GET", f"{road}/own", owner)
        assert listed.json()["items"] == [got.json()]
        assert "hush" not in made.text + listed.text + got.text
        assert "hush" not in repr(world.contents())
        checked = world.call("POST", f"{road}/own/check", owner).json()
        assert checked["healthy"] is False
        assert checked["findings"]
        assert world.call("GET", "/v1/connections", PLATFORM).json()["items"] == []
        assert world.call("GET", "/v1/connections/own", PLATFORM).status_code == 404
        assert world.call("DELETE", f"{road}/own", owner).status_code == 204
        assert world.call("GET", f"{road}/own", owner).status_code == 404
    finally:
        world.stop()


@pytest.mark.covers("INT-01", "INT-04")
@pytest.mark.parametrize(
    "pointer,change",
    [
        ("/issuer", {"issuer": "http://idp.acme.example"}),
        ("/issuer", {"issuer": "http://127.0.0.1:1"}),
        ("/issuer", {"issuer": ...}),
        ("/provider", {"provider": "saml"}),
        ("/provider", {"issuer": "https://accounts.google.com"}),
        ("/client_secret", {"client_secret": "x"}),
        ("/client_id", {"client_id": ...}),
        ("/amr_map", {"amr_map": {"x": "strong"}}),
        ("/secret", {"secret": "x"}),
    ],
)
def test_what_can_not_work_is_told_by_field(world: World, pointer: str, change: dict[str, Any]) -> None:
    tenant_id = world.new_tenant()
    road = f"/v1/tenants/{tenant_id}/connections/{tenant_id}-own"
    body = {name: value for name, value in {**BODY, **change}.items() if value is not ...}
    answer = world.call("PUT", road, PLATFORM, body=body)
    assert answer.status_code == 422, answer.text
    assert pointer in {fault["pointer"] for fault in answer.json()["errors"]}
    assert world.call("PUT", road, PLATFORM, body=BODY).status_code == 201
    google = {"name": "Google", "provider": "google", "client_id": "client"}
    assert (
        world.call("PUT", road + "-g", PLATFORM, body=google).json()["issuer"]
        == "https://accounts.google.com"
    )

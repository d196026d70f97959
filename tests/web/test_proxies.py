# SPDX-License-Identifier: Apache-2.0
"""Whose address a request comes from: the peer's, or what a proxy of ours says, and nobody else's word."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

import pytest

from tests.web.harness import PLATFORM, Key, World
from vestibule.web.asgi import find_client_ip

MakeWorld = Callable[[Mapping[str, str]], World]
OURS = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.covers("ACC-08")
@pytest.mark.parametrize(
    "peer, forwarded, found",
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("fd00::1", "2001:db8::9", "2001:db8::9"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_is_believed_and_only_its_nearest_stranger(
    peer: str, forwarded: str | None, found: str
) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (peer, 4711), "headers": headers}
    assert find_client_ip(scope, OURS) == found
    assert find_client_ip(scope, ()) == peer


@pytest.mark.covers("OBS-01")
def test_metrics_are_for_this_machine_and_for_keys(make_world: MakeWorld) -> None:
    world = make_world({"TRUSTED_PROXIES": "127.0.0.1"})
    outside = {"x-forwarded-for": "203.0.113.9"}
    statuses = [
        world.call("GET", "/metrics").status_code,
        world.call("GET", "/metrics", headers=outside).status_code,
        world.call("GET", "/metrics", world.new_person(), headers=outside).status_code,
        world.call("GET", "/metrics", Key("vsk_" + "x" * 40), headers=outside).status_code,
        world.call("GET", "/metrics", PLATFORM, headers=outside).status_code,
    ]
    assert statuses == [200, 404, 404, 401, 200]

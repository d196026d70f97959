# SPDX-License-Identifier: Apache-2.0
"""Whose network address a request has, behind proxies that add their own header line."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

import pytest

from tests.web.harness import World
from vestibule.web.asgi import find_client_ip

MakeWorld = Callable[[Mapping[str, str]], World]
_PROXY = (ipaddress.ip_network("10.0.0.0/8"),)


def _scope(*lines: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    return {"type": "http", "client": ("10.0.0.1", 1), "headers": headers}


def test_a_forged_line_before_the_proxys_own_line_names_nobody() -> None:
    # HAProxy's "option forwardfor" adds a line of its own after whatever the client sent.
    assert find_client_ip(_scope("127.0.0.1", "203.0.113.9"), _PROXY) == "203.0.113.9"
    assert find_client_ip(_scope("127.0.0.1, 10.0.0.7", "203.0.113.9, 10.0.0.2"), _PROXY) == "203.0.113.9"


def test_metrics_are_not_public_behind_a_proxy_with_lines_of_its_own(make_world: MakeWorld) -> None:
    world = make_world({"TRUSTED_PROXIES": "127.0.0.1"})
    lines = [("x-forwarded-for", "::1"), ("x-forwarded-for", "203.0.113.9")]
    assert world.client.get("/metrics", headers=lines).status_code == 404


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
def test_metrics_are_not_public_behind_a_proxy_on_this_machine_that_nobody_told_us_about(
    world: World, name: str
) -> None:
    # They count refusals by their private reason: an oracle for whoever can read them twice.
    assert world.client.get("/metrics").status_code == 200
    assert world.client.get("/metrics", headers={name: "203.0.113.9"}).status_code == 404

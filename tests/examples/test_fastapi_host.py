# SPDX-License-Identifier: Apache-2.0
"""The example application, run as its README says, over real HTTP, on both engines."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.architecture.sources import ROOT
from tests.servers import PostgresServer


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Teams:
    """The running application."""

    port: int

    def call(self, method: str, path: str, who: str | None = None, body: object = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"content-type": "application/json"} | ({"x-example-user": who} if who else {})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        fields = {name.lower(): value for name, value in response.getheaders() if name.lower() != "date"}
        return Answer(response.status, fields, json.loads(text) if text else None)

    def wait_for_mail(self, address: str, kind: str) -> None:
        _wait_until(lambda: any(one["kind"] == kind for one in self.call("GET", f"/mailbox/{address}").body))

    def invite(self, address: str = "vera@example.com") -> str:
        """Invite, and follow the mail: the path of the newest link."""
        seen = len(self.call("GET", f"/mailbox/{address}").body)
        issued = self.call("POST", "/teams/acme/invitations", "olga", {"email": address})
        assert issued.status == 201, issued
        _wait_until(lambda: len(self.call("GET", f"/mailbox/{address}").body) > seen)
        return str(urlsplit(self.call("GET", f"/mailbox/{address}").body[-1]["link"]).path)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def teams(request: pytest.FixtureRequest) -> Iterator[Teams]:
    port = _free_port()
    options = ["--port", str(port)]
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        options += ["--database-url", server.url(server.create_database())]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.fastapi_host", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: _is_open(port, process))
        yield Teams(port)
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.covers("INT-02", "ACC-07", "ACC-17")
def test_invited_refused_to_others_accepted_once(teams: Teams) -> None:
    link = teams.invite()
    before = teams.call("GET", "/teams/acme", "olga").body
    seen = teams.call("GET", link)
    assert (seen.body["team"], seen.body["invited"]) == ("Acme", "v***@example.com")
    assert teams.call("POST", f"{link}/accept", None, {"nickname": "v"}).status == 401

    unknown = teams.call("POST", f"/i/vst_{'0' * 49}/accept", "mallory", {"nickname": "m"})
    wrong = teams.call("POST", f"{link}/accept", "mallory", {"nickname": "m"})
    assert wrong.status == 404
    assert wrong.body["code"] == "invitation_unavailable"
    assert _public(wrong) == _public(unknown)
    assert teams.call("GET", "/teams/acme", "olga").body == before

    accepted = teams.call("POST", f"{link}/accept", "vera", {"nickname": "v"})
    assert accepted.body == {"team_id": "acme", "role": "member"}
    team = teams.call("GET", "/teams/acme", "vera").body
    assert "vera member" in team["members"]
    assert team["activity"][-1] == "v joined"
    teams.wait_for_mail("olga@example.com", "accepted_notice")

    again = teams.call("POST", f"{link}/accept", "vera", {"nickname": "w"})
    assert _public(again) == _public(wrong)
    assert teams.call("GET", "/teams/acme", "vera").body == team
    assert teams.call("DELETE", "/teams/acme/members/vera", "olga").status == 204
    assert teams.call("GET", "/teams/acme", "vera").status == 404


@pytest.mark.covers("INT-02")
def test_F07_when_the_host_fails_after_accepting_both_are_rolled_back_and_the_link_still_works(
    teams: Teams,
) -> None:
    addresses = {name: f"{name}-{time.time_ns()}@example.com" for name in ("pia", "noa")}
    users = {}
    links = {}
    for name, address in addresses.items():
        made = teams.call("POST", "/users", None, {"name": name.title(), "email": address})
        users[name] = made.body["user_id"]
        links[name] = teams.invite(address)
    assert teams.call("POST", f"{links['pia']}/accept", users["pia"], {"nickname": "p"}).status == 200
    before = teams.call("GET", "/teams/acme", "olga").body

    taken = teams.call("POST", f"{links['noa']}/accept", users["noa"], {"nickname": "p"})

    assert taken.status == 409
    assert teams.call("GET", "/teams/acme", "olga").body == before
    assert teams.call("GET", links["noa"]).status == 200
    assert teams.call("POST", f"{links['noa']}/accept", users["noa"], {"nickname": "n"}).status == 200
    after = teams.call("GET", "/teams/acme", "olga").body
    assert f"{users['noa']} member" in after["members"]
    assert after["activity"] == [*before["activity"], "n joined"]


def _public(answer: Answer) -> tuple[int, dict[str, str], dict[str, Any]]:
    """All that a caller sees, but for the id of its own request."""
    assert len(answer.body["request_id"]) == 36
    return answer.status, answer.headers, {**answer.body, "request_id": ""}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.05)


def _is_open(port: int, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"the example ended with {process.returncode}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

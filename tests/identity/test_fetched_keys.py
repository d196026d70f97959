# SPDX-License-Identifier: Apache-2.0
"""Keys at an address: real HTTP on the loopback, and a clock that moves only when told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import structlog

from tests.identity.signing import EdSigner, jwks
from vestibule.errors import ConfigurationError
from vestibule.identity.fetched_keys import FetchedKeys, FetchPolicy
from vestibule.identity.jwks import SETTING

OLD, NEW = EdSigner("old"), EdSigner("new")


class Host:
    """A host that publishes its keys, well or badly."""

    def __init__(self) -> None:
        self.body = jwks(OLD)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.stalls = threading.Event()
        self.requests = 0
        self.url = ""


@pytest.fixture
def host() -> Iterator[Host]:
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests += 1
            if state.stalls.is_set():
                time.sleep(1)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(state.body)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    """Seconds that stand still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def fetched(host: Host, clock: Clock, **policy: float) -> Iterator[FetchedKeys]:
    keys = FetchedKeys(host.url, policy=FetchPolicy(**policy), monotonic=clock).start()
    try:
        yield keys
    finally:
        keys.close()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        threading.Event().wait(0.005)


@pytest.mark.covers("INT-04")
def test_keys_are_read_at_start_and_answered_from_memory(host: Host) -> None:
    with fetched(host, Clock()) as keys:
        for _ in range(100):
            assert keys.find("old") is not None
            assert keys.find(None) is not None
        assert host.requests == 1


@pytest.mark.covers("C06")
def test_an_unknown_kid_has_the_keys_read_again_beside_the_caller(host: Host) -> None:
    clock = Clock()
    with fetched(host, clock) as keys:
        host.body = jwks(OLD, NEW)
        clock.now += 31
        assert keys.find("new") is None
        eventually(lambda: keys.find("new") is not None)
        assert keys.find("old") is not None


@pytest.mark.covers("C04")
def test_a_flood_of_invented_kids_is_one_request_in_thirty_seconds(host: Host) -> None:
    clock = Clock()
    with fetched(host, clock) as keys:
        for half_minute in range(1, 4):
            clock.now += 31
            for number in range(500):
                assert keys.find(f"../../{half_minute}/{number}") is None
            expected = 1 + half_minute
            eventually(lambda expected=expected: host.requests >= expected)  # type: ignore[misc]
        # Long enough for many more, had the thread been woken again.
        for number in range(20):
            assert keys.find(f"' OR {number}") is None
            threading.Event().wait(0.005)
        assert host.requests == 4
        assert keys.find("old") is not None


@pytest.mark.covers("C06")
def test_keys_are_read_again_by_themselves_and_a_withdrawn_one_dies(host: Host) -> None:
    with fetched(host, Clock(), max_age=0.02) as keys:
        assert keys.find("old") is not None
        host.body = jwks(NEW)
        eventually(lambda: keys.find("new") is not None)
        assert keys.find("old") is None


@pytest.mark.covers("C06")
def test_an_address_gone_dark_keeps_its_keys_for_a_day(host: Host) -> None:
    clock = Clock()
    with structlog.testing.capture_logs() as events, fetched(host, clock, max_age=0.02) as keys:
        host.status = 503
        eventually(lambda: host.requests > 3)
        assert keys.find("old") is not None
        clock.now += 86_400
        assert keys.find("old") is None
        host.status = 200
        eventually(lambda: keys.find("old") is not None)
    assert "jwks.refresh_failed" in {event["event"] for event in events}


def _redirect(host: Host) -> None:
    host.status, host.headers = 302, {"Location": host.url}


def _too_large(host: Host) -> None:
    host.body = jwks(OLD) + b" " * 70_000


def _compressed(host: Host) -> None:
    host.headers = {"Content-Encoding": "gzip"}


def _failing(host: Host) -> None:
    host.status = 500


def _no_keys(host: Host) -> None:
    host.body = b"<html>sign in</html>"


def _stalling(host: Host) -> None:
    host.stalls.set()


@pytest.mark.parametrize("spoil", [_redirect, _too_large, _compressed, _failing, _no_keys, _stalling])
def test_an_unusable_answer_at_start_names_the_setting(host: Host, spoil: Callable[[Host], None]) -> None:
    FetchedKeys(host.url).refresh()
    spoil(host)
    with pytest.raises(ConfigurationError) as caught:
        FetchedKeys(host.url, policy=FetchPolicy(timeout=0.2)).start()
    assert caught.value.setting == SETTING
    assert host.requests == 2


def test_an_address_where_nobody_answers_names_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="ConnectError"):
        FetchedKeys("http://127.0.0.1:9/jwks.json").start()


@pytest.mark.parametrize(
    "url",
    [
        "http://host.example/jwks",
        "http://127.0.0.1.evil.example/",
        "ftp://host.example/",
        "file:///etc/passwd",
        "https://",
        "https://user:pw@host.example/",
        "https://host.example/#x",
        "jwks.json",
        "https://[",
        "http://h:x/",
    ],
)
def test_only_https_or_the_loopback_is_asked(url: str) -> None:
    for good in ("https://host.example/.well-known/jwks.json", "http://localhost:1/", "http://[::1]/"):
        FetchedKeys(good)
    with pytest.raises(ConfigurationError) as caught:
        FetchedKeys(url)
    assert caught.value.setting == SETTING
    assert "pw" not in str(caught.value)

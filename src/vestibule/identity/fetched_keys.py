# SPDX-License-Identifier: Apache-2.0
"""The host's public keys from its JWKS address, kept fresh beside the event loop (CRYPTO.md 2.2).

Guarantees:

* ``find`` answers from memory; the network is touched only by ``start``, ``refresh`` and the one thread;
* keys are read again every five minutes, and an unknown key id asks for it at most once per 30 seconds,
  however many strangers invent key ids;
* a failed read keeps the keys of the last good one, for a day at most: a key that the host withdrew must
  not live for ever because its address went dark;
* https only (http to the loopback), no redirects, at most 64 KiB, a deadline for the whole answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httpx2
import structlog

from vestibule.errors import ConfigurationError
from vestibule.identity.jwks import MAX_BYTES, SETTING, KeySet, PublicKey, parse_jwks

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_log = structlog.get_logger("vestibule.identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """Seconds that govern reading the key set."""

    max_age: float = 300
    cooldown: float = 30
    stale_for: float = 86_400
    timeout: float = 5


@dataclass(frozen=True, slots=True)
class _Snapshot:
    keys: KeySet
    fetched_at: float


class FetchedKeys:
    """Keys at an address. ``start`` before use, ``close`` after; safe to ask from any thread."""

    def __init__(
        self,
        url: str,
        *,
        parse: Callable[[bytes], KeySet] = parse_jwks,
        policy: FetchPolicy | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        _check_url(url)
        self._url = url
        self._parse = parse
        self._policy = policy or FetchPolicy()
        self._monotonic = monotonic
        self._transport = transport
        # Replaced whole by refresh(), so that a reader needs no lock.
        self._snapshot: _Snapshot | None = None
        self._next_attempt_at = float("-inf")
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Read the keys once, and from now on keep them fresh in a thread of their own.

        Raises:
            ConfigurationError: the key set can't be read or is not usable.
        """
        self.refresh()
        self._thread = threading.Thread(target=self._keep_fresh, name="vestibule-jwks", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop the thread; keys already read stay usable until they are stale."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=self._policy.timeout * 2)
            self._thread = None

    def find(self, kid: str | None) -> PublicKey | None:
        snapshot, now = self._snapshot, self._monotonic()
        if snapshot is not None and now - snapshot.fetched_at < self._policy.stale_for:
            key = snapshot.keys.find(kid)
            if key is not None:
                return key
        if now >= self._next_attempt_at:
            self._next_attempt_at = now + self._policy.cooldown
            self._wake.set()
        return None

    def refresh(self) -> None:
        """Read the keys now, waiting for the answer. Not for the event loop.

        Raises:
            ConfigurationError: the key set can't be read or is not usable; earlier keys stay.
        """
        self._next_attempt_at = self._monotonic() + self._policy.cooldown
        keys = self._parse(self._read())
        self._snapshot = _Snapshot(keys, self._monotonic())

    def _keep_fresh(self) -> None:
        while True:
            self._wake.wait(self._policy.max_age)
            self._wake.clear()
            if self._closed.is_set():
                return
            try:
                self.refresh()
            except ConfigurationError as problem:
                _log.warning("jwks.refresh_failed", problem=problem.problem)

    def _read(self) -> bytes:
        deadline = self._monotonic() + self._policy.timeout * 2
        body = bytearray()
        try:
            with (
                httpx2.Client(
                    timeout=self._policy.timeout,
                    follow_redirects=False,
                    transport=self._transport,
                    # A proxy of the environment is for the way out, not for the loopback.
                    trust_env=self._url.startswith("https:"),
                ) as client,
                client.stream("GET", self._url, headers=_HEADERS) as response,
            ):
                if response.status_code != 200:
                    raise _fault(f"the key address answered {response.status_code}")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise _fault("the key address answered with a compressed body")
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise _fault("the key address answered more than 64 KiB")
                    if self._monotonic() > deadline:
                        raise _fault("the key address answers too slowly")
        except httpx2.HTTPError as problem:
            raise _fault(f"the key address can't be read ({type(problem).__name__})") from None
        return bytes(body)


_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _fault("the key address is not a URL") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise _fault("the key address needs a host, and no user, password or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise _fault("the key address is not https (http is for the loopback only)")


def _fault(problem: str) -> ConfigurationError:
    return ConfigurationError(SETTING, problem, "Open it from this machine, or give a file instead")

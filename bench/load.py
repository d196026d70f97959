# SPDX-License-Identifier: Apache-2.0
"""A load generator: prepared requests over a few kept-alive connections, one answer awaited on each."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run measured. Latencies in milliseconds."""

    requests: int
    seconds: float
    statuses: Counter[int]
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class _Client:
    """One connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.started = 0.0
        self._buffer = b""

    def send(self, request: bytes) -> None:
        self._buffer = b""
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def read_status(self) -> int | None:
        """The status once the whole answer is here."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self._buffer += chunk
        head, end, body = self._buffer.partition(_HEAD_END)
        if not end:
            return None
        return int(head[9:12]) if len(body) >= _content_length(head) else None


def run_load(port: int, requests: Iterator[bytes], *, connections: int) -> Outcome:
    """Send every request, keeping *connections* busy."""
    selector = selectors.DefaultSelector()
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    begun = time.perf_counter()
    busy = 0
    for _ in range(connections):
        request = next(requests, None)
        if request is None:
            break
        client = _Client(port)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(request)
        busy += 1
    while busy:
        for key, _ in selector.select():
            client = key.data
            status = client.read_status()
            if status is None:
                continue
            latencies.append((time.perf_counter() - client.started) * 1000)
            statuses[status] += 1
            request = next(requests, None)
            if request is None:
                selector.unregister(client.socket)
                client.socket.close()
                busy -= 1
            else:
                client.send(request)
    return Outcome(
        requests=len(latencies), seconds=time.perf_counter() - begun, statuses=statuses, latencies=latencies
    )


def build_request(
    method: str, path: str, *, bearer: str | None = None, ip: str = "10.0.0.1", body: bytes | None = None
) -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"X-Forwarded-For: {ip}"]
    if bearer is not None:
        lines.append(f"Authorization: Bearer {bearer}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    elif method == "POST":
        lines.append("Content-Length: 0")
    return "\r\n".join(lines).encode() + _HEAD_END + (body or b"")


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0
